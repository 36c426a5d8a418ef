"""The named example: one run fails once, at 360 of its 480 GPU-hours; what does that cost under each policy?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.policies import unlearning
from benchmarks.case.simulation import Policy, Story, simulate
from benchmarks.case.study import asking_policies
from benchmarks.case.world import Nature, Retraining, World, trouble
from benchmarks.protocol import Row, read_corpus
from knowledge.failures import Verdict

SAMPLE = Path(__file__).with_name("sample.jsonl")
FAILS_AT = 360.0
TRANSIENT, GENUINE = "spot-reclaimed-1", "schema-moved-1"
#: A Monday's noon: 360 GPU-hours later it is a Tuesday's morning, and people are at work.
DUE_H = 12.0


@dataclass(frozen=True, slots=True)
class Example:
    """What became of the run, under one policy, when the failure was transient and when it was genuine."""

    transient: Story
    genuine: Story


def examples(client: httpx.Client, *, assumptions: Assumptions) -> dict[str, Example]:
    """By policy; the service knows the documented failures only."""
    rows = {row.id: row for row in read_corpus(SAMPLE)}
    worlds = [_world(rows[name], assumptions) for name in (TRANSIENT, GENUINE)]
    found: dict[str, list[Story]] = {}
    for seed, world in enumerate(worlds):
        asking = asking_policies(client, seeds=[seed], assumptions=assumptions, months=world.months)
        policies: list[Policy] = [*unlearning(assumptions), *asking]
        for policy in policies:
            found.setdefault(policy.name, []).extend(simulate(world, policy))
    return {name: Example(*stories) for name, stories in found.items()}


def _world(row: Row, assumptions: Assumptions) -> World:
    of = Nature(transient=row.label is Verdict.TRANSIENT, late=0.0, fix_h=assumptions.fix_h)
    strikes = ((FAILS_AT, trouble(row, of, assumptions)),)
    return World(assumptions, months=1.0, retrainings=(Retraining("at-360", "example", DUE_H, strikes),))
