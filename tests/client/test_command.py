"""`python -m seenbefore run -- COMMAND`: the command as it is, and again where it is worth it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from seenbefore import Advice, Decision
from seenbefore.command import LONGEST_S, MOST_ATTEMPTS, Again, next_step
from seenbefore.readable import readable
from tests.client import servers
from tests.client.commands import advising, command, flaky, run


def test_command_that_passes_is_left_alone(tmp_path: Path, spool: Path) -> None:
    """Its streams and its status; nobody is asked."""
    with advising() as server:
        ended = run(server.url, spool, *flaky(tmp_path, 1))

    assert (0, b"out 1\n", b"err: SlowDown\n") == (ended.returncode, ended.stdout, ended.stderr)
    assert [] == server.asked


def test_command_is_run_again_where_that_is_advised(tmp_path: Path, spool: Path) -> None:
    """What it said is the failure's text, and how the retries ended is told."""
    with advising() as server:
        ended = run(server.url, spool, "--pipeline", "p", "--step", "s", "--run-id", "r", *flaky(tmp_path, 3))
        questions = [each.body for each in server.of("/advise")]
        outcomes = [each.body for each in server.of("/incidents/i-1/outcome")]

    assert 0 == ended.returncode
    assert b"out 1\nout 2\nout 3\n" == ended.stdout
    assert b"retry: it is run again in 0.1 s" in ended.stderr
    assert ["p", "s", "r"] == [questions[0][name] for name in ("pipeline", "step", "run_id")]
    assert {"err: SlowDown", "out 1", "The command exited with exit code 7"} == set(questions[0]["text"].splitlines())
    assert [1, 2] == [each["attempt"] for each in questions]
    assert [("failed", 2, 0.1), ("succeeded", 3, 0.1)] == [tuple(each.values()) for each in outcomes]


def test_command_stops_where_that_is_advised(tmp_path: Path, spool: Path) -> None:
    """With its own status."""
    with advising(action="fail") as server:
        ended = run(server.url, spool, "--max-attempts", "5", *flaky(tmp_path, 3))

    assert (7, b"out 1\n") == (ended.returncode, ended.stdout)


def test_without_service_it_is_the_command_alone(tmp_path: Path, spool: Path) -> None:
    """No retries that nobody asked for."""
    ended = run(f"http://127.0.0.1:{servers.free_port()}", spool, *flaky(tmp_path, 3))

    assert (7, b"out 1\n") == (ended.returncode, ended.stdout)


def decided(
    action: Any, *, own: int | None, attempt: int = 1, delay: float | None = 60.0, most: int | None = None
) -> Again:
    """What follows from a decision."""
    advice = Advice(Decision(action, delay, most, "Because."))
    return next_step(advice, attempt=attempt, own_attempts=own, max_delay_s=3_600.0)


def test_advice_and_own_policy_bound_each_other() -> None:
    """The caller's limit holds whatever is advised, and `default` is the caller's policy."""
    assert Again(60.0, "Because.") == decided("retry", own=None)
    assert Again(None, "Attempt 3 was the last of 3. Because.") == decided("retry", own=None, attempt=3)
    assert Again(60.0, "Because.") == decided("retry", own=None, attempt=MOST_ATTEMPTS - 1, most=99)
    assert decided("retry", own=None, attempt=MOST_ATTEMPTS, most=99).after_s is None
    counted = Advice(Decision("default", None, 3, "It passes. Attempt 3 was the last of 3: your own policy decides."))
    again = next_step(counted, attempt=3, own_attempts=3, max_delay_s=9.0)
    assert Again(None, counted.told) == again
    assert Again(None, "Attempt 2 was the last of 2. Because.") == decided("retry", own=2, attempt=2, most=99)
    assert Again(3_600.0, "Because.") == decided("retry", own=None, delay=1e9)
    assert Again(0.0, "Because.") == decided("retry", own=None, delay=None)
    assert Again(None, "Because.") == decided("fail", own=9)
    assert Again(None, "Because.") == decided("default", own=None)
    assert Again(5.0, "Because.") == decided("default", own=2)
    assert Again(LONGEST_S, "Because.") == decided("default", own=99, attempt=50)
    assert Again(None, "Attempt 2 was the last of 2. Because.") == decided("default", own=2, attempt=2)


@pytest.mark.parametrize(("missing", "status"), [("no-such-command", 127), ("/", 126)])
def test_command_that_cannot_be_started(spool: Path, missing: str, status: int) -> None:
    """As a shell has it; asking would be no help."""
    with advising() as server:
        ended = run(server.url, spool, "--max-attempts", "9", "--", missing)

    assert (status, b"") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith(f"seenbefore: {missing}: ".encode())
    assert [] == server.asked


WRONG = [
    [],
    ["--"],
    ["--max-attempts", "0", "--", "true"],
    ["--max-delay", "nan", "--", "true"],
    ["--timeout", "-1", "--", "true"],
    ["--nonsense", "--", "true"],
]


