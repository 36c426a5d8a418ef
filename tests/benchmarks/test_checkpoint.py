"""What a step pays for its checkpoint, from what was timed."""

from __future__ import annotations

import pytest

from benchmarks.checkpoint import Arm, import_ms, pays_ms


def test_step_pays_what_it_waits_for_and_what_the_threads_take() -> None:
    """Beyond what the same work takes by itself; medians, so that one slow call decides nothing."""
    bare = Arm(calls=[1.0, 1.0, 9.0], beside=[0.1, 0.1, 0.1])
    kept = Arm(calls=[2.0, 2.5, 90.0], beside=[3.0, 3.1, 3.2])

    assert pytest.approx(1.5 + 3.0) == pays_ms(kept, bare)


def test_imports_are_timed_beside_an_empty_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package by itself loads next to nothing."""
    monkeypatch.setattr("benchmarks.checkpoint.IMPORT_ROUNDS", 3)
    found = import_ms()

    assert -5.0 < found["import seenbefore"] < found["and Client"]
