"""An advice as a page shows it: the document of the API, and what is worked out for people."""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.web.storm import ShownStorm
from api.web.words import Segment, marked
from api.wording import ACTIONS, VERDICTS, backoff_text, decision_sentence, sureness
from knowledge.documents import Document

#: Neighbours that are shown at once.
NEAR = 3


@dataclass(frozen=True, slots=True)
class ShownNeighbour:
    """An entry of the evidence, with the words marked that the failure has as well."""

    entry: Document
    template: list[Segment]


@dataclass(frozen=True, slots=True)
class ShownAdvice:
    """`said` is the document; the rest is in words: what it is and how surely (`gist`), what that means (`verdict`),
    what a person does (`todo`) and how it goes on, and what a pipeline that asks is told, where that is something else.
    `storm`: the one that goes on, or that it was part of. `helps`: the nearest precedent that says what helps, of the
    verdict and cause that were told. `near` neighbours are shown at once, `farther` ones on demand.
    """

    said: Document
    gist: str
    verdict: str
    todo: str
    goes_on: str
    pipeline: str
    storm: ShownStorm | None
    helps: Document | None
    near: list[ShownNeighbour]
    farther: list[ShownNeighbour]


def shown(advice: Document, *, text: str, own: str | None = None, storm: ShownStorm | None = None) -> ShownAdvice:
    """An advice beside the text that it was given for. `own`: the failure's own precedent, which is no neighbour."""
    neighbours = neighbours_in(advice, text=text, own=own)
    return ShownAdvice(
        said=advice,
        gist=_gist(advice),
        verdict=VERDICTS[advice["verdict"]],
        todo=_todo(advice),
        goes_on=_goes_on(advice),
        pipeline=_pipeline(advice),
        storm=storm,
        helps=next((each for each in advice["evidence"] if _helps(each, advice)), None),
        near=neighbours[:NEAR],
        farther=neighbours[NEAR:],
    )


def beside(advice: ShownAdvice, neighbours: list[ShownNeighbour]) -> ShownAdvice:
    """The advice with other neighbours."""
    return replace(advice, near=neighbours[:NEAR], farther=neighbours[NEAR:])


def neighbours_in(advice: Document, *, text: str, own: str | None = None) -> list[ShownNeighbour]:
    """The evidence of an advice but for the failure's own precedent, nearest first."""
    evidence = (each for each in advice["evidence"] if each["precedent_id"] != own)
    return [ShownNeighbour(each, marked(each["template"], like=text)) for each in evidence]


def _gist(advice: Document) -> str:
    if advice["verdict"] == "unknown":
        return "It cannot be told"
    if advice["confidence"] >= 1:
        return f"{advice['verdict'].capitalize()}, as people say"
    return f"{sureness(advice['confidence']).capitalize()} {advice['verdict']}"


def _todo(advice: Document) -> str:
    """What a person does now. The decision is for pipelines: `default` tells them, and nobody else, to go on as is."""
    action, verdict = advice["decision"]["action"], advice["verdict"]
    if action == "retry":
        return f"{decision_sentence(advice['decision'], verdict=verdict)}."
    if verdict == "unknown":
        return "Keep your own retry policy, and tell somebody who can look into it."
    if verdict == "transient":
        return "It may well pass when run again; whether one more try is worth it is yours to say."
    return f"As it is, a retry is unlikely to pass. {ACTIONS[advice['strategy']['action']]}"


def _goes_on(advice: Document) -> str:
    """Where a retry is advised: in which way, and what the waits after it are."""
    if advice["decision"]["action"] != "retry":
        return ""
    return f"{ACTIONS[advice['strategy']['action']]} {backoff_text(advice['strategy'])}".strip()


def _pipeline(advice: Document) -> str:
    match advice["decision"]["action"], advice["verdict"]:
        case "fail", _:
            return "A pipeline that asks is told to stop retrying."
        case "default", "genuine":
            return "A pipeline that asks is not stopped: it keeps its own retry policy."
        case "default", "transient":
            return "A pipeline that asks keeps its own retry policy."
    return ""


def _helps(entry: Document, advice: Document) -> bool:
    told = ("verdict", "cause")
    return bool(entry["resolution"]) and all(entry[name] == advice[name] for name in told)