@pytest.mark.parametrize("given", WRONG)
def test_usage_is_told(spool: Path, given: list[str]) -> None:
    """With the status that usage errors have."""
    ended = run("http://127.0.0.1:1", spool, *given)

    assert 2 == ended.returncode
    assert b"usage:" in ended.stderr


def test_options_of_the_command_are_its_own(spool: Path) -> None:
    """So is its standard input, and its bytes are left as they are."""
    copy = "import sys; print(sys.argv[1]); sys.stdout.buffer.write(sys.stdin.buffer.read())"
    ended = run("http://127.0.0.1:1", spool, "--", sys.executable, "-c", copy, "--max-attempts", stdin=b"\xff\0\r\n")

    assert b"--max-attempts\n\xff\0\r\n" == ended.stdout


def test_the_two_dashes_can_be_left_out(tmp_path: Path, spool: Path) -> None:
    """From the command's name on all is its own, two dashes too."""
    echo = "import sys; print(sys.argv[1:])"
    ended = run("http://127.0.0.1:1", spool, "--step", "s", sys.executable, "-c", echo, "--step", "--", "--help")

    assert (0, b"['--step', '--', '--help']\n", b"") == (ended.returncode, ended.stdout, ended.stderr)


def test_help_tells_options_and_exit_statuses(spool: Path) -> None:
    """With an example, and without asking anybody."""
    ended = run("http://127.0.0.1:1", spool, "--help")

    assert 0 == ended.returncode
    for word in (b"--max-attempts", b"default", b"127", b"128+N", b"example:"):
        assert word in ended.stdout


def test_what_follows_is_told_in_one_line(tmp_path: Path, spool: Path) -> None:
    """Retry and stop, with the reason and where to go on; nothing else is added to what the command says."""
    with advising(max_attempts=2) as server:
        ended = run(server.url, spool, *flaky(tmp_path, 9))

    told = "seenbefore: The command exited with exit code 7; retry: it is"
    why = "It has passed before. It can resume behind train/scaling."
    assert [
        "err: SlowDown",
        f"{told} run again in 0.1 s (attempt 2). {why}",
        "err: SlowDown",
        f"{told} not run again. Attempt 2 was the last of 2. {why}",
    ] == ended.stderr.decode().splitlines()


def test_a_service_that_is_away_is_told_in_one_line(tmp_path: Path, spool: Path) -> None:
    """By the decision and its reason; no library warns beside it."""
    ended = run(f"http://127.0.0.1:{servers.free_port()}", spool, *flaky(tmp_path, 9))

    assert ["err: SlowDown", "seenbefore: The command exited with exit code 7; default: it is not run again."] == [
        line.partition(" Seen Before")[0] for line in ended.stderr.decode().splitlines()
    ]


@pytest.mark.parametrize("binary", ["os.urandom(300_000)", "gzip.compress(os.urandom(300_000))", "bytes(300_000)"])
def test_binary_output_is_no_text(spool: Path, binary: str) -> None:
    """It streams through as it is; what is asked about is what can be read, however much comes after it."""
    code = f"""
import gzip, os, sys
print("OSError: [Errno 28] No space left on device", file=sys.stderr, flush=True)
data = {binary}
sys.stdout.buffer.write(data)
sys.stdout.buffer.flush()
print(len(data), file=sys.stderr)
sys.exit(3)
"""
    with advising(action="fail") as server:
        ended = run(server.url, spool, "--", sys.executable, "-c", code)
        lines = server.of("/advise")[0].body["text"].splitlines()

    assert f"{len(ended.stdout)}" == ended.stderr.decode().splitlines()[1]
    assert "OSError: [Errno 28] No space left on device" in lines
    assert "The command exited with exit code 3" == lines[-1]
    assert len("".join(lines)) < 200


