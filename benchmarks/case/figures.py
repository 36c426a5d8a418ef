"""What a policy achieved in a world, and what several worlds say together."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import t  # type: ignore[import-untyped]

from benchmarks.case.simulation import Story
from benchmarks.case.world import World

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Figures:
    """One policy in one world.

    `failed_share`: of the runs, each begun when it was due or by a person and ended by deployment or by being left to
    a person, those that ended in failure. `hours`: from due to deployed; `hours_hit`: of the retrainings that met a
    failure on their first way (the same ones under every policy). `stopped`: the share of transient troubles left to a
    person; `retried`: of genuine ones retried before a person had seen them.
    """

    failed_share: float
    gpu_hours: float
    hours: float
    hours_hit: float
    pages: float
    stopped: float
    retried: float
    attempts: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over worlds, and its 95 % interval by Student's t; without one where there is but one world."""

    mean: float
    low: float | None
    high: float | None


def figures(world: World, stories: Sequence[Story]) -> Figures:
    """Hours of all kinds count in full, also where a retraining ends after the months."""
    pages = sum(story.pages for story in stories)
    hit = [story.hours for story, each in zip(stories, world.retrainings, strict=True) if each.first]
    hours = [story.hours for story in stories]
    return Figures(
        failed_share=pages / (pages + len(stories)),
        gpu_hours=sum(story.gpu_hours for story in stories) / world.months,
        hours=statistics.fmean(hours),
        hours_hit=statistics.fmean(hit) if hit else statistics.fmean(hours),
        pages=pages / world.months,
        stopped=_share(sum(story.stopped for story in stories), sum(story.transient for story in stories)),
        retried=_share(sum(story.retried for story in stories), sum(story.genuine for story in stories)),
        attempts=sum(story.attempts for story in stories) / world.months,
    )


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and interval of one value a world."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Estimate(mean, None, None)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return Estimate(mean, mean - half, mean + half)


def estimates(found: Sequence[Figures]) -> dict[str, Estimate]:
    """By the name of the figure."""
    return {name: estimate([getattr(each, name) for each in found]) for name in Figures.__slots__}


def change(found: Sequence[Figures], *, against: Sequence[Figures], name: str) -> Estimate:
    """The change of a figure against another policy's, world by world: -0.2 is a fifth less."""
    pairs = zip(found, against, strict=True)
    return estimate([getattr(one, name) / getattr(other, name) - 1 for one, other in pairs])


def pooled(found: Mapping[str, Sequence[Figures]]) -> dict[str, dict[str, Estimate]]:
    """Estimates by policy and figure."""
    return {policy: estimates(each) for policy, each in found.items()}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
