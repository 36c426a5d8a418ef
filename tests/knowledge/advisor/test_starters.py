"""The starter precedents at hand: nearest ones, and the profile of a failure."""

from __future__ import annotations

import math

import numpy as np
import pytest

from knowledge.advisor.similarity import SimilarityWeights
from knowledge.advisor.starters import PROFILE_SIZE, Starters, Wording
from knowledge.signature import terms_of
from tests.knowledge.advisor.making import numbered, signature, starter

WEIGHTS = SimilarityWeights()
#: Precedent, what it says, and the direction of its vector.
WORDINGS = (
    (1, "SlowDown reduce your request rate", 0),
    (1, "503 slow down please", 1),
    (2, "AccessDenied for this bucket", 2),
    (3, "connection reset by peer", 3),
)


def direction(number: int) -> np.ndarray:
    """A unit vector."""
    return np.eye(8, dtype=np.float32)[number]


@pytest.fixture
def starters() -> Starters:
    """Three precedents with four wordings."""
    return Starters(
        [
            Wording(starter(number, similarity=0.0, template=text, terms=tuple(terms_of(text))), direction(at))
            for number, text, at in WORDINGS
        ]
    )


def asked(text: str) -> dict[str, object]:
    """The parts of a signature that are compared."""
    return {"template": text, "terms": tuple(terms_of(text)), "codes": (), "exceptions": (), "operations": ()}


def nearest(starters: Starters, text: str, *, towards: int | None, limit: int = 10) -> list[tuple[int, float]]:
    """Precedents by number, with their similarity."""
    made = signature(**asked(text))
    vector = None if towards is None else direction(towards)
    found = starters.nearest(made, words=starters.words(made.terms), vector=vector, weights=WEIGHTS, limit=limit)
    return [(each.precedent_id.int, each.similarity) for each in found]


@pytest.mark.parametrize(("number", "text", "at"), WORDINGS)
def test_a_wording_finds_its_precedent(starters: Starters, number: int, text: str, at: int) -> None:
    """Its own words and vector are the same failure."""
    first = nearest(starters, text, towards=at)[0]

    assert (number, pytest.approx(1.0, abs=0.01)) == first


def test_each_precedent_once_best_first(starters: Starters) -> None:
    """By its nearest wording, and no more than asked for."""
    found = nearest(starters, "slow down the request rate", towards=1)

    assert [1, 2, 3] == sorted(number for number, _ in found)
    assert sorted((score for _, score in found), reverse=True) == [score for _, score in found]
    assert found[:1] == nearest(starters, "slow down the request rate", towards=1, limit=1)


def test_words_alone_answer_without_a_model(starters: Starters) -> None:
    """No vector, still the right one."""
    assert 3 == nearest(starters, "connection reset by peer", towards=None)[0][0]


def test_profile_is_a_unit_vector_over_the_nearest(starters: Starters) -> None:
    """Two wordings of the same failure have nearly the same profile; another failure has another."""
    first, second, other = (
        starters.profile(starters.words(tuple(terms_of(text))))
        for text in ("please reduce the request rate", "slow down", "connection reset")
    )

    assert all(pytest.approx(1.0) == math.hypot(*each.values) for each in (first, second, other))
    assert all(len(each.indices) <= PROFILE_SIZE for each in (first, second, other))
    assert first.indices[np.argmax(first.values)] == second.indices[np.argmax(second.values)] == numbered(1).int
    assert other.indices[np.argmax(other.values)] == numbered(3).int


def test_words_that_nobody_uses_have_no_profile(starters: Starters) -> None:
    """Nothing is near."""
    assert () == starters.profile(starters.words(("unheard",))).indices
    assert not starters.words(()).any()


def test_without_starter_precedents() -> None:
    """Nothing is found, and nothing breaks."""
    empty = Starters([])

    assert [] == nearest(empty, "SlowDown", towards=0)
    assert () == empty.profile(empty.words(("slow",))).indices
