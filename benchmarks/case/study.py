"""All policies through all worlds; the worlds that ask the service run beside each other."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from benchmarks.case.assumptions import HOURS_A_MONTH, Assumptions
from benchmarks.case.figures import Figures, figures
from benchmarks.case.policies import unlearning
from benchmarks.case.seen_before import SEEN_BEFORE, SeenBefore, Telling, Told
from benchmarks.case.simulation import simulate
from benchmarks.case.world import World, make_world
from benchmarks.protocol import Row

#: Most of an answer's time the world waits until the index has what it was told; more at once wait for the processor.
AT_ONCE = 5
#: Retrainings that are due at the end of the months end later: within a month, whatever strikes.
AFTER_MONTHS = 1.0


@dataclass(frozen=True, slots=True)
class Study:
    """What came out: figures by policy, one a world; what the service said to each trouble when it first struck."""

    assumptions: Assumptions
    months: float
    seeds: tuple[int, ...]
    found: dict[str, tuple[Figures, ...]]
    told: tuple[tuple[Told, ...], ...]
    retrainings: int
    troubles: int
    recurring: float


def study(
    rows: Sequence[Row],
    *,
    assumptions: Assumptions,
    months: float,
    seeds: Sequence[int],
    client: httpx.Client,
    telling: Telling = Telling.USUAL,
    advance: Callable[[], None] = lambda: None,
) -> Study:
    """Run it; `advance` is called for each retraining that Seen Before has brought to deployment.

    Raises `CorpusTooSmall`, and `ServiceFailed` where the service does not answer as it should.
    """
    worlds = [make_world(rows, assumptions=assumptions, months=months, seed=seed) for seed in seeds]
    found = _without_service(worlds)
    asking = asking_policies(client, seeds=seeds, assumptions=assumptions, months=months, telling=telling)
    lock = threading.Lock()

    def advanced() -> None:
        with lock:
            advance()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        stories = list(pool.map(lambda pair: simulate(*pair, advance=advanced), zip(worlds, asking, strict=True)))
    asked = tuple(figures(world, each) for world, each in zip(worlds, stories, strict=True))
    troubles = [each for world in worlds for retraining in world.retrainings for _, each in retraining.first]
    return Study(
        assumptions=assumptions,
        months=months,
        seeds=tuple(seeds),
        found=found | {SEEN_BEFORE: asked},
        told=tuple(tuple(policy.told) for policy in asking),
        retrainings=sum(len(world.retrainings) for world in worlds),
        troubles=len(troubles),
        recurring=sum(each.recurs for each in troubles) / max(1, len(troubles)),
    )


def asking_policies(
    client: httpx.Client,
    *,
    seeds: Sequence[int],
    assumptions: Assumptions,
    months: float,
    telling: Telling = Telling.USUAL,
) -> list[SeenBefore]:
    """A policy a seed, each with a memory of its own that nobody had before. Their time ends now."""
    began = datetime.now(UTC) - timedelta(hours=(months + AFTER_MONTHS) * HOURS_A_MONTH)
    run = uuid.uuid4().hex[:8]
    return [SeenBefore(client, f"case-{run}-{seed}", began, assumptions, telling) for seed in seeds]


def _without_service(worlds: Sequence[World]) -> dict[str, tuple[Figures, ...]]:
    found: dict[str, list[Figures]] = {}
    for world in worlds:
        for policy in unlearning(world.assumptions):
            found.setdefault(policy.name, []).append(figures(world, simulate(world, policy)))
    return {name: tuple(each) for name, each in found.items()}
