"""What a failure's own text says about when to come back: `Retry-After`, "try again in 20s", reset times of limits.

Read from the text as it was reported (scrubbed, not masked). The text is hostile: patterns run on google-re2, and
whatever it says, a wait lies between 0 and a day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from knowledge.failures import ErrorInfo, Failure
from knowledge.signature.patterns import Match, Pattern, pattern

LONGEST_S = 86_400.0
#: Characters that are read at the head and at the tail of each part of a failure.
HEAD, TAIL = 4_000, 16_000

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_UNIT = r"(?:ms|millis(?:econds?)?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_NUMBER = r"\d{1,13}(?:\.\d{1,12})?"
_SPAN = rf"(?:{_NUMBER} ?{_UNIT}(?:,? (?:and )?)?)+"
_DATE = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}, \d{1,2}[ -][a-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2}(?: gmt| utc)?"
_MOMENT = r"\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?(?:z|utc|gmt)\b|[+-]\d{2}:?\d{2})?"
_CLOCK = r"\d{2}:\d{2}:\d{2}(?:\.\d{1,7})?"
_IS = r"""["'\]]{0,2} ?[:=,] ?["'\[]{0,2}"""
_WHEN = rf"({_DATE}|{_MOMENT}|{_CLOCK}|{_SPAN}|{_NUMBER})"
#: Of a limit; a connection that was reset is none.
_RESETS = r"(?:(?:quota|limits?|usage|capacity|window)\b[^\n.]{0,40}\bresets?|(?:will|it) resets?|resets)"

#: A header or a field; its name may carry the unit.
_AFTER = pattern(
    rf"(?i)\b(?:x-ms-)?retry[-_ ]?after(?:[-_ ]?in)?(?:[-_ ]?(ms|milliseconds|s|sec|seconds))?{_IS}{_WHEN}\b",
    rf"(?i)\bgrpc-retry-pushback-(ms){_IS}{_WHEN}\b",
    rf"(?i)\bretry_?delay(){_IS}{_WHEN}\b",
    rf"(?i)\bretry_?delay()\s*:?\s*\{{\s*seconds: ?{_WHEN}\b",
)
_OWN = "(will |we )?"
_IN = "(?:in|after)(?: about| at least)?"
#: What a service says in words. A client that announces its own backoff ("will retry in 5s") asks for nothing.
_WORDS = pattern(
    rf"(?i)\b{_OWN}(?:re)?try(?: (?:your|the|this) request)?(?: again)? {_IN} ({_SPAN})\b",
    rf"(?i)\b{_OWN}(?:come back|available again) {_IN} ({_SPAN})\b",
    rf"(?i)\b{_OWN}wait(?: for)?(?: about| at least)? ({_SPAN}) (?:before|and (?:re)?try|then)\b",
    rf"(?i)\b(){_RESETS} (?:in|after) ({_SPAN})\b",
    rf"(?i)\b(){_RESETS} (?:at|on) ({_DATE}|{_MOMENT})",
    rf"(?i)\b()(?:re)?try(?: again)? (?:at|after) ({_DATE}|{_MOMENT})",
)
#: When a limit is full again, and how much is left: `x-ratelimit-reset-tokens`, `anthropic-ratelimit-tokens-reset`.
_RESET = pattern(
    rf"(?i)\b(?:[a-z]+-)?rate-?limit-reset(?:-([a-z-]+))?{_IS}{_WHEN}\b",
    rf"(?i)\b[a-z]+-ratelimit-([a-z-]+)-reset{_IS}{_WHEN}\b",
)
_REMAINING = pattern(
    rf"(?i)\b(?:[a-z]+-)?rate-?limit-remaining(?:-([a-z-]+))?{_IS}(\d{{1,12}})\b",
    rf"(?i)\b[a-z]+-ratelimit-([a-z-]+)-remaining{_IS}(\d{{1,12}})\b",
)
_STEP = pattern(rf"(?i)({_NUMBER}) ?({_UNIT})")
_ANY = pattern(r"(?i)retry|try again|reset|pushback|wait|come back|available again")
_ONLY_NUMBER = pattern(rf"^{_NUMBER}$")
_ONLY_CLOCK = pattern(rf"^{_CLOCK}$")


@dataclass(frozen=True, slots=True)
class Hint:
    """How many seconds to wait from now on. `asked`: the service asks this caller to come back then; otherwise it only
    says when a limit is full again."""

    wait_s: float
    asked: bool


def read(failure: Failure, *, now: datetime) -> Hint | None:
    """What the failure's text asks for, less the time since `occurred_at`; nothing where it asks for nothing.

    The last wait that was asked for holds; of reset times, the latest of a limit that is used up.
    """
    since = failure.occurred_at or now
    at = since if since.tzinfo else since.replace(tzinfo=UTC)
    text = _text(failure)
    if not text or _ANY.search(text) is None:
        return None
    if (asked := _asked(text, at=at)) is not None:
        return Hint(_left(asked, at=at, now=now), asked=True)
    resets = list(_resets(text, at=at))
    return Hint(_left(max(resets), at=at, now=now), asked=False) if resets else None


def _text(failure: Failure) -> str:
    error = failure.error or ErrorInfo()
    parts = (error.stacktrace, error.message, failure.text)
    return "\n".join(part if len(part) <= HEAD + TAIL else f"{part[:HEAD]}\n{part[-TAIL:]}" for part in parts if part)


def _left(wait_s: float, *, at: datetime, now: datetime) -> float:
    """What is left of a wait that began with the failure, to the next tenth of a second."""
    gone = max(0.0, (now - at).total_seconds())
    return math.ceil(10 * min(max(wait_s - gone, 0.0), LONGEST_S)) / 10


def _asked(text: str, *, at: datetime) -> float | None:
    """The wait asked for last."""
    found = [
        (place, wait_s)
        for place, said, unit in (*_fields(text), *_sentences(text))
        if (wait_s := seconds_of(said, unit=unit, at=at)) is not None
    ]
    return max(found)[1] if found else None


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    for match in _AFTER.finditer(text):
        unit, said = _groups(match, 4)
        yield match.start(), said, "ms" if unit.lower().startswith("m") else "s"


def _sentences(text: str) -> Iterator[tuple[int, str, str]]:
    for match in _WORDS.finditer(text):
        announced, said = _groups(match, 6)
        if not announced:
            yield match.start(), said, "s"


def _resets(text: str, *, at: datetime) -> Iterator[float]:
    left = {name for name, count in _limits(_REMAINING, text) if int(count) > 0}
    for name, said in _limits(_RESET, text):
        wait_s = seconds_of(said, unit="s", at=at)
        if name not in left and wait_s is not None:
            yield wait_s


def _limits(limits: Pattern, text: str) -> Iterator[tuple[str, str]]:
    for match in limits.finditer(text):
        name, said = _groups(match, 2)
        yield name.lower(), said


def _groups(match: Match, alternatives: int) -> tuple[str, str]:
    """The two groups of the alternative that matched."""
    return next(
        (
            (match[2 * number + 1] or "", match[2 * number + 2])
            for number in range(alternatives)
            if match[2 * number + 2]
        ),
        ("", ""),
    )


def seconds_of(said: str, *, unit: str, at: datetime) -> float | None:
    """A span, a number (of `unit`, or of seconds since 1970), a clock's time span, or a moment, as seconds from `at`.

    Nothing for what is no time, and 0 for what has passed.
    """
    said = said.strip()
    if _ONLY_NUMBER.match(said):
        return _number(float(said), unit=unit, at=at)
    if _ONLY_CLOCK.match(said):
        hours, minutes, seconds = said.split(":")
        return 3_600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
    if (moment := _moment(said)) is not None:
        return max(0.0, (moment - at).total_seconds())
    steps = [(float(match[1]), _UNITS[_short(match[2])]) for match in _STEP.finditer(said)]
    return min(sum(amount * size for amount, size in steps), LONGEST_S) if steps else None


def _number(amount: float, *, unit: str, at: datetime) -> float:
    """Too large for a wait, it is a moment: seconds since 1970, or milliseconds."""
    for size in (1.0, 1_000.0):
        if 1e9 <= amount / size < 1e10:
            return max(0.0, amount / size - at.timestamp())
    return min(amount * _UNITS[unit], LONGEST_S)


def _short(unit: str) -> str:
    lower = unit.lower()
    return "ms" if lower.startswith(("ms", "milli")) else lower[0]


def _moment(said: str) -> datetime | None:
    try:
        if said[:1].isalpha():
            found = parsedate_to_datetime(said)
        elif len(said) >= 16 and said[4] == "-":
            found = datetime.fromisoformat(said.upper().replace("UTC", "Z").replace("GMT", "Z").replace(" Z", "Z"))
        else:
            return None
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found if abs(found - datetime(2026, 1, 1, tzinfo=UTC)) < timedelta(days=36_500) else None
    except (ValueError, OverflowError, TypeError):
        return None
