"""A run as its page shows it: lanes of a time line, and the same as a list of what happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from api.wording import counted
from knowledge.documents import Document
from knowledge.refusals import READ_AS, Comparison

Kind = Literal["incident", "decision", "resume"]
SIGNS: Mapping[Kind, str] = {"incident": "✕", "decision": "◆", "resume": "▶"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on a lane, `at` percent of its length."""

    kind: Kind
    at: float
    text: str

    @property
    def sign(self) -> str:
        """What is drawn."""
        return SIGNS[self.kind]


@dataclass(frozen=True, slots=True)
class Lane:
    """A step's part of the time line, or, first, the run's own. In percent; `ticks` are checkpoints: where, how many.

    `number` is the step's place on the page; 0 is the run's. `says` is the status in words.
    """

    number: int
    name: str
    status: str
    since: float
    length: float
    ticks: Sequence[tuple[float, int]]
    marks: Sequence[Mark]
    says: str
    told: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in words; `at` as documents write times. `link` is an address or nothing."""

    at: str
    text: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that the lanes show."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, run: Document) -> Axis:
        """That of an outline."""
        return cls(*(datetime.fromisoformat(run["axis"][end]) for end in ("since", "until")))

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.until - self.since).total_seconds()

    def percent(self, moment: str) -> float:
        """Where a time lies; what lies outside is at the end that is nearer."""
        place = (datetime.fromisoformat(moment) - self.since).total_seconds() / max(self.seconds, 1e-3)
        return 100 * min(1.0, max(0.0, place))


def lanes_of(run: Document, *, decisions: Sequence[Document], resume: Document) -> list[Lane]:
    """The run's lane, and those of its steps that are shown. What belongs to none of these is on the run's."""
    axis = Axis.of(run)
    marks = [*_marks(run, decisions=decisions, resume=resume, axis=axis)]
    names = [step["step"] for step in run["steps"]]
    own = [mark for step, mark in marks if step not in names]
    first = Lane(0, "The run", run["status"], 0.0, 100.0, (), own, run["status"], "")
    is_over = run["ended_at"] is not None
    return [first, *(_lane(number, step, marks, is_over=is_over) for number, step in enumerate(run["steps"], 1))]


def _lane(number: int, step: Document, marks: Sequence[tuple[str | None, Mark]], *, is_over: bool) -> Lane:
    """A step's; whose end nobody told does not run once its run has ended."""
    was_running = is_over and step["status"] == "running"
    since, until = 100 * step["from"], 100 * step["to"]
    return Lane(
        number=number,
        name=step["step"],
        status="cancelled" if was_running else step["status"],
        since=since,
        length=max(until - since, 0.4),
        ticks=[(100 * each["at"], each["number"]) for each in step["checkpoints"]],
        marks=[mark for name, mark in marks if name == step["step"]],
        says="was running" if was_running else step["status"],
        told=work_of(step),
    )


def work_of(step: Document) -> str:
    """How much of a step is done, in words; empty where it has no sub-tasks."""
    numbers, planned = step["numbers"], step["plan"]
    if not planned and not any(numbers.values()):
        return "" if step["progress"] is None else f"{100 * step['progress']:.0f} % done, as its owner tells"
    of_planned = f" of {len(planned):,}" if planned else ""
    others = (("started", "under way"), ("failed", "failed"))
    said = [f"{numbers[name]:,} {words}" for name, words in others if numbers[name]]
    return ", ".join([f"{numbers['completed']:,}{of_planned} completed", *said])


def events_of(
    run: Document, *, decisions: Sequence[Document], resume: Document, incident_links: Mapping[str, str | None]
) -> list[Event]:
    """All that the time line shows, in order of time."""
    events = [Event(run["started_at"], "The run started.")]
    for step in run["steps"]:
        events += _of_step(step)
    for incident in run["incidents"]:
        text = f"Incident, {_verdict_of(incident)}{_in(incident['step'])}: {incident['template'].strip()[:160]}"
        events.append(Event(incident["occurred_at"], text, incident_links.get(incident["id"])))
    for decision in decisions:
        events.append(
            Event(decision["created_at"], f"{decision['agent']} decided ({decision['kind']}){_in(decision['step'])}.")
        )
    if resume.get("completed_at"):
        events.append(Event(resume["completed_at"], f"{resume['sub_task']} was completed: a retry goes on after it."))
    if run["ended_at"]:
        events.append(Event(run["ended_at"], f"The run ended: {run['status']}."))
    return sorted(events, key=lambda each: datetime.fromisoformat(each.at))


def json_text(value: object) -> str:
    """A value as JSON that people read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def shown_decision(decision: Document) -> dict[str, Any]:
    """A decision with its choice as text, and its reasons in words."""
    reasons = [each | {"text": _reason(each)} for each in decision["reasons"]]
    return decision | {"choice": json_text(decision["choice"]), "reasons": reasons}


def _reason(reason: Document) -> str:
    """`recall 0.71 is below 0.8`."""
    compared = READ_AS[Comparison(reason["comparison"])]
    return f"{reason['metric']} {reason['observed']:g} {compared} {reason['threshold']:g}"


def _marks(
    run: Document, *, decisions: Sequence[Document], resume: Document, axis: Axis
) -> Iterator[tuple[str | None, Mark]]:
    """With the step that each belongs to."""
    for each in run["incidents"]:
        yield each["step"], Mark("incident", 100 * each["at"], f"incident, {_verdict_of(each)}")
    for each in decisions:
        yield each["step"], Mark("decision", axis.percent(each["created_at"]), f"decision of {each['agent']}")
    if resume.get("completed_at"):
        yield resume["step"], Mark("resume", axis.percent(resume["completed_at"]), "a retry goes on here")


def _of_step(step: Document) -> Iterator[Event]:
    name = step["step"]
    yield Event(step["started_at"], f"Step {name} started, owned by {step['owner']}.")
    completed = step["numbers"]["completed"]
    if step["ended_at"]:
        did = f" with {counted(completed, 'checkpoint')}" if completed else ""
        yield Event(step["ended_at"], f"Step {name} ended: {step['status']}{did}.")
    elif completed:
        yield Event(step["updated_at"], f"Step {name} has {counted(completed, 'checkpoint')} so far.")


def _verdict_of(incident: Document) -> str:
    """Where it is not known, also the one that was told."""
    verdict, advised = incident["verdict"], incident["advised"]
    return f"{verdict} (told: {advised})" if verdict == "unknown" and advised not in {None, "unknown"} else str(verdict)


def _in(step: str | None) -> str:
    return f" in step {step}" if step else ""
