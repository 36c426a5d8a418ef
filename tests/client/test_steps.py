"""What a step says of itself: its plan, its progress, its attributes."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.client.making import Memory


class Hostile:
    """A number only by its looks."""

    def __float__(self) -> float:
        raise LookupError


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        *((each, 0.25) for each in (np.float32(0.25), np.float64(0.25), Decimal("0.25"))),
        *((each, 1.0) for each in (np.int64(1), True, 7, float("inf"))),
        (-3, 0.0),
        *(
            (each, None)
            for each in ("half", "0.5", b"1", None, float("nan"), np.nan, 10**400, [0.5], {}, Hostile(), 1j)
        ),
    ],
)
def test_progress_takes_whatever_it_gets(
    memory: Memory, asked: Callable[[str], Any], told: Any, shown: float | None
) -> None:
    """What is a number counts, between 0 and 1; all else says nothing, and raises nothing."""
    with memory.run("fraud", run_id="r-1") as run, run.step("pre", owner="agent") as step:
        step.progress(told)
    assert memory.flush()
    found = asked("/runs/r-1/steps/pre")

    assert ("succeeded", shown) == (found["status"], found["progress"])


@pytest.mark.parametrize(
    ("plan", "shown", "warnings"),
    [
        ([], None, 0),
        (["scaling", "split", "scaling"], ["scaling", "split"], 0),
        (["a/scaling", "scaling"], ["a%2Fscaling", "scaling"], 0),
        ("scaling", ["scaling"], 0),
        (["scaling", *map(str, range(999))], ["scaling", *map(str, range(999))], 0),
        (["scaling", *map(str, range(1_000))], None, 1),
        (7, None, 1),
    ],
    ids=["empty", "repeating", "slashes", "a single name", "1,000", "1,001", "no list"],
)
def test_no_plan_has_its_step_refused(
    memory: Memory,
    asked: Callable[[str], Any],
    spool: Path,
    caplog: pytest.LogCaptureFixture,
    plan: Any,
    shown: list[str] | None,
    warnings: int,
) -> None:
    """One that the service would not take is left out, which is said once; its sub-tasks are kept all the same."""
    with (
        caplog.at_level(logging.WARNING, "seenbefore"),
        memory.run("fraud", run_id="r-1") as run,
        run.step("pre", owner="agent", plan=plan) as step,
    ):
        step.sub_task("scaling", produce=lambda: None)
    assert memory.flush()
    found = asked("/runs/r-1")["steps"][0]

    assert ("succeeded", shown) == (found["status"], found["plan"])
    assert ["scaling"] == [each["sub_task"] for each in found["sub_tasks"]]
    assert 0 == sqlite3.connect(spool).execute("SELECT count(*) FROM refused").fetchone()[0]
    assert warnings == len(caplog.records)


def test_attributes_of_a_step_state_their_version(memory: Memory, asked: Callable[[str], Any]) -> None:
    """Its own, else the run's."""
    with memory.run("fraud", run_id="r-1", domain="ml-pipeline", schema_version=1) as run:
        with run.step("pre", owner="agent", attributes={"rows": 3}):
            pass
        with run.step("fit", owner="agent", schema_version=2, attributes={"rows": {"read": 3}}):
            pass
    assert memory.flush()

    assert [{"rows": {"read": 3}}] * 2 == [asked(f"/runs/r-1/steps/{name}")["attributes"] for name in ("pre", "fit")]
