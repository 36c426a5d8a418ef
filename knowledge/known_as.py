"""The words that people know a failure by, beside its own: its title, its cause, what fixed it.

Search looks at them, and advice does not: an error that is pasted says none of them.
"""

from __future__ import annotations

from collections import Counter

from knowledge.failures import Cause
from knowledge.index.lexical import SparseVector, weighted_vector
from knowledge.signature import terms_of

#: How often a word of the title counts: a title says in five words what a resolution is about in fifty.
TITLE_COUNTS = 3.0
#: Characters of a resolution that are looked at.
READ = 2_000


def terms_known_as(title: str | None, *, cause: Cause | None, resolution: str | None) -> tuple[str, ...]:
    """Lexical terms of all of it."""
    return tuple(_weights(title, cause=cause, resolution=resolution))


def known_as(title: str | None, *, cause: Cause | None, resolution: str | None) -> SparseVector:
    """As a sparse vector; empty where nothing is known."""
    return weighted_vector(_weights(title, cause=cause, resolution=resolution))


def _weights(title: str | None, *, cause: Cause | None, resolution: str | None) -> dict[str, float]:
    of_title = Counter(terms_of(title or ""))
    others = Counter(terms_of(cause.value.replace("_", " ") if cause else ""))
    others.update(terms_of((resolution or "")[:READ]))
    return {term: TITLE_COUNTS * of_title[term] + others[term] for term in of_title | others}
