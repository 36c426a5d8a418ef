"""Where a run can go on, how far it is, and when it will be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.state.resume import expected_completion, parted, resume_point, run_progress, saved_share, step_progress
from knowledge.state.states import PastRun, Status, StepCounts, StepWork

NOW = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
NAMES = tuple("abcdef")


def work(name: str, plan: str | None = None, completed: str = "", sub_tasks: str = "") -> StepWork:
    """A step whose sub-tasks have names of one letter."""
    return StepWork(
        name, Status.RUNNING, tuple(plan) if plan is not None else None, tuple(sub_tasks or completed), tuple(completed)
    )


@pytest.mark.parametrize(
    ("steps", "failed", "expected"),
    [
        ([], None, None),
        ([work("s", "abc"), work("t", None, "", "x")], None, None),
        ([work("s", "abc", "ab"), work("t", "de")], None, ("s", "b")),
        ([work("s", "abc", "cba"), work("t", "de", "d")], None, ("t", "d")),
        ([work("s", "abc", "ac")], None, ("s", "a")),
        ([work("s", "abc", "bc")], None, ("s", None)),
        ([work("s", None, "zyx", "xyzw")], None, ("s", "x")),
        ([work("s", "abc", "ab"), work("t", "de", "d")], "s", ("s", "b")),
        ([work("s", "abc", "ab"), work("t", "de")], "t", ("s", "b")),
        ([work("s", "abc", "ab"), work("t", "de", "d")], "nowhere", ("t", "d")),
    ],
)  # fmt: skip
def test_resume_point(steps: list[StepWork], failed: str | None, expected: tuple[str, str | None] | None) -> None:
    """In the failed step where it has completed something, else in the last one that has."""
    point = resume_point(steps, failed_step=failed)

    assert expected == (point and (point.step, point.sub_task))


@given(st.permutations(NAMES), st.sets(st.sampled_from(NAMES)), st.booleans())
def test_going_on_after_the_resume_point_skips_nothing(plan: list[str], done: set[str], planned: bool) -> None:
    """Nothing that remains stands before it in the plan; done and remaining are the plan, once each, in its order."""
    completed = tuple(name for name in NAMES if name in done)
    step = StepWork("s", Status.FAILED, tuple(plan) if planned else None, tuple(plan), completed)
    point, (finished, remaining) = resume_point([step]), parted(step)

    assert (bool(done), set(plan), done) == (point is not None, {*finished, *remaining}, set(finished))
    assert [name for name in plan if name not in done] == list(remaining)
    if planned and point is not None:
        until = 0 if point.sub_task is None else plan.index(point.sub_task) + 1
        assert (True, True) == (done >= set(plan[:until]), until == len(plan) or plan[until] not in done)


def test_resume_saves_what_is_done() -> None:
    """What is completed, beside one sub-task under way in each step that is not done; nothing of nothing."""
    steps = [work("s", "abcd", "abd"), work("t", None, "xyz", "xyzw"), work("u", "ef"), work("v", "gh", "gh")]
    far = work("train", "abcdefghij", "abcdefghi")

    assert (8 / 11, 0.9) == (saved_share(steps), saved_share([far]))
    assert (0.0, 0.0, 1.0) == (saved_share([]), saved_share([work("s")]), saved_share([work("v", "gh", "gh")]))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (StepCounts(Status.SUCCEEDED, 0.3, 4, 1), 1.0),
        (StepCounts(Status.RUNNING, 0.3, 4, 1), 0.3),
        (StepCounts(Status.FAILED, 0.0, 4, 1), 0.0),
        (StepCounts(Status.RUNNING, None, 4, 1), 0.25),
        (StepCounts(Status.RUNNING, None, None, 7), 0.0),
    ],
)
def test_progress_of_a_step(counts: StepCounts, expected: float) -> None:
    """Its end, its owner's word, its plan, in that order."""
    assert expected == step_progress(counts)


def test_progress_of_a_run() -> None:
    """The mean over its steps, of as many as past runs had."""
    half = [StepCounts(Status.SUCCEEDED), StepCounts(Status.RUNNING)]
    past = [PastRun(60.0, 4)] * 3

    assert [0.5, 0.5, 0.25, 0.0, 1.0] == [
        run_progress(Status.RUNNING, half, past=[]),
        run_progress(Status.RUNNING, half, past=past[:2]),
        run_progress(Status.RUNNING, half, past=past),
        run_progress(Status.FAILED, [], past=[]),
        run_progress(Status.SUCCEEDED, half, past=past),
    ]


@pytest.mark.parametrize(
    ("elapsed_s", "durations", "expected_s"),
    [
        (0.0, [100.0, 200.0], None),
        (0.0, [300.0, 100.0, 200.0], 200.0),
        (150.0, [300.0, 100.0, 200.0], 250.0),
        (250.0, [300.0, 100.0, 200.0], 300.0),
        (300.0, [300.0, 100.0, 200.0], None),
    ],
)
def test_expected_completion(elapsed_s: float, durations: list[float], expected_s: float | None) -> None:
    """The median of the past durations that are still possible; of three at least."""
    started = NOW - timedelta(seconds=elapsed_s)
    past = [PastRun(each, 1) for each in durations]
    found = expected_completion(Status.RUNNING, started_at=started, now=NOW, past=past)

    assert expected_s == (None if found is None else (found - started).total_seconds())
    assert expected_completion(Status.FAILED, started_at=started, now=NOW, past=past) is None
