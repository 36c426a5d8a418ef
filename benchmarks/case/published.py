"""The published case: what it claims, and which of it the stated inputs can produce at all. Pure arithmetic.

The inputs: 31 % of runs fail, 64 % of these for transient reasons, a run costs 480 GPU-hours and fails anywhere. They
do not state how many retrainings are due, on how many GPUs a run works, and how long people take.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.case.assumptions import Assumptions

BASELINE_HOURS, REACHED_HOURS = 72.0, 38.0
BASELINE_GPU_HOURS, REACHED_GPU_HOURS = 47_000.0, 31_200.0
BASELINE_FAILED, REACHED_FAILED = 0.31, 0.084
PAGES_LESS = 0.68


@dataclass(frozen=True, slots=True)
class Claim:
    """A published reduction of one of the `Figures`, as a share of the baseline."""

    title: str
    figure: str
    less: float


CLAIMS = (
    Claim("runs that end in failure", "failed_share", 1 - REACHED_FAILED / BASELINE_FAILED),
    Claim("GPU-hours a month", "gpu_hours", 1 - REACHED_GPU_HOURS / BASELINE_GPU_HOURS),
    Claim("hours to deployment, all", "hours", 1 - REACHED_HOURS / BASELINE_HOURS),
    Claim("hours to deployment, after a failure", "hours_hit", 1 - REACHED_HOURS / BASELINE_HOURS),
    Claim("pages to people", "pages", PAGES_LESS),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no policy can beat that does not keep genuine failures from happening; shares are of stateless restart's.

    `failed_share`: least share of runs that end in failure; `first_genuine`: the same where a run fails once at most.
    `gpu_hours_less`, `pages_less`: largest reductions. `deployments`: a month, bought with the published 47,000;
    `deployments_reached`: at most, with 31,200. `fit_all`, `fit_hit`: hours of a run and hours a page costs that make
    72 of the baseline and 38 of the best policy, over all retrainings and over those that met a failure.
    """

    failed_share: float
    first_genuine: float
    gpu_hours_less: float
    pages_less: float
    deployments: float
    deployments_reached: float
    fit_all: tuple[float, float]
    fit_hit: tuple[float, float]


def bounds(assumptions: Assumptions) -> Bounds:
    """From the stated inputs alone."""
    failing, genuine = assumptions.failing, 1 - assumptions.transient
    # Who resumes goes the way once: failures are Poisson over it. Who restarts goes it again and fails more often.
    genuine_a_way = genuine * -math.log(1 - failing)
    wasted = assumptions.restarts * assumptions.lost_by_restart / assumptions.run_gpu_hours
    each = assumptions.run_gpu_hours * (1 + wasted)
    return Bounds(
        failed_share=genuine_a_way / (1 + genuine_a_way),
        first_genuine=failing * genuine,
        gpu_hours_less=wasted / (1 + wasted),
        pages_less=1 - genuine_a_way / assumptions.restarts,
        deployments=BASELINE_GPU_HOURS / each,
        deployments_reached=REACHED_GPU_HOURS / assumptions.run_gpu_hours,
        fit_all=_fit(1 + wasted, assumptions.restarts, genuine_a_way),
        fit_hit=_fit(1 + wasted / failing, assumptions.restarts / failing, genuine_a_way / failing),
    )


def _fit(work: float, pages: float, genuine: float) -> tuple[float, float]:
    """Hours of a run and of a page that give the published hours: the baseline does `work` runs' work and pages
    `pages` times, the best policy works once and pages for what is genuine."""
    run, page = np.linalg.solve([[work, pages], [1.0, genuine]], [BASELINE_HOURS, REACHED_HOURS])
    return float(run), float(page)


def findings(assumptions: Assumptions) -> list[str]:
    """Which of the published figures the inputs can produce, a sentence each."""
    found = bounds(assumptions)
    return [
        f"31 % to 8.4 % of runs (-73 %) cannot be: {found.first_genuine:.1%} of the runs meet a genuine failure "
        f"before any other, {found.failed_share:.1%} end in one where the others are resumed, and advice mends none "
        f"of them. At best {found.failed_share / BASELINE_FAILED - 1:+.0%}.",
        f"47,000 to 31,200 GPU-hours (-33.6 %) cannot be, against restarting by hand: that loses "
        f"{found.gpu_hours_less:.1%}, and nobody can save more than is lost. 47,000 bring {found.deployments:.0f} "
        f"versions to deployment, and 31,200 would bring {found.deployments_reached:.0f} if nothing ever failed. It "
        "can be nearly so against a baseline that loses more, as blind retries from zero do.",
        f"72 to 38 hours over all retrainings needs people to take {found.fit_all[1]:.0f} hours a page (and a run of "
        f"{found.fit_all[0]:.0f} hours): not credible. Over those that met a failure it needs {found.fit_hit[1]:.0f} "
        f"hours a page and a run of {found.fit_hit[0]:.0f} hours: that can be.",
        f"68 % fewer pages can be, just: at best {found.pages_less:.1%}, since who resumes also meets fewer failures "
        f"than who starts again. Each failure counted once it would be {assumptions.transient:.0%}.",
    ]
