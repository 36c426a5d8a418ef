"""Names and addresses as pipelines have them, and as the service takes them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seenbefore import calls
from seenbefore.plain import LONGEST_NAME, label, name
from seenbefore.spool import Spool
from tests.client.making import Counting, Memory, Torn, scale

ODD = ["", "-", ".", "..", "a/b", "a%2Fb", "a\0", "a\ufffd", "\udc80", "\udc81", "é" * 201, "x" * 30_000, "% ?#"]


def test_names_that_differ_stay_different() -> None:
    """However long they are, and wherever they differ."""
    long = [f"{'x' * 15_000}{middle}{'y' * 15_000}" for middle in "ab"]
    given = [each for each in (*ODD, *long) if each not in ("-", "a%2Fb")]  # stand for those before them
    fitted = [name(each) for each in given]

    assert len(given) == len(set(fitted))
    assert all(0 < len(each) <= LONGEST_NAME and "/" not in each for each in fitted)
    assert "a/b" == label("a/b")


@pytest.mark.parametrize("odd", ODD)
def test_any_name_is_an_address_of_its_own(
    memory: Memory, asked: Callable[[str], Any], spool: Path, tmp_path: Path, odd: str
) -> None:
    """Of a run, a step and a sub-task: nothing is refused, and it is done once."""
    made = Counting()
    for _ in range(2):
        with memory.run("fraud", run_id=odd or "-") as run, run.step(odd, owner=odd, plan=[odd, "other"]) as step:
            step.sub_task(odd, produce=made, inputs=[1], artifact=tmp_path / "scaled.bin")
        assert memory.flush()
    (step_told,) = asked(calls.run_path(name(odd)))["steps"]

    assert (1, [name(odd)]) == (len(made.places), [each["sub_task"] for each in step_told["sub_tasks"]])
    assert [] == Spool(spool).refused()


def test_update_takes_the_same_names(memory: Memory, asked: Callable[[str], Any]) -> None:
    """What a run is called there it is called here."""
    with memory.run("fraud", run_id="..") as run, run.step(".", owner="agent"):
        pass
    assert memory.flush()
    changed = memory.update(lambda row: row | {"progress": 0.5}, run_id="..", step=".")

    assert 0.5 == changed["progress"] == asked("/runs/%252E%252E/steps/%252E")["progress"]


def test_any_name_and_uri_of_an_artifact_is_kept(
    memory: Memory, asked: Callable[[str], Any], spool: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The pipeline gets its own names back; a uri that is too long is left out, and that is told."""
    places = {each: tmp_path / f"{number}.bin" for number, each in enumerate(ODD)}
    uris = {"": "s3://b/\0\udc80", "-": "s3://b/" + "x" * 2_000, "..": "s3://b/up"}
    made: list[int] = []

    def produce(drafts: dict[str, Path]) -> None:
        made.append(1)
        for each, place in drafts.items():
            place.write_text(f"{each!r}")

    given = []
    for _ in range(2):
        with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
            given.append(step.sub_task("scaling", produce=produce, inputs=[1], artifact=places, uri=uris))
        assert memory.flush()
    told = asked("/runs/r-1/steps/pre/sub-tasks/scaling")["artifacts"]

    assert ([places, places], 1) == (given, len(made))
    assert len(ODD) == len(told)
    assert {"s3://b/\ufffd?", "s3://b/up", None} == {each["uri"] for each in told.values()}
    assert [] == Spool(spool).refused()
    assert ["the uri of an artifact is left out: it has more than 2000 characters"] == [
        each.getMessage() for each in caplog.records
    ]


def test_folder_with_links_and_pipes_is_an_artifact(memory: Memory, tmp_path: Path) -> None:
    """A virtual environment and a checkout have them: it is kept, and the work is skipped."""
    made: list[Path] = []

    def produce(place: Path) -> None:
        made.append(place)
        place.mkdir()
        (place / "gone").symlink_to("nowhere")
        os.mkfifo(place / "pipe")

    for _ in range(2):
        assert tmp_path / "model" == scale(memory, tmp_path / "model", produce=_Counted(produce))[0]

    assert 1 == len(made)


class _Counted(Counting):
    """A `produce` of the test's own that is counted."""

    def __init__(self, produce: Callable[[Path], None]) -> None:
        super().__init__()
        self._produce = produce

    def __call__(self, place: Path) -> None:
        self.places.append(place)
        self._produce(place)


def again(memory: Memory, *calls_of: dict[str, Any]) -> None:
    """The same name, asked for several times in one run."""
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        for how in calls_of:
            step.sub_task("scaling", **how)


@pytest.mark.parametrize("differs", ["inputs", "artifact", "produce", "produce over inputs"])
def test_name_that_stands_for_two_works_is_told_once(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture, differs: str
) -> None:
    """The second would be taken for done, or takes the first one's place."""
    usual = {"inputs": [1], "artifact": tmp_path / "a.bin", "produce": Counting()}
    ways: dict[str, list[dict[str, Any]]] = {
        "inputs": [usual | {"inputs": [each]} for each in (1, 2, 3)],
        "artifact": [usual | {"artifact": tmp_path / each} for each in ("a.bin", "b.bin", "c.bin")],
        "produce": [{"produce": lambda each=each: each} for each in (1, 2, 3)],
        "produce over inputs": [usual, usual | {"produce": lambda place: place.write_text("x")}],
    }
    with caplog.at_level(logging.WARNING, "seenbefore"):
        again(memory, *ways[differs])
    told = [each.getMessage() for each in caplog.records]

    assert 1 == len(told)
    assert told[0].startswith("The sub-task scaling of the step pre is asked for again with other")


def test_same_work_asked_for_again_is_no_matter(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As often as one likes, in another run, and after a failure in another way."""
    how = {"inputs": [1], "artifact": tmp_path / "a.bin"}
    made = Counting()

    def fail(place: Path) -> None:
        raise Torn

    with caplog.at_level(logging.WARNING, "seenbefore"):
        again(memory, *({**how, "produce": lambda place: made(place)} for _ in range(3)))
        again(memory, {"produce": made.places.clear}, {"produce": made.places.clear})
        with memory.run("fraud", run_id="r-2") as run, run.step("pre", owner="agent") as step:
            with pytest.raises(Torn):
                step.sub_task("split", produce=fail, inputs=[2], artifact=tmp_path / "b.bin")
            step.sub_task("split", produce=made, inputs=[3], artifact=tmp_path / "b.bin")

    assert [] == [each.getMessage() for each in caplog.records]
