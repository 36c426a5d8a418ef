"""The spool: durable, bounded, in order, brought to the service exactly once."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import seenbefore
from seenbefore import calls
from seenbefore.delivery import PATIENCE_STUMBLE
from seenbefore.errors import SpoolUnavailable
from seenbefore.settings import make_target
from seenbefore.spool import Spool, Write
from seenbefore.spool_command import main as spool_command
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.servers import Asked, Reply, problem, serving

TARGET = "http://127.0.0.1:8000"
INCIDENT = "/incidents/i-1/outcome"


def write(path: str = "/runs/r-1", *, kind: str = "run", lane: str = "r-1", size: int = 1) -> Write:
    """A write with a body of some size."""
    return Write(lane, kind, calls.put(path, {"status": "x" * size}))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Spool]:
    """A spool of ten rows."""
    opened = Spool(tmp_path / "small.sqlite3", most_rows=10)
    yield opened
    opened.close()


def fill(spool: Spool, **kinds: int) -> int:
    """How many of some kinds are taken."""
    taken = 0
    for kind, count in kinds.items():
        for number in range(count):
            try:
                spool.add(TARGET, write(f"/runs/{kind}{number}", kind=kind, lane=f"{kind}{number}"))
                taken += 1
            except SpoolUnavailable:
                break
    return taken


@pytest.mark.parametrize(
    ("kind", "most"), [("progress", 5), ("note", 8), ("outcome", 9), ("sub_task", 10), ("run", 10)]
)
def test_what_matters_less_is_refused_first(small: Spool, kind: str, most: int) -> None:
    """Progress first, what makes a resume possible last."""
    assert most == fill(small, **{kind: 20})


def test_checkpoints_take_the_room_of_progress(small: Spool) -> None:
    """And, when there is no other way, that of runs that have ended well."""
    fill(small, progress=3, note=3, end=2)

    assert 10 - 2 == fill(small, sub_task=8)
    assert {"end", "sub_task"} == {row.kind for row in small.oldest(TARGET, limit=99)}
    assert 2 == fill(small, step=2)
    assert {"sub_task", "step"} == {row.kind for row in small.oldest(TARGET, limit=99)}
    assert 0 == fill(small, step=1)
    assert 6 + 2 + 1 == small.counts().dropped


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    """One large body is not taken where many small ones would be."""
    spool = Spool(tmp_path / "spool.sqlite3", most_bytes=1_000)
    spool.add(TARGET, write(size=600))

    with pytest.raises(SpoolUnavailable):
        spool.add(TARGET, write(size=600))
    spool.close()


def test_newer_progress_replaces_older(small: Spool) -> None:
    """Of the same step."""
    for number in range(3):
        small.add(TARGET, write("/runs/r-1/steps/s", kind="progress", size=number + 1))

    assert [b'{"status":"xxx"}'] == [row.body for row in small.oldest(TARGET, limit=9)]


def test_keys_are_the_same_in_every_process(tmp_path: Path) -> None:
    """And never used for another row, whatever was removed."""
    path = tmp_path / "spool.sqlite3"
    first, second = Spool(path), Spool(path)
    number = first.add(TARGET, write())
    keys = {each.oldest(TARGET, limit=1)[0].key for each in (first, second)}
    first.settle(written=[number])
    second.add(TARGET, write())

    assert 1 == len(keys)
    assert {second.oldest(TARGET, limit=1)[0].key}.isdisjoint(keys)
    for each in (first, second):
        each.close()


def test_spool_that_cannot_be_used_is_one_in_memory(memory_of: MakeMemory, tmp_path: Path) -> None:
    """The pipeline goes on, and its writes go out."""
    (tmp_path / "file").write_text("no folder")
    with serving(lambda _: Reply(200, {"id": "o"})) as server:
        memory = memory_of(server.url, spool=tmp_path / "file" / "spool.sqlite3", timeout_s=5.0)
        memory.outcome("i-1", "succeeded")
        assert memory.flush()
        assert 1 == len(server.of(INCIDENT))


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_damaged_spool_stops_nobody(memory_of: MakeMemory, spool: Path, content: bytes) -> None:
    """The same; it is kept beside a new one, in which the next process finds what waits."""
    spool.parent.mkdir()
    spool.write_bytes(content)
    with serving(lambda _: Reply(200, {"id": "o"})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        memory.outcome("i-1", "failed", attempt=2, waited_s=float("nan"))
        assert memory.flush()
        assert [{"result": "failed", "attempt": 2}] == [each.body for each in server.of(INCIDENT)]

    assert content == spool.with_name(f"{spool.name}.damaged").read_bytes()
    with contextlib.closing(Spool(spool)) as opened:
        assert 0 == opened.counts().waiting


def test_full_disk_stops_nobody(memory_of: MakeMemory, spool: Path) -> None:
    """What cannot be kept is sent at once, as far as that goes."""
    with serving(lambda _: Reply(200, {"id": "o"})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        with sqlite3.connect(spool) as file:  # any statement that fails would do
            file.execute("CREATE TRIGGER full BEFORE INSERT ON waiting BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        file.close()
        memory.outcome("i-1", "succeeded")
        servers.wait_for(lambda: server.of(INCIDENT))


def test_file_that_another_process_holds_is_waited_for_once(memory_of: MakeMemory, spool: Path) -> None:
    """It may be stopped in the middle of a write; not every checkpoint is to wait for that."""
    with serving(lambda _: Reply(200, {"id": "o"})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.perf_counter()
            for number in range(1, 11):
                memory.outcome("i-1", "failed", attempt=number)
            seconds = time.perf_counter() - begun
            other.execute("ROLLBACK")
        memory.outcome("i-1", "succeeded", attempt=11)
        servers.wait_for(lambda: len(server.of(INCIDENT)) == 11)

    assert 0.9 < seconds < 2.5


def test_writes_go_out_in_order_once_the_service_is_back(memory_of: MakeMemory) -> None:
    """Each once, under its own key; lanes beside each other."""
    port = servers.free_port()
    memory = memory_of(f"http://127.0.0.1:{port}")
    for number in range(1, 100):
        memory.outcome(f"i-{number % 3}", "failed", attempt=number)
    with serving(lambda _: Reply(200, {"status": "ok"}), port=port) as server:
        assert servers.wait_for(lambda: memory.flush(5.0), limit_s=30)
        sent = [each for each in server.asked if each.method == "POST"]

    assert list(range(1, 100)) == sorted(each.body["attempt"] for each in sent)
    for lane in range(3):
        attempts = [each.body["attempt"] for each in sent if each.path == f"/incidents/i-{lane}/outcome"]
        assert sorted(attempts) == attempts
    assert 99 == len({each.headers["idempotency-key"] for each in sent})


def test_repeated_sending_has_the_same_key(memory_of: MakeMemory) -> None:
    """So a service that did it before its answer was lost does it once."""
    first = threading.Event()

    def answer(_: Asked) -> Reply:
        if first.is_set():
            return Reply(200, {"id": "o"})
        first.set()
        return Reply(503, {"detail": "busy"}, headers=(("Retry-After", "1"),))

    with serving(answer) as server:
        memory = memory_of(server.url)
        memory.outcome("i-1", "failed")
        servers.wait_for(lambda: len(server.of(INCIDENT)) == 2)

    assert 1 == len({each.headers["idempotency-key"] for each in server.of(INCIDENT)})


@pytest.mark.parametrize(("patience_s", "waits"), [(1, True), (600, False)])
def test_flush_has_patience_with_a_service_that_asks_for_it(
    memory_of: MakeMemory, patience_s: int, waits: bool
) -> None:
    """As far as its own time goes; where that is too little, nobody waits in vain."""
    refused = threading.Event()

    def answer(asked: Asked) -> Reply:
        if asked.method != "POST" or refused.is_set():
            return Reply(200, {"id": "o"})
        refused.set()
        return Reply(503, {"detail": "busy"}, headers=(("Retry-After", str(patience_s)),))

    with serving(answer) as server:
        memory = memory_of(server.url)
        memory.outcome("i-1", "failed")
        assert refused.wait(20)
        began = time.monotonic()
        written = memory.flush(30.0)

    assert (waits, True) == (written, time.monotonic() - began < 15)


def test_stale_version_is_read_and_built_upon(memory_of: MakeMemory) -> None:
    """428 and 412 lead to a `GET`, and the owner's latest word wins."""
    version = [3]

    def answer(asked: Asked) -> Reply:
        if asked.method == "GET":
            return Reply(200, {"run_id": "r-1"}, headers=(("ETag", f'"{version[0]}"'),))
        if "if-match" not in asked.headers:
            return problem(428, "Send If-Match.")
        if asked.headers["if-match"] != f'"{version[0]}"':
            return problem(412, "It has changed.")
        version[0] += 1
        return Reply(200, {"run_id": "r-1"}, headers=(("ETag", f'"{version[0]}"'),))

    with serving(answer) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        with memory.run("p", run_id="r-1"):
            version[0] += 1  # another writer's
        assert memory.flush()
        puts = [each for each in server.of("/runs/r-1") if each.method == "PUT"]

    assert ["running", "succeeded"] == list(dict.fromkeys(each.body["status"] for each in puts))
    assert 6 == version[0]


