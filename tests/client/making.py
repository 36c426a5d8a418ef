"""Runs with as little said as a test needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import seenbefore

Memory = seenbefore.Client


class Counting:
    """A `produce` that writes some bytes and counts how often it was asked to."""

    def __init__(self, content: bytes = b"scaled") -> None:
        self.content = content
        self.places: list[Path] = []

    def __call__(self, place: Path) -> None:
        self.places.append(place)
        place.write_bytes(self.content)


class Torn(Exception):
    """A pipeline's own failure."""


def workspace_of(request: pytest.FixtureRequest) -> str:
    """A name by the test's own."""
    return f"client-{abs(hash(request.node.nodeid)):x}"


def scale(memory: Memory, artifact: Any, *, run_id: str = "r-1", produce: Any = None, **how: Any) -> tuple[Any, int]:
    """A run of one sub-task: what it gives, and how often it was produced."""
    produce = produce or Counting()
    how = {"inputs": ["rows.csv", 3]} | how
    with memory.run("fraud", run_id=run_id) as run, run.step("pre", owner="agent") as step:
        given = step.sub_task("scaling", produce=produce, artifact=artifact, **how)
    assert memory.flush()
    return given, len(produce.places)