def test_text_is_read_in_any_encoding() -> None:
    """Colours, bars that draw themselves anew, Latin letters; binary bytes leave the text beside them."""
    for text in (b"\x1b[31mError\x1b[0m\n", b"12%\x08\x08\x0813%\r14%\n", b"caf\xe9 ferm\xe9\n", b"\n", b""):
        assert text == readable(text)

    assert b"Error: bad\nNo space left on device\n" == readable(
        b"\0\1\2\nError: bad\nab\n\xff\0No space left on device\0\n"
    )
    assert b"" == readable(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")


def test_what_the_command_leaves_running_is_not_waited_for(spool: Path) -> None:
    """Though it holds the output open; what the command said is all there."""
    code = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
print("x" * 100_000, "the end", flush=True)
sys.exit(3)
"""
    line, environment = command("http://127.0.0.1:1", spool, "--", sys.executable, "-c", code)
    output, begun = spool.with_name("output"), time.monotonic()
    output.parent.mkdir()
    with (
        output.open("wb") as file,
        subprocess.Popen(line, env=environment, stdout=file, start_new_session=True) as process,
    ):
        assert 3 == process.wait(20)
        took_s = time.monotonic() - begun
        os.killpg(process.pid, signal.SIGKILL)

    assert took_s < 5
    assert output.read_bytes().endswith(b"x the end\n")


def test_a_slow_reader_gets_all(spool: Path) -> None:
    """Nothing is cut off because the command has ended meanwhile."""
    code = "import sys; sys.stdout.write('line\\n' * 60_000); sys.exit(3)"
    line, environment = command("http://127.0.0.1:1", spool, "--", sys.executable, "-c", code)
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE) as process:
        time.sleep(3.0)
        assert process.stdout is not None
        assert 300_000 == len(process.stdout.read())
        assert 3 == process.wait(20)


def test_a_reader_that_goes_away_ends_the_command(spool: Path) -> None:
    """As it would alone: it meets a broken pipe; nobody is asked, and it is not run again."""
    with advising() as server:
        line, environment = command(server.url, spool, "--max-attempts", "9", "yes")
        with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert b"y\n" == process.stdout.readline()
            process.stdout.close()
            assert process.wait(20) in (1, 128 + signal.SIGPIPE)  # `yes` tells of it where SIGPIPE is ignored
            assert b"seenbefore" not in process.stderr.read()
        assert [] == server.asked


def test_closed_streams_are_no_matter(tmp_path: Path, spool: Path) -> None:
    """A daemon has none; the exit status is the command's, and what we say is no output of its."""
    line, environment = command("http://127.0.0.1:1", spool, *flaky(tmp_path, 9))
    closed = ["sh", "-c", '"$@" >&- 2>&-', "sh", *line]
    without_errors = ["sh", "-c", '"$@" 2>&-', "sh", *line]

    assert 7 == subprocess.run(closed, check=False, env=environment, timeout=60).returncode
    ended = subprocess.run(without_errors, check=False, env=environment, timeout=60, stdout=subprocess.PIPE)
    assert (7, b"out 2\n") == (ended.returncode, ended.stdout)


def test_ctrl_c_comes_once(spool: Path, tmp_path: Path) -> None:
    """A terminal sends it to all of its foreground; passing it on too would end the command's own cleaning up."""
    seen = tmp_path / "seen"
    code = f"""
import pathlib, signal, sys, time
came = []
signal.signal(signal.SIGINT, lambda *_: came.append(1))
print("ready", flush=True)
time.sleep(2.0)
pathlib.Path({str(seen)!r}).write_text(str(len(came)))
sys.exit(9)
"""
    line, environment = command("http://127.0.0.1:1", spool, "--max-attempts", "5", "--", sys.executable, "-c", code)
    terminal, ours = pty.openpty()
    take = "import fcntl, os, sys, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    line = [sys.executable, "-c", take, *line]
    streams = {"stdin": subprocess.DEVNULL, "stdout": ours, "stderr": ours}
    with subprocess.Popen(line, env=environment, start_new_session=True, **streams) as process:
        while b"ready" not in os.read(terminal, 1_000):
            pass
        os.write(terminal, b"\x03")
        assert 9 == process.wait(30)
    os.close(ours)
    os.close(terminal)

    assert "1" == seen.read_text()


def test_long_output_streams_through_and_its_end_is_asked_about(spool: Path) -> None:
    """All of it, and a bounded tail."""
    noise = "import sys; sys.stdout.write('line\\n' * 200_000 + 'the end'); sys.exit(1)"
    with advising(action="fail") as server:
        ended = run(server.url, spool, "--", sys.executable, "-c", noise)
        text = server.of("/advise")[0].body["text"]

    assert 1_000_007 == len(ended.stdout)
    assert text.endswith("the end\nThe command exited with exit code 1")
    assert len(text) < 65_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(spool: Path, number: signal.Signals) -> None:
    """The command ends as it wishes, and nobody starts it again."""
    code = """
import signal, sys
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, lambda number, _: sys.exit(40 + number))
print("ready", flush=True)
signal.pause()
"""
    with advising() as server:
        line, environment = command(server.url, spool, "--", sys.executable, "-c", code)
        with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            assert b"ready\n" == process.stdout.readline()
            process.send_signal(number)
            assert 40 + number == process.wait(30)
        assert [] == server.asked


def test_signal_ends_the_wait(tmp_path: Path, spool: Path) -> None:
    """With the status of the attempt before."""
    with advising(retry_delay_s=3_000.0) as server:
        line, environment = command(server.url, spool, *flaky(tmp_path, 2))
        with subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert b"SlowDown" in process.stderr.readline()
            assert b"run again in 3000 s" in process.stderr.readline()
            process.terminate()
            assert 7 == process.wait(30)
            assert b"seenbefore: A signal has ended the wait: it is not run again.\n" == process.stderr.read()


def test_killed_command_is_told_as_a_shell_does(spool: Path) -> None:
    """128 and the signal's number; the text names it."""
    with advising(action="fail") as server:
        ended = run(server.url, spool, "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")

    assert 137 == ended.returncode
    assert "The command was killed by SIGKILL (exit code 137)" == server.of("/advise")[0].body["text"]
