"""A storm as a page tells it: as it is now, and not as it was when somebody asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from api.web.rendering import ago
from api.wording import counted
from knowledge.documents import Document
from knowledge.incident_log import StormNow

#: How it ended.
ENDS = {"recovered": "when a retry passed", "expired": "by itself: nobody was hit any more"}


@dataclass(frozen=True, slots=True)
class ShownStorm:
    """A headline, and the figures in a sentence or two."""

    going_on: bool
    headline: str
    text: str


def shown_storm(storm: StormNow, *, told: Document | None, verdict: str, now: datetime) -> ShownStorm:
    """`told`: what the advice says of a storm, with the part that the failure's run has in it; and its verdict."""
    hit = f"{counted(storm.incidents, 'failure')} in {counted(storm.runs, 'run')}"
    since, last = clock(storm.since, now=now), storm.last_at or storm.since
    if storm.going_on:
        role = told["role"] if told is not None and told["id"] == str(storm.id) else "none"
        figures = f"Since {since}, {hit}; the last {ago(last, now)}."
        return ShownStorm(
            True, "A storm: an outage, not many failures.", f"{figures} {_next(storm, role, verdict, now=now)}"
        )
    end = clock(storm.ends_at if storm.state == "recovered" else last, now=now)
    how = ENDS.get(storm.state, ENDS["expired"])
    return ShownStorm(False, "This was part of a storm.", f"From {since} to {end}, {hit}. It ended {how}.")


def _next(storm: StormNow, role: str, verdict: str, *, now: datetime) -> str:
    """Who tries when. What is judged genuine holds nobody: the others keep what they are told."""
    at = clock(storm.next_try_at, now=now)
    if not storm.has_canary:
        return f"The next try is due at {at}."
    if storm.next_try_at <= now:
        return f"One run was to try for all at {at}; how that went was not told yet."
    others = "keep what they are told" if verdict == "genuine" else "wait for it"
    if role == "canary":
        return f"This run tries for all at {at}; the others {others}."
    return f"One run tries for all at {at}; {'this one and ' if role == 'hold' else ''}the others {others}."


def clock(at: datetime, *, now: datetime) -> str:
    """`14:02 UTC`; with the day, where that is not today: `22 November, 14:02 UTC`."""
    at, today = at.astimezone(UTC), now.astimezone(UTC).date()
    day = "" if at.date() == today else f"{at.day} {at:%B}, " if at.year == today.year else f"{at.day} {at:%B %Y}, "
    return f"{day}{at:%H:%M} UTC"
