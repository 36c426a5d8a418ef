"""An incident as a page shows it: what was reported, what is advised now, and what was advised then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.web.advice import ShownAdvice, beside, neighbours_in, shown
from api.web.aftermath import Aftermath, aftermath
from api.web.storm import shown_storm
from api.web.words import Segment, marked
from knowledge.documents import Document
from knowledge.failures import ErrorInfo, Failure
from knowledge.incident_log import Since


@dataclass(frozen=True, slots=True)
class LookedAt:
    """`report`: what was reported, the words marked that the nearest neighbour has too. `then`: the advice that was
    given, where today's is another. `since`: what became of it.
    """

    incident: Document
    precedent: Document
    advice: ShownAdvice
    report: list[Segment]
    then: Document | None
    since: Aftermath

    @property
    def seen_in_other_words(self) -> bool:
        """Whether the like of it was known when it was asked. Today it is known itself."""
        told = self.incident["advice"]
        return told is not None and bool(told["seen_before"])


def looked_at(
    incident: Document,
    *,
    advice: Document,
    precedent: Document,
    since: Since,
    history: Sequence[Document],
    now: datetime,
) -> LookedAt:
    """The incident with today's advice. Its own precedent is told apart from the neighbours.

    `history`: the latest changes of the precedent.
    """
    advice = _with_its_role(advice, incident["advice"])
    text, own = incident["template"], precedent["id"]
    told = {"told": advice["storm"], "verdict": advice["verdict"]}
    storm = shown_storm(since.storm, **told, now=now) if since.storm else None
    today = shown(advice, text=text, own=own, storm=storm)
    # Where its own history settles it by now: those that were near when it was asked.
    if not today.neighbours and incident["advice"]:
        today = beside(today, neighbours_in(incident["advice"], text=text, own=own))
    nearest = today.nearest.entry["template"] if today.nearest else ""
    return LookedAt(
        incident=incident,
        precedent=precedent,
        advice=today,
        report=marked(report_text(incident), like=nearest),
        then=_otherwise(incident["advice"], advice),
        since=aftermath(incident, since=since, history=history),
    )


def failure_of(incident: Document) -> Failure:
    """The failure that was recorded, to be asked about again."""
    error = incident["error"]
    return Failure(
        error=ErrorInfo(**error) if error else None,
        text=incident["text"],
        pipeline=incident["pipeline"],
        step=incident["step"],
        run_id=incident["run_id"],
        attempt=incident["attempt"],
        max_attempts=incident["max_attempts"],
        environment=incident["environment"],
        spent=incident["spent"],
    )


def report_text(incident: Document) -> str:
    """What was reported, as one text."""
    error = incident["error"] or {}
    head = ": ".join(part for part in (error.get("type"), error.get("message")) if part)
    return "\n".join(part for part in (head, error.get("stacktrace"), incident["text"]) if part)


def precedent_id_of(incident: Document) -> UUID:
    """The precedent that an incident belongs to."""
    return UUID(incident["precedent_id"])


def _with_its_role(now: Document, then: Document | None) -> Document:
    """Today's advice, with the part in a storm that was given to this very failure: whoever only looks gets none."""
    storms = now["storm"], then and then["storm"]
    if then is None or not all(storms) or _state(now["storm"]) != _state(then["storm"]):
        return now
    return now | {"storm": now["storm"] | {"role": then["storm"]["role"]}, "decision": then["decision"]}


def _state(storm: Document) -> tuple[str, str]:
    return storm["id"], storm["state"]


def _otherwise(then: Document | None, now: Document) -> Document | None:
    if then is None or _gist(then) == _gist(now):
        return None
    return then


def _gist(advice: Document) -> tuple[str, str]:
    return advice["verdict"], advice["decision"]["action"]
