"""Policies living through small worlds whose sums can be done by hand: 16 GPUs, so that 16 GPU-hours are an hour."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.policies import (
    BLIND,
    BLIND_RESUMING,
    CLAIRVOYANT,
    RULES_RESUMING,
    STATELESS,
    unlearning,
)
from benchmarks.case.simulation import PAGE, Decision, Failed, Policy, Story, simulate
from benchmarks.case.world import Retraining, World, make_world
from tests.benchmarks.case.making import PLAIN, corpus, genuine, one, transient


def policy(name: str, *, assumptions: Assumptions = PLAIN) -> Policy:
    """The policy of that name."""
    return next(each for each in unlearning(assumptions) if each.name == name)


def lived(world: World, name: str) -> Story:
    """What becomes of the only retraining."""
    (story,) = simulate(world, policy(name, assumptions=world.assumptions))
    return story


class Scripted:
    """Retries after these waits, then pages; keeps what it is told."""

    name, resumes = "scripted", True

    def __init__(self, *waits_h: float) -> None:
        self.waits = list(waits_h)
        self.asked: list[Failed] = []
        self.told: list[tuple[int, bool] | str] = []

    def decide(self, failed: Failed) -> Decision:
        """The next wait."""
        self.asked.append(failed)
        return Decision(self.waits.pop(0)) if self.waits else PAGE

    def ended(self, failed: Failed, *, waited_h: float, succeeded: bool) -> None:
        """Keep it."""
        self.told.append((failed.retried, succeeded))

    def looked(self, failed: Failed) -> None:
        """Keep it."""
        self.told.append("looked")

    def resume(self, failed: Failed) -> float:
        """The last checkpoint."""
        return failed.safe

    def deployed(self, retraining: Retraining) -> None:
        """Nothing is kept."""


def test_without_trouble_nothing_is_lost() -> None:
    """480 GPU-hours, 30 hours, nobody paged."""
    for each in unlearning(PLAIN):
        (story,) = simulate(one(), each)

        assert (480, 30, 0) == (story.gpu_hours, story.hours, story.pages)


@pytest.mark.parametrize(
    ("name", "gpu_hours", "pages"),
    [(STATELESS, 840, 1), (BLIND, 840, 0), (BLIND_RESUMING, 480, 0), (CLAIRVOYANT, 480, 0)],
)
def test_a_transient_failure_at_360(name: str, gpu_hours: float, pages: int) -> None:
    """Who starts from zero does 360 GPU-hours again; 360 is a checkpoint, so who resumes does none."""
    story = lived(one((360.0, transient())), name)

    assert (gpu_hours, pages) == (story.gpu_hours, story.pages)


@pytest.mark.parametrize(
    ("name", "gpu_hours", "retried"),
    [
        (STATELESS, 480 + 363, 0),
        (BLIND, 480 + 4 * 363, 1),
        (BLIND_RESUMING, 480 + 4 * 3, 1),
        (RULES_RESUMING, 480 + 3, 0),
        (CLAIRVOYANT, 480 + 3, 0),
    ],
)
def test_a_genuine_failure_at_363(name: str, gpu_hours: float, retried: int) -> None:
    """Each retry fails at the same place, until a person has mended it; three GPU-hours lie behind the checkpoint."""
    story = lived(one((363.0, genuine())), name)

    assert (gpu_hours, 1, retried) == (story.gpu_hours, story.pages, story.retried)


def test_a_retry_fails_that_comes_by_before_the_trouble_has_cleared() -> None:
    """It clears after an hour: the retries at 0 and 0.5 h come too early, the third passes; each outcome is told."""
    scripted = Scripted(0.0, 0.5, 0.5)
    (story,) = simulate(one((360.0, transient(clears_h=1.0))), scripted)

    assert [(0, False), (1, False), (2, True)] == scripted.told
    assert [0, 1, 2] == [failed.retried for failed in scripted.asked]
    assert (0, 31.0) == (story.pages, story.hours)


def test_work_done_again_lets_time_pass() -> None:
    """Eight GPU-hours before the place are half an hour: a trouble of that length has cleared by then."""
    scripted = Scripted(0.0)
    simulate(one((367.9, transient(clears_h=0.49))), scripted)

    assert [(0, True)] == scripted.told
    assert pytest.approx(7.9) == scripted.asked[0].lost
    assert pytest.approx(7.9 / 16) == scripted.asked[0].back_h


def test_the_clairvoyant_comes_back_at_the_right_moment() -> None:
    """A trouble of five hours costs five hours, and nothing is done twice but what lay behind the checkpoint."""
    story = lived(one((363.0, transient(clears_h=5.0))), CLAIRVOYANT)

    assert (35.0, 483.0, 0) == (story.hours, story.gpu_hours, story.pages)


def test_a_person_is_told_of_and_the_run_goes_on() -> None:
    """Four hours to mend it; the retry that a policy then asks for is counted anew."""
    scripted = Scripted(0.0)
    (story,) = simulate(one((100.0, genuine()), (200.0, genuine())), scripted)

    assert [(0, False), "looked", "looked"] == scripted.told
    assert [0, 1, 0] == [failed.retried for failed in scripted.asked]
    assert [0, 1, 0] == [failed.retried_run for failed in scripted.asked]
    assert (2, 2, 1) == (story.pages, story.genuine, story.retried)


def test_a_person_waits_for_what_is_transient() -> None:
    """Who looks finds an outage that still goes on, and starts again when it is over."""
    scripted = Scripted()
    (story,) = simulate(one((160.0, transient(clears_h=7.0))), scripted)

    assert ["looked"] == scripted.told
    assert (1, 1, 37.0) == (story.pages, story.stopped, story.hours)


def test_starts_and_checkpoints_cost_something() -> None:
    """Every attempt its start, and who resumes a little of all work."""
    costly = Assumptions(on_call=True)
    restarted, resumed = (
        lived(one((360.0, transient()), assumptions=costly), name) for name in (BLIND, BLIND_RESUMING)
    )

    assert pytest.approx(840 + 2 * 1.6) == restarted.gpu_hours
    assert pytest.approx(480 * 1.005 + 2 * 1.6) == resumed.gpu_hours


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_holds_in_every_world(seed: int) -> None:
    """Everything is deployed; the first way's failures are the same for all; nobody beats the clairvoyant's pages."""
    assumptions = Assumptions(models=5, baseline_gpu_hours=6_000)
    world = make_world(corpus(groups=40), assumptions=assumptions, months=2, seed=seed)
    found = {each.name: simulate(world, each) for each in unlearning(assumptions)}
    first = [len(retraining.first) for retraining in world.retrainings]

    for stories in found.values():
        assert all(story.hours >= 30 for story in stories)
        assert all(story.gpu_hours >= 480 for story in stories)
        assert all(story.transient + story.genuine >= count for story, count in zip(stories, first, strict=True))
    assert all(story.pages == story.transient + story.genuine for story in found[STATELESS])
    best = found[CLAIRVOYANT]
    assert 0 == sum(story.stopped + story.retried for story in best)
    assert all(story.pages == story.genuine for story in best)
    assert sum(story.pages for story in best) <= sum(story.pages for story in found[BLIND_RESUMING])


def test_the_world_goes_by_its_own_time() -> None:
    """A policy that learns is asked in the order in which things happen, whichever retraining they happen to."""
    assumptions = Assumptions(models=5, baseline_gpu_hours=6_000)
    scripted = Scripted(*[0.1] * 1_000)
    simulate(make_world(corpus(groups=40), assumptions=assumptions, months=2, seed=5), scripted)
    times = [failed.at_h for failed in scripted.asked]

    assert len(times) > 5
    assert sorted(times) == times
