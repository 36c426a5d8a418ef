"""`python -m seenbefore run -- COMMAND`: the command as it is, and again where it is worth it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seenbefore import Advice, Decision
from seenbefore.command import LONGEST_S, MOST_ATTEMPTS, Again, next_step
from tests.client import servers
from tests.client.servers import ADVICE, Asked, Reply, serving

#: Fails until it has been started so often; tells what it does on both streams.
FLAKY = """
import pathlib, sys
count = pathlib.Path(sys.argv[1])
count.write_text(count.read_text() + "x" if count.exists() else "x")
print("out", len(count.read_text()))
print("err: SlowDown", file=sys.stderr)
sys.exit(0 if len(count.read_text()) >= int(sys.argv[2]) else 7)
"""


def command(url: str, spool: Path, *given: str) -> tuple[list[str], dict[str, str]]:
    """The command line and its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEENBEFORE_")}
    environment = clean | {"SEENBEFORE_URL": url, "SEENBEFORE_SPOOL": str(spool)}
    return [sys.executable, "-m", "seenbefore", "run", "--timeout", "5", *given], environment


def run(url: str, spool: Path, *given: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    line, environment = command(url, spool, *given)
    return subprocess.run(line, check=False, env=environment, capture_output=True, timeout=60, input=stdin)


def flaky(tmp_path: Path, passes_at: int) -> list[str]:
    """A command that passes at some attempt."""
    return ["--", sys.executable, "-c", FLAKY, str(tmp_path / "count"), str(passes_at)]


def advising(**decision: Any) -> Any:
    """A service that decides so, and takes outcomes."""

    def answer(asked: Asked) -> Reply:
        document = ADVICE | {"decision": {**ADVICE["decision"], "retry_delay_s": 0.1, **decision}}
        return Reply(200, document if asked.path == "/advise" else {"status": "ok"})

    return serving(answer)


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
    assert Again(None, "Because.") == decided("retry", own=None, attempt=3)
    assert Again(60.0, "Because.") == decided("retry", own=None, attempt=MOST_ATTEMPTS - 1, most=99)
    assert Again(None, "Because.") == decided("retry", own=None, attempt=MOST_ATTEMPTS, most=99)
    assert Again(None, "Because.") == decided("retry", own=2, attempt=2, most=99)
    assert Again(3_600.0, "Because.") == decided("retry", own=None, delay=1e9)
    assert Again(0.0, "Because.") == decided("retry", own=None, delay=None)
    assert Again(None, "Because.") == decided("fail", own=9)
    assert Again(None, "Because.") == decided("default", own=None)
    assert Again(5.0, "Because.") == decided("default", own=2)
    assert Again(LONGEST_S, "Because.") == decided("default", own=99, attempt=50)
    assert Again(None, "Because.") == decided("default", own=2, attempt=2)


@pytest.mark.parametrize(("missing", "status"), [("no-such-command", 127), ("/", 126)])
def test_command_that_cannot_be_started(spool: Path, missing: str, status: int) -> None:
    """As a shell has it; asking would be no help."""
    with advising() as server:
        assert status == run(server.url, spool, "--", missing).returncode
        assert [] == server.asked


@pytest.mark.parametrize("given", [[], ["--"], ["--max-attempts", "0", "--", "true"], ["--nonsense", "--", "true"]])
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


def test_killed_command_is_told_as_a_shell_does(spool: Path) -> None:
    """128 and the signal's number; the text names it."""
    with advising(action="fail") as server:
        ended = run(server.url, spool, "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")

    assert 137 == ended.returncode
    assert "The command was killed by SIGKILL (exit code 137)" == server.of("/advise")[0].body["text"]