@pytest.mark.parametrize(
    ("reply", "reason"), [(problem(409, "Step s belongs to b.", owner="b"), "409: Step s"), (problem(422, "no"), "422")]
)
def test_refused_write_is_set_apart(
    memory_of: MakeMemory, spool: Path, reply: Reply, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its reason; the others go on, and it can be put in line again."""
    with serving(lambda asked: reply if asked.path == INCIDENT else Reply(200, {"id": "o"})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        memory.outcome("i-1", "failed")
        memory.outcome("i-2", "failed")
        assert memory.flush()

    assert 0 == spool_command(["--spool", str(spool), "refused"])
    assert reason in capsys.readouterr().out
    assert 0 == spool_command(["--spool", str(spool), "refused", "--again", "1"])
    assert 0 == spool_command(["--spool", str(spool), "show"])
    assert "1 waiting (19 bytes), 0 refused, 0 dropped" in capsys.readouterr().out


@pytest.mark.parametrize(
    "reply",
    [
        problem(401, "A key."),
        problem(403, "Not yours."),
        problem(429, "Slow."),
        Reply(404, raw=b"<p>", kind="text/html"),
        Reply(200, raw=b"<p>", kind="text/html"),
        Reply(502, raw=b"<p>", kind="text/html"),
    ],
)
def test_what_says_nothing_of_the_write_keeps_it(memory_of: MakeMemory, spool: Path, reply: Reply) -> None:
    """A wrong key, a wrong server, a proxy's page: it waits."""
    with serving(lambda _: reply) as server:
        memory = memory_of(server.url)
        memory.outcome("i-1", "failed")
        servers.wait_for(lambda: server.of(INCIDENT))
        memory.close()

    with sqlite3.connect(spool) as file:
        assert [(1, 0)] == file.execute(
            "SELECT (SELECT count(*) FROM waiting), (SELECT count(*) FROM refused)"
        ).fetchall()
    file.close()


def test_write_that_makes_the_service_stumble_is_set_apart(memory_of: MakeMemory, spool: Path) -> None:
    """After many attempts, and it holds up nobody else."""
    with serving(lambda asked: Reply(500, {"detail": "no"}) if asked.path == INCIDENT else Reply(200, {})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        memory.outcome("i-1", "failed")
        memory.outcome("i-2", "failed")
        servers.wait_for(lambda: server.of("/incidents/i-2/outcome"))
        memory.close()
        with sqlite3.connect(spool) as file:
            file.execute("UPDATE waiting SET attempts = ?", (PATIENCE_STUMBLE,))
        file.close()
        again = memory_of(server.url, timeout_s=5.0)
        again.outcome("i-3", "failed")
        assert again.flush()


KILLED = """
import sys, seenbefore
memory = seenbefore.Client(sys.argv[1], spool=sys.argv[2], timeout_s=0.2)
for number in range(1, 10_000):
    memory.outcome("i-1", "failed", attempt=number)
    print(number, flush=True)
"""


def test_nothing_is_lost_over_a_kill(spool: Path, memory_of: MakeMemory) -> None:
    """kill -9 in the middle of writes: what was acknowledged is sent by the next process, exactly once."""
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", KILLED, url, str(spool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split()]
    with serving(lambda _: Reply(200, {"status": "ok"}), port=port) as server:
        memory = memory_of(url)
        memory.outcome("i-2", "succeeded")
        assert servers.wait_for(lambda: memory.flush(5.0), limit_s=30)
        attempts = [each.body["attempt"] for each in server.of(INCIDENT)]

    assert set(said) <= set(attempts)
    assert len(attempts) <= len(said) + 1  # the last one may have been kept and not been told
    assert sorted(set(attempts)) == attempts


def test_command_drains_what_is_left(
    spool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what is still there when it cannot."""
    port = servers.free_port()
    monkeypatch.setenv("SEENBEFORE_URL", f"http://127.0.0.1:{port}")
    kept = Spool(spool)
    kept.add(make_target().name, write())
    kept.add("http://elsewhere w", write())
    kept.close()

    assert 1 == spool_command(["--spool", str(spool), "drain", "--wait", "1"])
    assert "1 still wait" in capsys.readouterr().out
    with serving(lambda _: Reply(200, {"version": 1}), port=port) as server:
        assert 0 == spool_command(["--spool", str(spool), "drain"])
        assert 0 == spool_command(["--spool", str(spool), "drain", "--adopt", "http://elsewhere w"])
        assert 2 == len(server.of("/runs/r-1"))
    assert 0 == spool_command(["--spool", str(spool.with_name("none")), "show"])


def test_api_key_is_not_in_the_spool(spool: Path, memory_of: MakeMemory) -> None:
    """Only a part of its hash, so that another tenant's key does not write it."""
    memory = memory_of("http://user:hunter2@127.0.0.1:1", api_key="sb_secret_key")
    memory.outcome("i-1", "failed")
    memory.close()
    stored = b"".join(path.read_bytes() for path in spool.parent.iterdir())

    assert b"outcome" in stored
    assert b"sb_secret_key" not in stored
    assert b"hunter2" not in stored
    assert 0o600 == spool.stat().st_mode & 0o777


def test_forked_child_has_parts_of_its_own(memory_of: MakeMemory) -> None:
    """Threads and connections do not outlive a fork; the client does."""
    code = """
import os, sys, seenbefore
memory = seenbefore.Client(sys.argv[1], spool=sys.argv[2], timeout_s=5.0)
memory.outcome("i-1", "failed", attempt=1)
assert memory.flush()
pid = os.fork()
memory.outcome("i-1", "failed", attempt=2 if pid else 3)
assert memory.flush()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
"""
    with serving(lambda _: Reply(200, {"status": "ok"})) as server:
        path = memory_of(server.url)._core._path
        subprocess.run([sys.executable, "-c", code, server.url, str(path)], check=True, timeout=60)

    assert [1, 2, 3] == sorted(each.body["attempt"] for each in server.of(INCIDENT))


def test_close_waits_for_no_dead_service(memory_of: MakeMemory) -> None:
    """It is known to be away: the end of the pipeline is not kept."""
    memory = memory_of(f"http://127.0.0.1:{servers.free_port()}", timeout_s=10.0)
    memory.advise("x")
    memory.outcome("i-1", "failed")
    begun = time.perf_counter()
    memory.close()

    assert time.perf_counter() - begun < 1.5


def test_two_processes_of_a_machine_share_one_spool(spool: Path) -> None:
    """Many writers at once, each write once."""
    code = """
import sys, seenbefore
with seenbefore.Client(sys.argv[1], spool=sys.argv[2], timeout_s=20.0) as memory:
    for number in range(50):
        memory.outcome("i-" + sys.argv[3], "failed", attempt=number + 1)
"""
    with serving(lambda _: Reply(200, {"status": "ok"})) as server:
        several = [subprocess.Popen([sys.executable, "-c", code, server.url, str(spool), str(n)]) for n in range(3)]
        assert [0, 0, 0] == [each.wait(60) for each in several]
        with seenbefore.Client(server.url, spool=spool, timeout_s=20.0) as memory:
            assert memory.flush()

    for number in range(3):
        # A process that ends between an answer and noting it leaves the row to the next, which sends it under its key.
        sent = {each.headers["idempotency-key"]: each for each in server.of(f"/incidents/i-{number}/outcome")}
        attempts = [each.body["attempt"] for each in sent.values()]
        assert list(range(1, 51)) == attempts
