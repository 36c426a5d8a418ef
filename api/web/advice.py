"""An advice as a page shows it: the document of the API, and what is worked out for people."""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.web.words import Segment, marked
from api.wording import ACTIONS, VERDICTS, backoff_text, decision_sentence
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
    """`said` is the document; the rest is in words. `helps`: the nearest precedent that says what helps, of the verdict
    and cause that were told. `near` neighbours are shown at once, `farther` ones on demand.
    """

    said: Document
    verdict: str
    decision: str
    action: str
    backoff: str
    helps: Document | None
    near: list[ShownNeighbour]
    farther: list[ShownNeighbour]


def shown(advice: Document, *, text: str, own: str | None = None) -> ShownAdvice:
    """An advice beside the text that it was given for. `own`: the failure's own precedent, which is no neighbour."""
    neighbours = neighbours_in(advice, text=text, own=own)
    return ShownAdvice(
        said=advice,
        verdict=VERDICTS[advice["verdict"]],
        decision=decision_sentence(advice["decision"]),
        action=ACTIONS[advice["strategy"]["action"]],
        backoff=backoff_text(advice["strategy"]),
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


def _helps(entry: Document, advice: Document) -> bool:
    told = ("verdict", "cause")
    return bool(entry["resolution"]) and all(entry[name] == advice[name] for name in told)
