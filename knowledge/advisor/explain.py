"""The reason of a decision: one true sentence that a person accepts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from knowledge.advisor.advice import InContext, Judgement, Neighbour
from knowledge.advisor.circumstances import Circumstances
from knowledge.advisor.contexts import ENVIRONMENT, WORDING
from knowledge.failures import Cause, Source, Verdict
from knowledge.retries import Fared

CAUSE_WORDS: dict[Cause, str] = {
    Cause.PREEMPTION: "a preemption",
    Cause.RATE_LIMIT: "a rate limit",
    Cause.NETWORK: "a network fault",
    Cause.SERVICE_UNAVAILABLE: "an unavailable service",
    Cause.CONTENTION: "contention",
    Cause.HARDWARE: "failing hardware",
    Cause.DATA_QUALITY: "bad data",
    Cause.CODE_DEFECT: "a defect in the code",
    Cause.CONFIGURATION: "a wrong configuration",
    Cause.PERMISSION: "a missing permission",
    Cause.RESOURCE_LIMIT: "too few resources",
    Cause.MODEL_QUALITY: "a model that is not good enough",
    Cause.DEPENDENCY: "a dependency",
}
CONSEQUENCE = {
    Verdict.TRANSIENT: "the same work is likely to pass when run again",
    Verdict.GENUINE: "it fails again until someone changes something",
}
#: Where a precedent that turned out both ways is judged by its context.
WHERE = {"attempt": "at attempt", "step": "in step", "pipeline": "in pipeline"}

WAIT_WORDS = (
    "within 15 s",
    "after 15 s to 1 min",
    "after 1 to 4 min",
    "after 4 to 15 min",
    "after 15 min to 1 h",
    "after more than 1 h",
)


def reason(
    judgement: Judgement,
    *,
    now: datetime,
    circumstances: Circumstances | None = None,
    asked_to_wait: float | None = None,
) -> str:
    """One sentence: what it is, which precedent says so, how often and how lately it was seen, how retries fared.

    `asked_to_wait`: the seconds that the service asks for, where that is what is advised.
    """
    told = [_judged(judgement, now=now), _in_context(judgement)]
    if judgement.verdict is Verdict.TRANSIENT:
        told.append(f"the service asks to wait {_span(asked_to_wait)}" if asked_to_wait else _by_wait(judgement))
    if circumstances is not None:
        told.append(_tried(circumstances))
    return "; ".join(each for each in told if each) + "."


def _judged(judgement: Judgement, *, now: datetime) -> str:
    nearest = judgement.decided_by
    if judgement.verdict is Verdict.UNKNOWN:
        if nearest is None:
            return "Nothing like this is known yet"
        if nearest.source is Source.INCIDENT and nearest.similarity >= 1:
            return "Nothing that was said of this failure, or of those near to it, settles it"
        return f"The precedents near to this do not settle it (the nearest: {_name(nearest)})"
    what = CAUSE_WORDS[judgement.cause] if judgement.cause else f"a {judgement.verdict.value} failure"
    said = f", as {_origin(nearest, now=now)} says" if nearest is not None else ""
    return f"This looks like {what}{said}: {CONSEQUENCE[judgement.verdict]}"


def _in_context(judgement: Judgement) -> str:
    """What told a precedent's transient failures from its genuine ones."""
    here = judgement.decided_by.in_context if judgement.decided_by else None
    if here is None or judgement.verdict is Verdict.UNKNOWN:
        return ""
    count = here.seen_transient if judgement.verdict is Verdict.TRANSIENT else here.seen - here.seen_transient
    return f"{count} of {here.seen} {_where(here)} were {judgement.verdict.value}"


def _where(here: InContext) -> str:
    if here.part == WORDING:
        return "in these words"
    if here.part in WHERE:
        return f"{WHERE[here.part]} {here.value}"
    return f"with {here.part.removeprefix(ENVIRONMENT)} {here.value}"


def _origin(neighbour: Neighbour, *, now: datetime) -> str:
    if neighbour.source is Source.STARTER:
        return f"the documented precedent “{_name(neighbour)}”"
    times = "once" if neighbour.occurrences == 1 else f"{neighbour.occurrences} times"
    seen = f", last {_ago(neighbour.last_seen, now=now)}" if neighbour.last_seen else ""
    return f"a precedent seen {times}{seen}{_retries(neighbour)}"


def _retries(neighbour: Neighbour) -> str:
    total = neighbour.retries.succeeded + neighbour.retries.failed
    return f" ({neighbour.retries.succeeded} of {total} retries passed)" if total else ""


def _by_wait(judgement: Judgement) -> str:
    """How retries fared after short and long waits, where that tells them apart."""
    fared = judgement.decided_by.history.fared if judgement.decided_by else ()
    waits = sorted({each.wait for each in fared if each.wait is not None})
    if len(waits) < 2:
        return ""
    return ", ".join(_passed(fared, wait) for wait in waits)


def _passed(fared: Sequence[Fared], wait: int) -> str:
    succeeded = sum(each.succeeded for each in fared if each.wait == wait)
    total = succeeded + sum(each.failed for each in fared if each.wait == wait)
    return f"{succeeded:.0f} of {total:.0f} retries passed {WAIT_WORDS[wait]}"


def _tried(circumstances: Circumstances) -> str:
    """What is recorded of this run; what the caller only counts is not known to have failed as a retry."""
    attempt, count = circumstances.attempt, circumstances.recorded
    failed = f"{count} {'retry' if count == 1 else 'retries'} of this run {'has' if count == 1 else 'have'} failed"
    if attempt <= count + 1:
        return failed if count else ""
    return f"this is attempt {attempt}, and {failed}" if count else f"this is attempt {attempt}"


def _span(seconds: float) -> str:
    for unit, size in (("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _name(neighbour: Neighbour) -> str:
    if neighbour.title:
        return neighbour.title
    first = neighbour.template.strip().splitlines()[0] if neighbour.template.strip() else "without text"
    return first if len(first) <= 120 else f"{first[:119]}…"


def _ago(moment: datetime, *, now: datetime) -> str:
    seconds = max(0.0, (now - moment).total_seconds())
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
