"""What is known of this very failure beside its verdict: its run's retries, what was spent, what its text asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from knowledge.advisor import hints
from knowledge.advisor.advice import Judgement, Neighbour
from knowledge.advisor.hints import Hint
from knowledge.advisor.retrying import MOST_ATTEMPTS, Experience
from knowledge.failures import Failure, Source, Verdict
from knowledge.retries import FIRST_RETRY, FailedRetry, run_key, summed

#: Outcomes of a neighbour count by this power of its similarity: 1 of the same fingerprint, 0.4 at 0.8, 0.06 at 0.5.
NEARNESS = 4
#: A run that comes back later than this is another one of the same name.
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """`attempt` counts from 1; `max_attempts` is the caller's own bound. `failed_waits`: how long those retries of this
    run had waited that failed, in seconds (None: nobody said); those that the caller only counted are among them.
    `recorded`: how many are known to have failed by an outcome. `spent`: units to amounts, of which a resume saves the
    share `resume_saves`; a restart loses the rest.
    """

    attempt: int = 1
    max_attempts: int | None = None
    failed_waits: tuple[float | None, ...] = ()
    recorded: int = 0
    spent: Mapping[str, float] = field(default_factory=dict)
    resume_saves: float = 0.0
    experience: Experience = field(default_factory=Experience)
    hint: Hint | None = None


def circumstances_of(
    failure: Failure,
    *,
    judgement: Judgement,
    neighbours: Sequence[Neighbour],
    now: datetime,
    resume_saves: float = 0.0,
) -> Circumstances:
    """Gather them; what only a retry needs is left out where there is none."""
    recorded = _failed_before(failure, neighbours=neighbours, now=now)
    attempt = max(failure.attempt or 1, len(recorded) + 1)
    transient = judgement.verdict is Verdict.TRANSIENT
    return Circumstances(
        attempt=attempt,
        max_attempts=failure.max_attempts,
        failed_waits=_waits(recorded, count=min(attempt - 1, MOST_ATTEMPTS)),
        recorded=len(recorded),
        spent=failure.spent,
        resume_saves=resume_saves,
        experience=experience_of(judgement, neighbours=neighbours) if transient else Experience(),
        hint=hints.read(failure, now=now) if transient else None,
    )


def experience_of(judgement: Judgement, *, neighbours: Sequence[Neighbour]) -> Experience:
    """How retries fared: after the precedents of this cause, by nearness, and after the cause itself."""
    alike = [each for each in neighbours if each.similarity >= 1.0 or _agrees(each, judgement)]
    by_cause = next((each.history.by_cause for each in neighbours if each.history.by_cause), {})
    return Experience(
        own=summed((fared, each.similarity**NEARNESS) for each in alike for fared in each.history.fared),
        cause=by_cause.get(judgement.cause, ()) if judgement.cause else (),
    )


def _agrees(neighbour: Neighbour, judgement: Judgement) -> bool:
    return (
        neighbour.source is Source.INCIDENT
        and neighbour.cause in {None, judgement.cause}
        and neighbour.verdict in {Verdict.UNKNOWN, judgement.verdict}
    )


def _failed_before(failure: Failure, *, neighbours: Sequence[Neighbour], now: datetime) -> list[FailedRetry]:
    """The retries of this step of this run that are recorded as failed, an attempt once."""
    if failure.run_id is None:
        return []
    key = run_key(failure.run_id, pipeline=failure.pipeline, step=failure.step)
    found = [
        each
        for neighbour in neighbours
        for each in neighbour.history.lately_failed
        if each.run_key == key and each.at >= now - LATELY
    ]
    numbered = {each.attempt: each for each in found if each.attempt is not None}
    return [*numbered.values(), *(each for each in found if each.attempt is None)]


def _waits(recorded: Sequence[FailedRetry], *, count: int) -> tuple[float | None, ...]:
    """The wait before each retry, from the first."""
    said = {each.attempt: each.waited_s for each in recorded}
    unnumbered = iter([each.waited_s for each in recorded if each.attempt is None])
    return tuple(
        said[attempt] if attempt in said else next(unnumbered, None)
        for attempt in range(FIRST_RETRY, FIRST_RETRY + count)
    )
