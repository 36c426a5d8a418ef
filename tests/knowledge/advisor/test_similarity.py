"""How near a failure is to a signature, and what words weigh."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.index.lexical import EMPTY, SparseVector, document_vector

TERMS = TermWeights.of([("slow", "down"), ("slow", "error"), ("error",), ("error", "disk")])
WEIGHTS = SimilarityWeights()
ASKED = ("slow", "down", "error")


def to(
    *,
    cosine: float = 0.5,
    words: Sequence[str] = (),
    codes: tuple[str, ...] = (),
    asked_codes: tuple[str, ...] = (),
    profiles: tuple[SparseVector, SparseVector] = (EMPTY, EMPTY),
) -> float:
    """Similarity of a failure to a signature with these parts."""
    similarity = Similarity(ASKED, codes=asked_codes, weights=WEIGHTS, terms=TERMS, profile=profiles[0])
    lexical = similarity.words(document_vector(words))
    return similarity.to(cosine_=cosine, words=lexical, codes=codes, profile=profiles[1])


def test_the_same_is_one_and_the_strange_is_zero() -> None:
    """The two ends."""
    assert pytest.approx(1.0) == to(cosine=1.0, words=ASKED)
    assert to(cosine=-0.3, words=("unheard",)) == 0.0


def test_rare_words_count_more() -> None:
    """A shared word that stands everywhere says less than one that stands in few places."""
    assert to(words=("down",)) > to(words=("error",)) > to(words=("disk",))


def test_shared_codes_draw_near_and_different_ones_apart() -> None:
    """Where both have some; 403 is not 404."""
    same, none, other = (to(codes=theirs, asked_codes=("403",)) for theirs in (("403",), (), ("404",)))

    assert same > none > other


def test_shared_profile_draws_near() -> None:
    """Two that are near to the same starter precedents, against two that are near to different ones."""
    here, there = SparseVector((7,), (1.0,)), SparseVector((8,), (1.0,))

    assert to(profiles=(here, here)) > to(profiles=(here, there))


@given(
    cosine=st.floats(-1, 1),
    words=st.lists(st.sampled_from(["slow", "down", "error", "disk", "unheard"]), max_size=30),
    codes=st.lists(st.sampled_from(["403", "404", "503"]), max_size=3).map(tuple),
)
def test_between_zero_and_one(cosine: float, words: list[str], codes: tuple[str, ...]) -> None:
    """Whatever is compared."""
    assert 0.0 <= to(cosine=cosine, words=words, codes=codes, asked_codes=("403",)) <= 1.0


def test_weights_fall_with_frequency() -> None:
    """A word never seen weighs most; without documents every word weighs the same."""
    assert TERMS.weight("unheard") > TERMS.weight("disk") > TERMS.weight("slow") > TERMS.weight("error") > 0
    assert TermWeights.of([]).weight("a") == TermWeights.of([]).weight("b") > 0


def test_how_much_a_text_tells() -> None:
    """Rare words tell, common and repeated ones do not; from some on it is enough."""
    weights = TermWeights.of([("error",)] * 900 + [()] * 100)

    assert 0.0 == weights.telling([])
    assert weights.telling(["error"]) < weights.telling(["ledger"]) == weights.telling(["ledger"] * 5)
    assert 1.0 == weights.telling(["ledger", "torn", "barn", "harvest", "cart"])
