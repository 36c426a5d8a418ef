"""What the product is compared with: a sentence encoder on the raw text, BM25 on the raw text, and both fused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from rank_bm25 import BM25Okapi

from benchmarks.protocol import Row
from benchmarks.scoring import FEW, Answer, Shown
from knowledge.advisor.advising import MOST_EVIDENCE
from knowledge.embedding import LocalEmbedder
from knowledge.failures import Verdict

#: The usual constant of reciprocal rank fusion: Cormack, Clarke and Büttcher, 2009.
RRF_K = 60
_WORD = re.compile(r"\w+")

Numbers = npt.NDArray[np.float64]


class Baseline(Protocol):
    """Ranks remembered texts by their likeness to a text."""

    def scores(self, text: str) -> Numbers:
        """One number a remembered text, in their order; larger is nearer."""


class RawMiniLm:
    """Cosine of MiniLM vectors of the raw text."""

    def __init__(self, texts: Sequence[str], *, vectors: RawVectors) -> None:
        self._vectors = vectors
        self._remembered = vectors.of(texts)

    def scores(self, text: str) -> Numbers:
        """Cosines."""
        return np.asarray(self._remembered @ self._vectors.of([text])[0], dtype=np.float64)


class RawVectors:
    """Vectors of raw texts, each text embedded once."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        self._embedder = embedder
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def of(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Shape (texts, dimensions)."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(fresh, self._embedder.embed_now(fresh), strict=True))
        return np.array([self._known[text] for text in texts])


class RawBm25:
    """BM25 over the lower-cased words of the raw text."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._bm25 = BM25Okapi([words(text) for text in texts])

    def scores(self, text: str) -> Numbers:
        """BM25 scores."""
        return np.asarray(self._bm25.get_scores(words(text)), dtype=np.float64)


class Fused:
    """Reciprocal rank fusion of others."""

    def __init__(self, parts: Sequence[Baseline]) -> None:
        self._parts = parts

    def scores(self, text: str) -> Numbers:
        """Sums of reciprocal ranks."""
        total: Numbers = np.sum([1.0 / (RRF_K + ranks(part.scores(text))) for part in self._parts], axis=0)
        return total


def words(text: str) -> list[str]:
    """Lower-cased runs of letters, digits and underscores."""
    return [word.lower() for word in _WORD.findall(text)]


def ranks(scores: Numbers) -> Numbers:
    """The rank of each, from 1 for the largest."""
    found = np.empty(len(scores))
    found[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return found


def baseline_answer(row: Row, *, baseline: Baseline, remembered: Sequence[Shown]) -> Answer:
    """The nearest as shown; the verdict is the vote of five, the nearest deciding a tie."""
    order = np.argsort(-baseline.scores(row.text), kind="stable")[:MOST_EVIDENCE]
    shown = tuple(remembered[place] for place in order)
    return Answer(row=row, shown=shown, verdict=_vote(shown[:FEW]), confidence=_agreement(shown[:FEW]))


def _vote(shown: Sequence[Shown]) -> Verdict:
    if not shown:
        return Verdict.UNKNOWN
    transient = sum(each.verdict is Verdict.TRANSIENT for each in shown)
    if 2 * transient == len(shown):
        return shown[0].verdict
    return Verdict.TRANSIENT if 2 * transient > len(shown) else Verdict.GENUINE


def _agreement(shown: Sequence[Shown]) -> float:
    verdict = _vote(shown)
    return sum(each.verdict is verdict for each in shown) / len(shown) if shown else 0.5
