"""The report of a replay: what a history would have cost with the advice, by what was told and what came out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from knowledge.failures import DecisionAction, Verdict

#: Parts of the time line: enough to see it learn, each with failures enough to be a share of.
SLICES = 10


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was told to one past failure, and what came out.

    `truth` is None where nobody knows; else `by_people` tells a person's word from the end of retries. `retries` that
    were made after it cost `hours`; None where the history does not say.
    """

    number: int
    at: datetime
    verdict: Verdict
    decision: DecisionAction
    seen_before: bool
    truth: Verdict | None
    by_people: bool
    retries: int | None
    hours: float | None

    @property
    def answered(self) -> bool:
        """Whether it was told a verdict."""
        return self.verdict is not Verdict.UNKNOWN

    @property
    def right(self) -> bool:
        """Whether the verdict is what came out."""
        return self.verdict is self.truth

    @property
    def saved(self) -> bool:
        """Whether it was stopped, rightly: its retries would not have been made."""
        return self.decision is DecisionAction.FAIL and self.truth is Verdict.GENUINE

    @property
    def wrongly_stopped(self) -> bool:
        """Whether it was stopped and would have passed."""
        return self.decision is DecisionAction.FAIL and self.truth is Verdict.TRANSIENT


@dataclass(frozen=True, slots=True)
class Span:
    """Some failures in a row. `right` is the share of right verdicts among the answered of which the truth is known,
    `answered` the share that was answered; None where there are none. `hours_saved` counts from the first failure."""

    since: datetime
    until: datetime
    failures: int
    answered: float | None
    right: float | None
    hours_saved: float
    wrongly_stopped: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay says.

    `judged`: failures of which the truth is known, `by_people` those by a person's word. `stopped` were told `fail` and
    were genuine: `retries_skipped` and `hours_saved` are theirs, of `genuine_retries` and `genuine_hours` in all;
    `stopped_untold` of them do not say how many retries they took. `wrongly_stopped` of `transient` were told `fail`
    and would have passed. `abstained` had no verdict.
    """

    failures: int
    judged: int
    by_people: int
    transient: int
    genuine: int
    stopped: int
    stopped_untold: int
    retries_skipped: int
    genuine_retries: int
    hours_saved: float
    genuine_hours: float
    wrongly_stopped: int
    abstained: int
    seen_before: int
    whole: Span | None
    first_half: Span | None
    second_half: Span | None
    timeline: tuple[Span, ...]

    @property
    def wrong_fail(self) -> float | None:
        """The share of transient failures that were told `fail`."""
        return self.wrongly_stopped / self.transient if self.transient else None

    def document(self) -> dict[str, Any]:
        """For programs; times as ISO 8601."""
        document = asdict(self) | {"wrong_fail": self.wrong_fail}
        spans = [document["whole"], document["first_half"], document["second_half"], *document["timeline"]]
        for span in filter(None, spans):
            span |= {"since": span["since"].isoformat(), "until": span["until"].isoformat()}
        return document


def report(replayed: Sequence[Replayed]) -> Report:
    """The report; `replayed` in time order."""
    judged = [each for each in replayed if each.truth is not None]
    genuine = [each for each in judged if each.truth is Verdict.GENUINE]
    stopped = [each for each in genuine if each.saved]
    middle = (len(replayed) + 1) // 2
    return Report(
        failures=len(replayed),
        judged=len(judged),
        by_people=sum(each.by_people for each in judged),
        transient=len(judged) - len(genuine),
        genuine=len(genuine),
        stopped=len(stopped),
        stopped_untold=sum(each.retries is None for each in stopped),
        retries_skipped=_retries(stopped),
        genuine_retries=_retries(genuine),
        hours_saved=_hours(stopped),
        genuine_hours=_hours(genuine),
        wrongly_stopped=sum(each.wrongly_stopped for each in judged),
        abstained=sum(not each.answered for each in replayed),
        seen_before=sum(each.seen_before for each in replayed),
        whole=_span(replayed, 0, len(replayed)),
        first_half=_span(replayed, 0, middle),
        second_half=_span(replayed, middle, len(replayed)),
        timeline=_timeline(replayed),
    )


def _timeline(replayed: Sequence[Replayed]) -> tuple[Span, ...]:
    """As many parts as there are failures, `SLICES` at most, each with as many as the others."""
    parts = min(SLICES, len(replayed))
    bounds = [len(replayed) * part // parts for part in range(parts + 1)] if parts else []
    spans = (_span(replayed, start, end) for start, end in pairwise(bounds))
    return tuple(span for span in spans if span is not None)


def _span(replayed: Sequence[Replayed], start: int, end: int) -> Span | None:
    part = replayed[start:end]
    if not part:
        return None
    known = [each for each in part if each.answered and each.truth is not None]
    return Span(
        since=part[0].at,
        until=part[-1].at,
        failures=len(part),
        answered=sum(each.answered for each in part) / len(part),
        right=sum(each.right for each in known) / len(known) if known else None,
        hours_saved=_hours([each for each in replayed[:end] if each.saved]),
        wrongly_stopped=sum(each.wrongly_stopped for each in part),
    )


def _retries(some: Sequence[Replayed]) -> int:
    return sum(each.retries or 0 for each in some)


def _hours(some: Sequence[Replayed]) -> float:
    return round(sum(each.hours or 0.0 for each in some), 2)
