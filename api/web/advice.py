"""An advice as a page shows it: the document of the API, and what is worked out for people."""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.web.storm import ShownStorm
from api.web.words import Segment, marked
from api.wording import ACTIONS, VERDICTS, backoff_text, decision_sentence, fix_of, sureness
from knowledge.documents import Document

#: Neighbours that are shown at once, of a list that stands alone, and of each where there are two.
NEAR, NEAR_OF_TWO = 3, 2
OWN, DOCUMENTED = "Your own", "Documented"


@dataclass(frozen=True, slots=True)
class ShownNeighbour:
    """An entry of the evidence, with the words marked that the failure has as well."""

    entry: Document
    template: list[Segment]


@dataclass(frozen=True, slots=True)
class ShownNeighbours:
    """The workspace's own or the documented ones, nearest first: `near` are shown at once, `farther` on demand."""

    title: str
    near: list[ShownNeighbour]
    farther: list[ShownNeighbour]


@dataclass(frozen=True, slots=True)
class ShownAdvice:
    """`said` is the document; the rest is in words: what it is and how surely (`gist`), what that means (`verdict`),
    what a person does (`todo`) and how it goes on, and what a pipeline that asks is told, where that is something else.
    `storm`: the one that goes on, or that it was part of. `helps`: the nearest precedent that says what helps, of the
    verdict and cause that were told. `neighbours`: lists of them, first the one that has the nearest.
    """

    said: Document
    gist: str
    verdict: str
    todo: str
    goes_on: str
    pipeline: str
    storm: ShownStorm | None
    helps: Document | None
    neighbours: list[ShownNeighbours]

    @property
    def nearest(self) -> ShownNeighbour | None:
        """The nearest of all."""
        return self.neighbours[0].near[0] if self.neighbours else None


def shown(advice: Document, *, text: str, own: str | None = None, storm: ShownStorm | None = None) -> ShownAdvice:
    """An advice beside the text that it was given for. `own`: the failure's own precedent, which is no neighbour."""
    return ShownAdvice(
        said=advice,
        gist=_gist(advice),
        verdict=VERDICTS[advice["verdict"]],
        todo=_todo(advice),
        goes_on=_goes_on(advice),
        pipeline=_pipeline(advice),
        storm=storm,
        helps=fix_of(advice),
        neighbours=neighbours_in(advice, text=text, own=own),
    )


def beside(advice: ShownAdvice, neighbours: list[ShownNeighbours]) -> ShownAdvice:
    """The advice with other neighbours."""
    return replace(advice, neighbours=neighbours)


def neighbours_in(advice: Document, *, text: str, own: str | None = None) -> list[ShownNeighbours]:
    """The evidence of an advice but for the failure's own precedent: own ones and documented ones apart.

    Evidence has the own ones first, however far: in lists of their own, what is nearest is always seen at once.
    """
    evidence = [each for each in advice["evidence"] if each["precedent_id"] != own]
    lists: dict[str, list[ShownNeighbour]] = {OWN: [], DOCUMENTED: []}
    for each in sorted(evidence, key=_similarity, reverse=True):
        title = DOCUMENTED if each["source"] == "starter" else OWN
        lists[title].append(ShownNeighbour(each, marked(each["template"], like=text)))
    found = [(title, entries) for title, entries in lists.items() if entries]
    found.sort(key=lambda pair: _similarity(pair[1][0].entry), reverse=True)
    near = NEAR if len(found) == 1 else NEAR_OF_TWO
    return [ShownNeighbours(title, entries[:near], entries[near:]) for title, entries in found]


def _similarity(entry: Document) -> float:
    return float(entry["similarity"])


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
