"""What is gathered about this very failure."""

from __future__ import annotations

from datetime import datetime, timedelta

from knowledge.advisor.advice import Neighbour
from knowledge.advisor.circumstances import Circumstances, circumstances_of
from knowledge.advisor.retrying import MOST_ATTEMPTS
from knowledge.failures import Cause, Failure
from knowledge.retries import FailedRetry, Fared, RetryHistory, run_key
from tests.knowledge.advisor.making import NOW, judgement, neighbour, starter


def gathered(*neighbours: Neighbour, verdict: str = "transient", **failure: object) -> Circumstances:
    """The circumstances of a rate limit in a step of a run."""
    asked = Failure(text="try again in 20s", **{"run_id": "r-1", "step": "hpo", **failure})
    made = judgement(verdict, cause=Cause.RATE_LIMIT)
    return circumstances_of(asked, judgement=made, neighbours=neighbours, now=NOW)


def failed(
    attempt: int | None,
    waited_s: float | None,
    *,
    run: str = "r-1",
    pipeline: str | None = None,
    step: str | None = "hpo",
    at: datetime = NOW,
) -> FailedRetry:
    """A retry that failed."""
    return FailedRetry(run_key(run, pipeline=pipeline, step=step), attempt, waited_s, at)


def remembering(*retries: FailedRetry) -> Neighbour:
    """The failure's own precedent, with retries that failed."""
    return neighbour(similarity=1.0, history=RetryHistory(lately_failed=retries))


def test_attempts_before_this_one_failed() -> None:
    """As the caller counts them; of a million enough are kept."""
    assert (1, ()) == (gathered().attempt, gathered().failed_waits)
    assert (None, None) == gathered(attempt=3).failed_waits
    assert MOST_ATTEMPTS == len(gathered(attempt=10**6).failed_waits)


def test_recorded_retries_of_this_run_count() -> None:
    """Where the caller does not count, and with their waits where it does; an attempt once."""
    known = remembering(failed(2, 10.0), failed(3, None), failed(3, 60.0))
    unnumbered = remembering(failed(None, 5.0), failed(None, 7.0))

    assert (3, (10.0, 60.0)) == (gathered(known).attempt, gathered(known).failed_waits)
    assert (5, (10.0, 60.0, None, None)) == (
        gathered(known, attempt=5).attempt,
        gathered(known, attempt=5).failed_waits,
    )
    assert (5.0, 7.0) == gathered(unnumbered).failed_waits
    assert [0, 2, 2, 2] == [
        gathered(*near, attempt=attempt).recorded
        for near, attempt in (((), 3), ((known,), None), ((known,), 5), ((unnumbered,), None))
    ]


def test_retries_of_others_do_not() -> None:
    """Another run, another step, and those of the same name in another pipeline or long over."""
    others = remembering(
        failed(2, 1.0, run="r-2"),
        failed(2, 1.0, step=None),
        failed(2, 1.0, pipeline="churn"),
        failed(2, 1.0, at=NOW - timedelta(days=8)),
    )

    assert () == gathered(others).failed_waits
    assert (1.0,) == gathered(others, pipeline="churn").failed_waits
    assert () == gathered(remembering(failed(2, 1.0)), run_id=None).failed_waits
    assert (1.0,) == gathered(remembering(failed(2, 1.0, step=None)), step=None).failed_waits


def test_experience_is_that_of_near_precedents_of_the_cause() -> None:
    """By nearness, with that of the cause; the opposite verdict and documented failures have none."""
    history = RetryHistory(fared=(Fared(0, 2, 4, 0),), by_cause={Cause.RATE_LIMIT: (Fared(3, 2, 7, 1),)})
    gathering = gathered(
        neighbour(1, similarity=1.0, verdict="unknown", history=history),
        neighbour(2, similarity=0.5, cause=Cause.RATE_LIMIT, history=history),
        neighbour(3, similarity=0.9, cause=Cause.NETWORK, history=history),
        neighbour(4, similarity=0.9, verdict="genuine", history=history),
        starter(similarity=0.9, history=history),
    )

    assert (Fared(0, 2, 4 + 4 / 16, 0),) == gathering.experience.own
    assert (Fared(3, 2, 7, 1),) == gathering.experience.cause


def test_only_a_retry_needs_hints_and_experience() -> None:
    """What is not transient is not searched for them."""
    near = neighbour(similarity=1.0, history=RetryHistory(fared=(Fared(0, 2, 4, 0),)))
    hint = gathered(near).hint

    assert 20.0 == (hint.wait_s if hint else None)
    assert (None, ()) == (gathered(near, verdict="genuine").hint, gathered(near, verdict="genuine").experience.own)
