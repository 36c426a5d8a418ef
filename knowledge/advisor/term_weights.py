"""How much a word says: rare words tell failures apart, common ones do not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.signature.signature import Signature

#: Summed weight of a text that tells enough. Of the starter wordings 3 in 100 weigh less, and those are the likes of
#: `Killed` (7), `AssertionError` (10) and `exit code 137` (15).
ENOUGH = 25.0
#: What likeness is worth for a text in which nothing says that anything failed: a query, a line of progress. 1 in 100
#: failures of a corpus is such a text, 4 in 100 starter wordings. Our choice, so that only near twins answer.
UNSAID = 0.3
UNDECODED = "\ufffd"
#: The share of Latin-1's upper half in a word that can be read; bytes that are no text have half.
MOST_UPPER_HALF = 1 / 3
#: What is left of likeness where nothing can be read; not nothing, for the very same text is the same failure.
LEAST_LEGIBLE = 0.01


@dataclass(frozen=True)
class TermWeights:
    """Inverse document frequencies over the starter precedents, the same for every workspace and every process."""

    documents: int
    frequencies: dict[str, int]

    @classmethod
    def of(cls, documents: Iterable[Iterable[str]]) -> TermWeights:
        """Count in how many documents each term stands."""
        counts: Counter[str] = Counter()
        total = 0
        for terms in documents:
            counts.update(set(terms))
            total += 1
        return cls(documents=total, frequencies=dict(counts))

    def weight(self, term: str) -> float:
        """The usual BM25 inverse document frequency; a term never seen weighs most."""
        frequency = self.frequencies.get(term, 0)
        return math.log1p((self.documents - frequency + 0.5) / (frequency + 0.5))

    def telling(self, terms: Iterable[str], *, enough: float = ENOUGH) -> float:
        """How much a text tells, from 0 to 1: the weight of its distinct words against what is enough."""
        return min(1.0, sum(self.weight(term) for term in frozenset(terms)) / enough)

    def heard(self, signature: Signature, *, enough: float = ENOUGH) -> float:
        """How much is made of what resembles a failure, from 0 to 1: by how much its text tells, and of a failure.

        What could not be decoded (a picture on the terminal) tells nothing: all such texts resemble one another.
        """
        said = 1.0 if signature.says_failure else UNSAID
        return said * legible(signature.template) * self.telling(signature.terms, enough=enough)

    def heaviest(self, terms: Iterable[str], count: int) -> list[str]:
        """The terms that say most, each once, in a settled order."""
        return sorted(frozenset(terms), key=lambda term: (-self.weight(term), term))[:count]


def legible(text: str) -> float:
    """The share of a text's characters that stand in words that can be read, from `LEAST_LEGIBLE` to 1.

    Bytes that are no text read as replacement characters (U+FFFD) or, as Latin-1, as words of letters with accents.
    """
    if text.isascii():
        return 1.0
    words = text.split()
    readable = sum(len(word) for word in words if _can_be_read(word))
    return max(LEAST_LEGIBLE, readable / max(1, sum(map(len, words))))


def _can_be_read(word: str) -> bool:
    upper_half = sum("\u00a1" <= char <= "\u00ff" for char in word)
    return UNDECODED not in word and upper_half <= MOST_UPPER_HALF * len(word)
