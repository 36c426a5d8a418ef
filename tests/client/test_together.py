"""A backlog of one step's checkpoints goes out in few requests, in order, each once. On the real service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seenbefore import calls
from seenbefore.spooled import Spooled
from seenbefore.together import MOST_BYTES, together
from tests.client.conftest import MakeMemory
from tests.client.go_between import GoBetween, standing_between
from tests.client.making import Memory, workspace_of
from tests.client.servers import Asked, wait_for

RUN, STEP = calls.run_path("r-1"), calls.step_path("r-1", "pre")
SEVERAL = f"{STEP}/sub-tasks"
NAMES = [f"t-{number:03} ö" for number in range(64)]


@pytest.fixture
def between(service_url: str) -> Iterator[GoBetween]:
    """A way to the service that can be cut."""
    with standing_between(service_url) as way:
        yield way


@pytest.fixture
def memory(between: GoBetween, memory_of: MakeMemory, request: pytest.FixtureRequest) -> Memory:
    """A client behind it."""
    return memory_of(between.url, workspace=workspace_of(request))


@pytest.fixture
def asked(between: GoBetween) -> list[Asked]:
    """All that is sent over it from now on, but for looks."""
    told: list[Asked] = []

    def note(asked: Asked) -> bool:
        if asked.method == "PUT":
            told.append(asked)
        return False

    between.stops = note
    return told


def backlog(memory: Memory, between: GoBetween, *, plan: list[str] | None = None) -> None:
    """A run, and checkpoints that wait for a service that is away; then it is back."""
    memory._core.put_row(RUN, "run", RUN, {"pipeline": "fraud", "status": "running"})
    step = {"owner": "agent", "status": "running", "pipeline": "fraud", "plan": plan}
    memory._core.put_row(RUN, "step", STEP, {name: value for name, value in step.items() if value})
    wait_for(memory.flush, limit_s=30)
    between.cut = True
    for name in NAMES:
        complete(memory, name)
    between.cut = False


def complete(memory: Memory, name: str, **more: Any) -> None:
    """Keep a completion."""
    body = {"owner": "agent", "status": "completed", "pipeline": "fraud", **more}
    memory._core.put_row(RUN, "sub_task", calls.sub_task_path("r-1", "pre", name), body)


def found(memory: Memory) -> list[tuple[str, int]]:
    """The checkpoints of the step as the service has them, with their versions."""
    page: Any = memory._core.engine.ask(calls.read(SEVERAL), timeout_s=10.0).document
    return [(each["sub_task"], each["version"]) for each in page["sub_tasks"]]


ONCE = [(name, 1) for name in NAMES]


def test_a_backlog_goes_out_together(memory: Memory, between: GoBetween, asked: list[Asked]) -> None:
    """In order; what changes one of them later builds on what was written."""
    backlog(memory, between)
    wait_for(memory.flush, limit_s=30)
    sent = [each.path for each in asked if each.path.startswith(SEVERAL)]
    complete(memory, NAMES[7], inputs_hash="0" * 64)
    complete(memory, "new")
    wait_for(memory.flush, limit_s=30)

    assert len(sent) < len(NAMES) / 10
    assert [*ONCE[:7], (NAMES[7], 2), *ONCE[8:], ("new", 1)] == found(memory)


def test_answers_that_get_lost(memory: Memory, between: GoBetween) -> None:
    """What was taken is sent again, and is there once."""
    lost: list[Asked] = []

    def lose(asked: Asked) -> bool:
        if asked.path == SEVERAL and asked.method == "PUT" and len(lost) < 2:
            lost.append(asked)
            return True
        return False

    between.loses = lose
    backlog(memory, between)
    wait_for(memory.flush, limit_s=30)

    assert 2 == len(lost)
    assert ONCE == found(memory)


def test_what_is_refused_among_them_is_mended(memory: Memory, between: GoBetween) -> None:
    """A name that is not in the plan is added, and those behind it follow."""
    backlog(memory, between, plan=[*NAMES[:20], *NAMES[21:]])
    wait_for(memory.flush, limit_s=30)

    assert ONCE == found(memory)


def test_an_older_service_gets_them_one_by_one(
    memory: Memory, between: GoBetween, asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says once that it knows no such call."""
    monkeypatch.setattr("seenbefore.together.calls.put", _as_before(calls.put))
    backlog(memory, between)
    wait_for(memory.flush, limit_s=30)

    assert 1 == sum(each.path == f"{SEVERAL}/-/-" for each in asked)
    assert ONCE == found(memory)


def _as_before(put: Callable[..., Any]) -> Callable[..., Any]:
    """To an address that the service does not have, as an older one has none for several."""
    return lambda path, body: put(f"{path}/-/-" if path == SEVERAL else path, body)


def row(name: str, *, kind: str = "sub_task", size: int = 2) -> Spooled:
    """A row that waits."""
    path = calls.sub_task_path("r-1", "pre", name)
    return Spooled(1, "t", RUN, kind, "PUT", path, b"x" * size, attempts=0, added_at=0.0, key="k")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("a"), row("b")], 2),
        ([row("a"), row("b"), row("a")], 2),
        ([row("a"), row("b", kind="progress"), row("c")], 1),
        ([row(str(number)) for number in range(200)], 100),
        ([row("a", size=MOST_BYTES - 1), row("b")], 1),
        ([row("a", size=MOST_BYTES + 1), row("b")], 0),
        ([], 0),
    ],
    ids=["two", "the same again", "progress between", "many", "large", "too large", "none"],
)
def test_what_goes_together(rows: list[Spooled], expected: int) -> None:
    """Checkpoints of different sub-tasks, within the bounds."""
    assert expected == len(together(rows))
