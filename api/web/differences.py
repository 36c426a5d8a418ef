"""A failure beside a precedent: the one of its signatures that is nearest, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

from api.web.words import Segment, differences
from knowledge.documents import Document
from knowledge.signature.terms import words_of


@dataclass(frozen=True, slots=True)
class Sides:
    """Both texts, marked what the other has not. They are templates: what belongs to one occurrence is left out."""

    ours: list[Segment]
    theirs: list[Segment]

    @property
    def same(self) -> bool:
        """Whether they do not differ."""
        return not any(each.marked for each in (*self.ours, *self.theirs))


def nearest_sides(incident: Document, precedent: Document) -> Sides:
    """The incident's template beside the nearest template of the precedent."""
    ours = incident["template"]
    templates = [each["template"] for each in precedent["signatures"]]
    theirs = max(templates, key=lambda each: _alike(ours, each), default="")
    return Sides(*differences(ours, theirs))


def _alike(ours: str, theirs: str) -> float:
    """The share of their words that both have (Jaccard), from 0 to 1."""
    mine, other = frozenset(words_of(ours)), frozenset(words_of(theirs))
    return len(mine & other) / len(mine | other) if mine | other else 1.0
