"""The figures of a replay, by hand."""

from __future__ import annotations

from datetime import timedelta

import orjson

from knowledge.advisor.replay_report import SLICES, Replayed, report
from knowledge.failures import DecisionAction, Verdict
from tests.knowledge.advisor.making import NOW


def told(
    number: int,
    verdict: str = "genuine",
    *,
    decision: str = "default",
    truth: str | None = "genuine",
    by_people: bool = True,
    retries: int | None = None,
    hours: float | None = None,
) -> Replayed:
    """What was told to one failure."""
    return Replayed(
        number=number,
        at=NOW + timedelta(hours=number),
        verdict=Verdict(verdict),
        decision=DecisionAction(decision),
        seen_before=False,
        truth=None if truth is None else Verdict(truth),
        by_people=by_people,
        retries=retries,
        hours=hours,
    )


HISTORY = [
    told(1, "unknown", retries=3, hours=6.0),
    told(2, decision="fail", retries=2, hours=4.0),
    told(3, decision="fail", truth="transient", by_people=False, retries=1, hours=1.0),
    told(4, "transient", decision="retry", truth="transient", retries=1),
    told(5, decision="fail"),
    told(6, decision="fail", truth=None, retries=9, hours=9.0),
]


def test_report() -> None:
    """Only what was genuine and told so is saved; what nobody knows counts as neither."""
    found = report(HISTORY)

    assert (6, 5, 4, 3, 2) == (found.failures, found.judged, found.by_people, found.genuine, found.transient)
    assert (2, 1, 2, 5) == (found.stopped, found.stopped_untold, found.retries_skipped, found.genuine_retries)
    assert (4.0, 10.0) == (found.hours_saved, found.genuine_hours)
    assert (1, 0.5, 1) == (found.wrongly_stopped, found.wrong_fail, found.abstained)


def test_halves() -> None:
    """Right among the answered of which the truth is known; hours add up from the start."""
    found = report(HISTORY)

    assert found.first_half is not None and found.second_half is not None
    assert (0.5, 2 / 3, 4.0) == (found.first_half.right, found.first_half.answered, found.first_half.hours_saved)
    assert (1.0, 1.0, 4.0) == (found.second_half.right, found.second_half.answered, found.second_half.hours_saved)


def test_timeline_holds_every_failure_once() -> None:
    """In at most so many parts."""
    for number in (1, 3, SLICES, SLICES + 7, 101):
        timeline = report([told(at) for at in range(number)]).timeline

        assert min(number, SLICES) == len(timeline)
        assert number == sum(span.failures for span in timeline)


def test_nothing() -> None:
    """Nothing to tell, and nothing made up."""
    found = report([])

    assert (0, None, None, ()) == (found.failures, found.wrong_fail, found.whole, found.timeline)


def test_document_is_json() -> None:
    """With times as text."""
    document = orjson.loads(orjson.dumps(report(HISTORY).document()))

    assert (0.5, "2026-11-20T13:00:00+00:00") == (document["wrong_fail"], document["first_half"]["since"])
