"""What became of an incident, as its page shows it: whether it ended well, and who said what when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from api.web.precedent import shown_changes
from api.web.rendering import words
from api.wording import decision_text, duration
from knowledge.documents import Document, moment
from knowledge.incident_log import ASKED_HERE, Entry, Since

RESULTS = {"succeeded": "passed", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class Ending:
    """Whether it ended well (`good`), not (`bad`), or nobody has said (`open`), since when, and who says so."""

    kind: Literal["good", "bad", "open"]
    text: str
    at: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done: who did it (or nothing), what, and in whose words."""

    at: str
    who: str | None
    text: str
    quote: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The ending, and what led there, newest first. `attempt` is the one that the next outcome is of, `last` the
    outcome of the latest attempt, which can be told otherwise.
    """

    ending: Ending
    events: Sequence[Event]
    attempt: int
    last: Entry | None

    @property
    def was_in_storm(self) -> bool:
        """Whether what was told last teaches nothing of the precedent."""
        return self.last is not None and self.last.in_storm


def aftermath(incident: Document, *, since: Since, history: Sequence[Document]) -> Aftermath:
    """`history`: the latest changes of its precedent; those before the incident was recorded are not its own."""
    outcomes = [each for each in since.entries if each.kind == "outcome"]
    first = (incident["attempt"] or 1) + 1
    last = max(outcomes, key=lambda each: (each.attempt or first, each.at), default=None)
    recorded = [each for each in history if each["at"] >= incident["recorded_at"]]
    events = [*map(_event, since.entries), *_changes(recorded, of=incident["precedent_id"]), _reported(incident)]
    return Aftermath(
        ending=_ending(since, last=last),
        events=sorted(events, key=lambda each: each.at, reverse=True),
        attempt=first if last is None else (last.attempt or first) + 1,
        last=last,
    )


def _ending(since: Since, *, last: Entry | None) -> Ending:
    """The latest word counts; a run that went on and succeeded ended well, whatever was told of its attempts."""
    fixed = next((each for each in since.entries if each.kind == "resolution"), None)
    if last is not None and last.said == "succeeded":
        return Ending("good", f"Ended well: {_attempt(last)} passed", moment(last.at), last.who)
    if since.run is not None and since.run.status == "succeeded":
        return Ending("good", "Ended well: its run succeeded", moment(since.run.ended_at))
    if fixed is not None and (last is None or fixed.at >= last.at):
        return Ending("good", "Fixed", moment(fixed.at), fixed.who)
    if last is not None:
        return Ending("bad", f"Not over: {_attempt(last)} failed too", moment(last.at), last.who)
    if since.run is not None and since.run.status in ("failed", "cancelled"):
        ended = "failed" if since.run.status == "failed" else "was cancelled"
        return Ending("bad", f"Nobody has said yet what fixed it; its run {ended}", moment(since.run.ended_at))
    return Ending("open", "Nobody has said yet how it ended")


def _attempt(outcome: Entry) -> str:
    return f"attempt {outcome.attempt}" if outcome.attempt else "a retry"


def _event(entry: Entry) -> Event:
    match entry.kind:
        case "outcome":
            return _outcome(entry)
        case "resolution":
            text = "said what fixed it" if entry.who else "Somebody said what fixed it"
            return Event(_at(entry), entry.who, text, entry.summary, _judged(entry))
    text = "proposed what fixes it" if entry.who else "An agent proposed what fixes it"
    return Event(_at(entry), entry.who, text, entry.summary, [*_judged(entry), _stands(entry)])


def _outcome(entry: Entry) -> Event:
    waited = f", after a wait of {duration(entry.waited_s)}" if entry.waited_s is not None else ""
    ended = f"{_attempt(entry)} {RESULTS[entry.said]}{waited}"
    text = f"told that {ended}" if entry.who else f"{ended[0].upper()}{ended[1:]}"
    notes = ["in a storm: it tells of the outage, and nothing of the precedent"] if entry.in_storm else []
    return Event(_at(entry), entry.who, text, notes=notes)


def _judged(entry: Entry) -> list[str]:
    said = (("", entry.verdict), ("cause: ", entry.cause), ("next time: ", entry.action))
    return [f"{name}{words(value)}" for name, value in said if value]


def _stands(entry: Entry) -> str:
    if entry.said == "rejected":
        why = f": {entry.reason}" if entry.reason else ""
        return f"rejected by {entry.decided_by or 'somebody'}{why}"
    return "not accepted yet, so nobody is advised it"


def _changes(history: Iterable[Document], *, of: str) -> Iterator[Event]:
    for each in shown_changes(list(history), of=of):
        notes = [f"{name}: {before} → {after}" for name, before, after in each.changed]
        notes += ["taken back since"] if each.said["undone_by"] else []
        who = each.said["author"] or "Somebody"
        yield Event(each.said["at"], who, f"{each.done} (its precedent)", each.said["reason"], notes)


def _reported(incident: Document) -> Event:
    advice = incident["advice"]
    told = [f"it was told: {advice['verdict']}, {decision_text(advice['decision'])}"] if advice else []
    asked = (incident["external_id"] or "").startswith(ASKED_HERE)
    return Event(incident["recorded_at"], None, "Asked on the page" if asked else "Reported", notes=told)


def _at(entry: Entry) -> str:
    return moment(entry.at) or ""
