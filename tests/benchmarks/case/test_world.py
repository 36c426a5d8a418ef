"""What happens is drawn once a seed, and no failure of the corpus strikes twice."""

from __future__ import annotations

import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.world import CorpusTooSmall, Deck, Spares, World, make_world
from benchmarks.protocol import Row
from knowledge.failures import Verdict
from tests.benchmarks.case.making import corpus

SMALL = Assumptions(models=5, baseline_gpu_hours=6_000)


def struck(world: World) -> list[Row]:
    """Rows of the first way of all retrainings."""
    return [trouble.row for retraining in world.retrainings for _, trouble in retraining.first]


@given(seed=st.integers(0, 1_000))
def test_no_failure_strikes_twice(seed: int) -> None:
    """Nor is one both on the way and spare; and none is lost."""
    rows = corpus(groups=20)
    world = make_world(rows, assumptions=SMALL, months=1, seed=seed)
    found = [row.id for row in (*struck(world), *world.spare)]

    assert sorted(row.id for row in rows) == sorted(found)


def test_a_seed_is_a_world() -> None:
    """The same again, in whatever order the rows come; another seed, another world."""
    rows = corpus(groups=20)
    world = make_world(rows, assumptions=SMALL, months=1, seed=1)

    assert world == make_world(rows[::-1], assumptions=SMALL, months=1, seed=1)
    assert world.retrainings != make_world(rows, assumptions=SMALL, months=1, seed=2).retrainings
    again = world.retrainings[0].again(SMALL)
    assert list(islice(again, 3)) == list(islice(world.retrainings[0].again(SMALL), 3))


def test_the_stated_shares_come_out() -> None:
    """31 % of the runs meet a failure, 64 % of the failures are transient, and they strike anywhere on the way."""
    rows = corpus(groups=2_000)
    world = make_world(rows, assumptions=Assumptions(), months=40, seed=7)
    troubles = [(place, trouble) for retraining in world.retrainings for place, trouble in retraining.first]

    assert 40 * world.assumptions.deployments_a_month == pytest.approx(len(world.retrainings), rel=0.02)
    assert 0.31 == pytest.approx(sum(bool(each.first) for each in world.retrainings) / len(world.retrainings), abs=0.02)
    assert 0.64 == pytest.approx(sum(trouble.transient for _, trouble in troubles) / len(troubles), abs=0.03)
    assert 240 == pytest.approx(sum(place for place, _ in troubles) / len(troubles), abs=12)
    assert 0.5 == pytest.approx(sum(trouble.recurs for _, trouble in troubles) / len(troubles), abs=0.05)


def test_labels_are_those_of_the_corpus() -> None:
    """What clears by itself is told as transient, and nothing else is."""
    world = make_world(corpus(groups=30), assumptions=SMALL, months=2, seed=3)
    troubles = [trouble for retraining in world.retrainings for _, trouble in retraining.first]

    assert troubles
    assert all(each.transient is (each.row.label is Verdict.TRANSIENT) for each in troubles)


def test_groups_recur_only_after_they_were_met() -> None:
    """With all failures recurring, a new group comes only when none that was met has any left."""
    deck = Deck(corpus(groups=3), dice=random.Random(1), recurring=1.0)
    drawn = [deck.draw(transient=True) for _ in range(9)]

    assert [False, True, True] * 3 == [recurs for _, recurs in drawn]


def test_a_corpus_may_be_too_small() -> None:
    """Told rather than repeated."""
    with pytest.raises(CorpusTooSmall):
        make_world(corpus(groups=2), assumptions=Assumptions(), months=6, seed=1)


def test_spares_begin_anew() -> None:
    """What strikes while work is done again is taken from those left, in turn."""
    world = World(SMALL, 1.0, (), spare=tuple(corpus(groups=1, each=2)))
    spares = Spares(world)

    assert ["t0-0", "t0-1", "t0-0"] == [spares.take(transient=True).id for _ in range(3)]
    with pytest.raises(CorpusTooSmall):
        Spares(World(SMALL, 1.0, ())).take(transient=True)
