"""Settings and values that cannot be: the pipeline goes on, and one line of its log says what is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import seenbefore
from seenbefore.advice import default_advice
from seenbefore.asking import incident_of
from seenbefore.failures import failure_body
from seenbefore.plain import attributes, seconds
from seenbefore.settings import make_target
from seenbefore.spool import Spool
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Counting
from tests.client.servers import Reply, serving


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings."""
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def run_once(memory: seenbefore.Client, artifact: Path) -> tuple[bytes, str]:
    """What a run makes, and what is advised after it."""
    with memory.run("p", run_id="r") as run, run.step("s", owner="o") as step:
        made = step.sub_task("scaling", inputs=[1], produce=Counting(), artifact=artifact).read_bytes()
    return made, memory.advise("x").decision.action


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"url": "localhost:8000"}, "SEENBEFORE_URL"),
        ({"url": "http://"}, "SEENBEFORE_URL"),
        ({"url": "http://localhost:99999"}, "SEENBEFORE_URL"),
        ({"url": 8000}, "SEENBEFORE_URL"),
        ({"url": "http://localhost:1", "api_key": "Schlüssel"}, "SEENBEFORE_API_KEY"),
        ({"url": "http://localhost:1", "workspace": "a\nb"}, "SEENBEFORE_WORKSPACE"),
    ],
    ids=["no scheme", "no host", "no port", "a number", "a key with umlauts", "two lines"],
)
def test_settings_that_cannot_be_are_told_once(
    memory_of: MakeMemory, tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], says: str
) -> None:
    """By the name of the setting, and nothing is raised."""
    found = run_once(memory_of(**settings), tmp_path / "a.bin")

    assert (b"scaled", "default") == found
    assert [True] == [says in each for each in told(caplog)]


def test_line_end_of_a_file_is_no_part_of_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are mounted as files, and read with their line end."""
    monkeypatch.setenv("SEENBEFORE_API_KEY", "sb_key\n")
    target = make_target(" http://127.0.0.1:8000/\n", workspace="team\n")

    assert ("http://127.0.0.1:8000", "sb_key", "team") == (target.url, target.api_key, target.workspace)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"detail": "Not Found"}),
        Reply(404, {"type": "urn:seenbefore:problem:http-404", "detail": "Not Found"}, kind=servers.PROBLEM),
    ],
    ids=["another service", "a wrong path of ours"],
)
def test_address_of_something_else_is_told_once_and_writes_wait(
    memory_of: MakeMemory, tmp_path: Path, spool: Path, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    """None is set apart as refused: they are for somebody else."""
    with serving(lambda _: reply) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        found = run_once(memory, tmp_path / "a.bin")
        memory.close()
    kept = Spool(spool)
    counts = kept.counts()
    kept.close()

    assert (b"scaled", "default") == found
    assert [True] == ["does not answer as Seen Before does" in each for each in told(caplog)]
    assert (0, 0) == (counts.refused, counts.dropped)
    assert counts.waiting >= 5


def test_whatever_is_well_everywhere_has_not_written_a_row(memory_of: MakeMemory, spool: Path) -> None:
    """A proxy that answers `{}` to all has kept no checkpoint."""
    with serving(lambda _: Reply(200, {})) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        with memory.run("p", run_id="r"):
            pass
        memory.close()
    kept = Spool(spool)
    waiting = kept.counts().waiting
    kept.close()

    assert 2 == waiting


@pytest.mark.parametrize(
    ("given", "taken", "warnings"),
    [(None, 2.0, 0), ("3", 3.0, 0), (0, 0.0, 0), (float("inf"), 1_000_000.0, 0)]
    + [(each, 2.0, 1) for each in (-1, float("nan"), "soon", object, [1])],
    ids=["none", "a text", "zero", "endless", "negative", "nan", "a word", "a type", "a list"],
)
def test_times_are_what_they_can_be(
    caplog: pytest.LogCaptureFixture, given: object, taken: float, warnings: int
) -> None:
    """Those from the environment are texts."""
    found = seconds(given, what="timeout_s", otherwise=2.0)

    assert (taken, warnings) == (found, len(told(caplog)))


@pytest.mark.parametrize("given", ["learning rate 0.1", 7, [1]], ids=["a text", "a number", "a list"])
def test_what_has_no_names_is_left_out(caplog: pytest.LogCaptureFixture, given: Any) -> None:
    """Attributes, environments and costs are mappings."""
    body = failure_body("x", environment=given, spent=given)

    assert ({}, {"text": "x"}) == (attributes(given), body)
    assert 3 == len(told(caplog))


def test_ids_may_be_of_any_type() -> None:
    """A UUID names an incident as its text does."""
    identifier = UUID(int=1)

    assert [str(identifier), None, None] == [incident_of(each) for each in (identifier, None, default_advice("x"))]  # type: ignore[arg-type]


def lazily() -> Generator[int]:
    """Does nothing before it is iterated."""
    yield 1


async def awaited() -> int:
    """Does nothing before it is awaited."""
    return 1


@pytest.mark.parametrize("produce", [lazily, awaited])
@pytest.mark.filterwarnings("ignore:coroutine 'awaited' was never awaited")
def test_what_has_not_run_is_not_done(
    memory_of: MakeMemory, caplog: pytest.LogCaptureFixture, produce: Callable[[], Any]
) -> None:
    """Else the next attempt would skip what was never done."""
    memory = memory_of(f"http://127.0.0.1:{servers.free_port()}")
    given = []
    for _ in range(2):
        with memory.run("p", run_id="r") as run, run.step("s", owner="o") as step:
            given.append(step.sub_task("notify", produce=produce))
    for each in given:
        each.close()

    assert [type(produce())] * 2 == [type(each) for each in given]
    assert 2 == sum("is not kept as done" in each for each in told(caplog))


def test_client_that_was_closed_begins_anew(memory_of: MakeMemory, spool: Path) -> None:
    """What is told at the end of a process, after all was closed, is kept for the next one."""
    memory = memory_of(f"http://127.0.0.1:{servers.free_port()}")
    memory.close()
    memory.outcome("i-1", "succeeded")
    memory.close()
    kept = Spool(spool)
    waiting = kept.counts().waiting
    kept.close()

    assert 1 == waiting
