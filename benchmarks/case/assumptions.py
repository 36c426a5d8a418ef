"""What the case study assumes, each with its reason. All policies live in the same world."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from knowledge.failures import Cause

#: The mean month of the Gregorian calendar.
HOURS_A_MONTH = 730.5
HOURS_A_WEEK = 168.0

#: Half of such troubles have cleared after so many minutes. Documented practice, not the service's own constants:
#: preempted capacity comes back within minutes; quotas are counted by the minute; resets and DNS faults pass sooner;
#: managed services fail over or are mended in ten minutes to an hour; locks and races are over in a minute; a bad
#: device is taken out of the pool within minutes.
HALF_CLEARED_MIN: Mapping[Cause, float] = {
    Cause.PREEMPTION: 4.0,
    Cause.RATE_LIMIT: 2.0,
    Cause.NETWORK: 1.5,
    Cause.SERVICE_UNAVAILABLE: 12.0,
    Cause.CONTENTION: 1.0,
    Cause.HARDWARE: 5.0,
}
#: For a transient failure of a cause that usually is genuine.
HALF_CLEARED_OTHERWISE_MIN = 5.0


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The first four are stated by the case; `baseline_gpu_hours` is what it published for the old way of working.

    Times are in hours unless a name says otherwise.
    """

    models: int = 47
    #: A run that starts from zero fails before its end with this chance.
    failing: float = 0.31
    transient: float = 0.64
    run_gpu_hours: float = 480.0
    #: So many retrainings are due that restarting by hand uses it: the case does not state their number.
    baseline_gpu_hours: float = 47_000.0

    #: Two machines of eight: with them a run takes 30 h, which leaves room below the published 38 h to deployment.
    gpus: int = 16
    #: Scheduling, pulling an image, loading data or a checkpoint; all the run's GPUs wait. Usual where the node has
    #: the image; it makes every retry cost something.
    start_h: float = 0.1
    #: Half an hour of the run's work: what trainers that write checkpoints by time commonly take.
    checkpoint_gpu_hours: float = 8.0
    #: Work lost to writing them, for policies that resume: 9 s of each half hour, as when the write overlaps training.
    checkpoint_share: float = 0.005

    #: Airflow's default delay, and the three retries that the case names.
    blind_retries: int = 3
    blind_wait_h: float = 5 / 60

    #: Nobody gets up at night for a training run: who is paged looks in working hours, Monday to Friday, 9 to 17.
    #: `on_call` looks at once, at any hour.
    on_call: bool = False
    opens_h: float = 9.0
    closes_h: float = 17.0
    working_days: int = 5
    #: To read the log and to know what it is. People find the truth, under every policy, and restart.
    look_h: float = 0.5
    #: To mend what is genuine once it is understood: the median of a log-normal with a mean of 4 h.
    fix_h: float = 3.0
    fix_sigma: float = 0.8
    #: Outages have long tails: one in twenty lasts eight times as long as half of them do.
    clear_sigma: float = 1.3
    half_cleared_min: Mapping[Cause, float] = field(default_factory=lambda: HALF_CLEARED_MIN)

    #: Half of the failures are of a group that was met before, as long as such are left. Real pipelines repeat
    #: themselves far more (470,790 failures of Kubernetes' CI are 6,346 kinds), but the very text never comes twice.
    recurring: float = 0.5

    @property
    def hazard(self) -> float:
        """Failures a GPU-hour: constant, so that a run fails anywhere along its way."""
        return -math.log(1 - self.failing) / self.run_gpu_hours

    @property
    def lost_by_restart(self) -> float:
        """GPU-hours a failed run from zero has used on average."""
        return 1 / self.hazard - self.run_gpu_hours * (1 - self.failing) / self.failing

    @property
    def restarts(self) -> float:
        """Failures a deployment, where each starts from zero again."""
        return self.failing / (1 - self.failing)

    @property
    def deployments_a_month(self) -> float:
        """Retrainings that become due in a month."""
        start = self.start_h * self.gpus
        each = self.run_gpu_hours + start + self.restarts * (self.lost_by_restart + start)
        return self.baseline_gpu_hours / each

    def half_cleared_h(self, cause: Cause) -> float:
        """When half of the troubles of this cause have cleared."""
        return self.half_cleared_min.get(cause, HALF_CLEARED_OTHERWISE_MIN) / 60

    def looked_at(self, paged_h: float) -> float:
        """When who was paged has understood; hour 0 is a Monday's midnight."""
        return (paged_h if self.on_call else self._at_work(paged_h)) + self.look_h

    def _at_work(self, hour: float) -> float:
        day, of_day = divmod(hour, 24.0)
        if day % 7 < self.working_days and of_day < self.closes_h:
            return max(hour, 24.0 * day + self.opens_h)
        following = day + 1
        while following % 7 >= self.working_days:
            following += 1
        return 24.0 * following + self.opens_h
