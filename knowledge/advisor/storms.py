"""Storms: one precedent hitting many runs within minutes is an outage and not many failures.

**The test.** Let n be the number of distinct runs that the precedent has hit in the last `WINDOW` (5 minutes), and m
the number that is usual for it. It is a storm when n >= `LEAST_RUNS` and P(X >= n) < `MOST_CHANCE` for X ~ Poisson(m):
the one-sided exceedance test of disease surveillance (Farrington et al., "A statistical algorithm for the early
detection of outbreaks of infectious disease", J. R. Statist. Soc. A 159, 1996) and of control charts for counts
(NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.1). Runs are counted and not failures: one run that fails a
hundred times is not a storm. A run is known by its pipeline and its id: schedulers name runs by date, and so each
pipeline has one of that name.

**What is usual.** m = (`PRIOR_HITS` + hits) / (`PRIOR_WINDOWS` + windows). A hit is a run in a 5-minute window; hits
and windows are those of the past 14 days (two of the weeks that pipelines go by) or since the precedent was first
seen, the last 5 minutes and the time of earlier storms left out. This is the mean of a gamma prior after Poisson
counts (Gelman et al., "Bayesian Data Analysis", 2.6).

**The constants.** None is fitted to data.

- `LEAST_RUNS` = 3: two runs at once are often one pipeline's siblings, and holding one for the other gains nothing.
- `MOST_CHANCE` = 1e-4: each failure is a test, so a workspace with 1,000 failures of recurring precedents a day meets
  a false storm about once in ten days, and its price is a wait of minutes.
- The prior's mean, 0.05 runs a window, lets a precedent that was never seen before storm with the fewest runs (P(X >=
  3) = 2e-5; up to a mean of 0.086 it is below 1e-4). Its weight, 10 windows, makes 50 minutes of history count as much
  as the prior.
- A precedent that hits 50 runs in every window needs 79 at once.

**Time** is that of occurrence; a clock that is ahead counts as the time of recording. A failure that is told late (it
occurred before the window) is marked as the storm's that it fell into, but begins none; if a storm goes on it is told
to hold like any other.

**In a storm** one run, the canary, tries after a shared wait while the others hold. The wait begins at `FIRST_WAIT_S`,
or at what the failure's own text or precedent asks for where that is longer, and doubles with every canary that fails,
up to `LONGEST_WAIT_S` (truncated exponential backoff; AWS Architecture Blog, "Exponential backoff and jitter"). A
canary of which nothing is heard for `TELL_S` after its try has lost its place to the next who asks. The storm ends
when a canary succeeds, when nobody joins for `QUIET`, or after `LONGEST`: what goes on for a day is no outage but how
things are, and counts as usual from then on. A nightly burst of what is otherwise rare is a storm every night: that
one run tries first is right for it, too. Where the verdict is genuine nobody is told to hold
(`knowledge.advisor.storm_telling`).

Everything here is pure: values in, values out. What is decided is written by `knowledge.store.storms`, if nobody was
first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

WINDOW = timedelta(minutes=5)
PAST = timedelta(days=14)
LEAST_RUNS = 3
MOST_CHANCE = 1e-4
PRIOR_HITS, PRIOR_WINDOWS = 0.5, 10.0

FIRST_WAIT_S = 60.0
#: An outage that ends after an hour costs at most half an hour more.
LONGEST_WAIT_S = 1_800.0
#: Twice the minute after which clients such as botocore give up connecting or reading: by then a try has met the outage
#: or has got past it.
TELL_S = 120.0
#: Those who held come back one a second, within ten minutes at most, and a few of them still within half a minute.
SPREAD_OF_RUN_S, LEAST_SPREAD_S, MOST_SPREAD_S = 1.0, 30.0, 600.0
QUIET = timedelta(minutes=15)
LONGEST = timedelta(days=1)
#: So long after its end a storm is told to those who ask.
TOLD_FOR = timedelta(minutes=15)


class StormState(StrEnum):
    """`recovered`: a retry passed. `expired`: nobody joined any more."""

    ACTIVE = "active"
    RECOVERED = "recovered"
    EXPIRED = "expired"


class Role(StrEnum):
    """What a failure's run does in a storm: try for all, hold, or nothing of the kind."""

    CANARY = "canary"
    HOLD = "hold"
    NONE = "none"


class Write(StrEnum):
    """What a meeting changes in the store: a new storm, or the one that is there."""

    OPEN = "open"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Usual:
    """A precedent's past: hits (a run in a window), and the windows that they are counted over."""

    hits: int
    windows: float

    @property
    def runs(self) -> float:
        """The number of runs that is usual within a window."""
        return (PRIOR_HITS + self.hits) / (PRIOR_WINDOWS + self.windows)


@dataclass(frozen=True, slots=True)
class Canary:
    """The failure whose run tries for all; `attempt` is the one that failed."""

    incident_id: UUID
    run_id: str
    attempt: int | None = None
    external_id: str | None = None
    pipeline: str | None = None


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm as it is stored. Waits are in seconds.

    `ends_at`: when it ended; while active, when it is over by itself unless somebody joins. `next_try_at`: when the
    canary tries. `failed_run` and `failed_pipeline`: those of the last canary, after it has failed. `version` moves
    with every change of what is decided, not with those that join.
    """

    id: UUID
    precedent_id: UUID
    state: StormState
    since: datetime
    ends_at: datetime
    latest_end: datetime
    wait_s: float
    next_try_at: datetime
    usual_runs: float
    canary: Canary | None = None
    failed_run: str | None = None
    failed_pipeline: str | None = None
    runs: int = 0
    incidents: int = 0
    version: int = 1

    def is_active(self, now: datetime) -> bool:
        """Whether it goes on."""
        return self.state is StormState.ACTIVE and now < self.ends_at

    def state_at(self, now: datetime) -> StormState:
        """Nobody has to write down that nobody joins any more."""
        return StormState.EXPIRED if self.state is StormState.ACTIVE and now >= self.ends_at else self.state

    @property
    def told_by(self) -> datetime:
        """When the canary is expected to have told how its try went; then its place is free."""
        return self.next_try_at + timedelta(seconds=TELL_S)

    @property
    def spread_s(self) -> float:
        """Over how long those who held come back."""
        return min(MOST_SPREAD_S, max(LEAST_SPREAD_S, self.runs * SPREAD_OF_RUN_S))


@dataclass(frozen=True, slots=True)
class Asker:
    """The failure that is asked about. `floor_s`: the wait that its own text or precedent asks for.

    `may_try` is false where a retry is out of the question: surely genuine, or no attempt left.
    """

    incident_id: UUID
    run_id: str
    at: datetime
    attempt: int | None = None
    external_id: str | None = None
    floor_s: float = 0.0
    may_try: bool = True
    pipeline: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What the store shows of a precedent: its latest storm, and while none is active the runs of the last window.

    `runs` counts the asking one; it is 0 when that one's failure is too old to begin a storm. `usual` is there from
    `LEAST_RUNS` on. `joined`: the asking run is among those that the storm has counted already.
    """

    storm: Storm | None
    runs: int = 0
    since: datetime | None = None
    usual: Usual | None = None
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Meeting:
    """The asker's role, and the storm as it is to be once `write` is done."""

    storm: Storm
    role: Role
    write: Write | None = None


@dataclass(frozen=True, slots=True)
class RetryTold:
    """How a retry of one of a storm's incidents ended; `attempt` is that of the retry."""

    succeeded: bool
    incident_id: UUID
    run_id: str | None
    attempt: int | None = None
    external_id: str | None = None
    pipeline: str | None = None


def upper_tail(n: int, mean: float) -> float:
    """P(X >= n) for X ~ Poisson(mean), mean > 0: summed from the largest term on, so that nothing cancels out."""
    if n <= 0:
        return 1.0
    if n <= mean:
        return max(0.0, 1.0 - _sum_of_terms(n - 1, mean, step=-1))
    return _sum_of_terms(n, mean, step=1)


def _sum_of_terms(k: int, mean: float, *, step: int) -> float:
    term = math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
    total = 0.0
    while k >= 0 and term > total * 1e-17:
        total += term
        term *= mean / (k + 1) if step > 0 else k / mean
        k += step
    return total


def is_storm(runs: int, *, usual: Usual) -> bool:
    """Whether so many runs within a window are more than chance makes of what is usual."""
    return runs >= LEAST_RUNS and upper_tail(runs, usual.runs) < MOST_CHANCE


def worth_asking(*, last_seen: datetime | None, storm_ends_at: datetime | None, now: datetime) -> bool:
    """Whether a storm is possible at all; `storm_ends_at` is that of the precedent's latest storm."""
    if storm_ends_at is not None and storm_ends_at > now - TOLD_FOR:
        return True
    return last_seen is not None and last_seen > now - WINDOW


def meet(sight: Sight, asker: Asker, *, now: datetime, new_id: UUID, precedent_id: UUID) -> Meeting | None:
    """What the asker is told; None where there is no storm to tell of."""
    storm = sight.storm
    if storm is not None and storm.is_active(now):
        return _join(storm, asker, now=now)
    if sight.usual is not None and is_storm(sight.runs, usual=sight.usual):
        return _open(sight, asker, now=now, id=new_id, precedent_id=precedent_id)
    if storm is not None and now < storm.ends_at + TOLD_FOR:
        return Meeting(storm, Role.NONE)
    return None


def look_on(sight: Sight, asker: Asker, *, now: datetime) -> Meeting | None:
    """What one is told who claims nothing (a dry run): to hold, for it must not try for all."""
    storm = sight.storm
    if storm is None or now >= storm.ends_at + TOLD_FOR:
        return None
    return Meeting(storm, Role.HOLD if storm.is_active(now) and asker.may_try else Role.NONE)


def _open(sight: Sight, asker: Asker, *, now: datetime, id: UUID, precedent_id: UUID) -> Meeting:
    since = min(sight.since or asker.at, asker.at)
    storm = Storm(
        id=id,
        precedent_id=precedent_id,
        state=StormState.ACTIVE,
        since=since,
        ends_at=now,
        latest_end=since + LONGEST,
        wait_s=FIRST_WAIT_S,
        next_try_at=now,
        usual_runs=sight.usual.runs if sight.usual else 0.0,
        runs=sight.runs,
    )
    if asker.may_try:
        return Meeting(_claimed(storm, asker, now=now), Role.CANARY, Write.OPEN)
    return Meeting(_waiting(storm, now=now), Role.NONE, Write.OPEN)


def _join(storm: Storm, asker: Asker, *, now: datetime) -> Meeting:
    canary = storm.canary
    if canary is not None and _is_same_failure(canary, asker):
        return Meeting(storm, Role.CANARY)
    if canary is not None and _came_back(canary, asker, due=storm.next_try_at):
        return Meeting(_failed(storm, now=now), Role.HOLD if asker.may_try else Role.NONE, Write.MOVE)
    if not asker.may_try:
        return Meeting(storm, Role.NONE)
    if _is_vacant(storm, asker, now=now):
        return Meeting(_claimed(storm, asker, now=now), Role.CANARY, Write.MOVE)
    return Meeting(storm, Role.HOLD)


def _is_same_failure(canary: Canary, asker: Asker) -> bool:
    """The same report again (at the same moment, or it would have been answered with what was told first)."""
    return asker.incident_id == canary.incident_id or (
        asker.external_id is not None and asker.external_id == canary.external_id
    )


def _came_back(canary: Canary, asker: Asker, *, due: datetime) -> bool:
    """The canary's run fails once more: it has tried. Who counts no attempts is known by the time."""
    if not _is_same_run(canary, asker):
        return False
    if asker.attempt is None or canary.attempt is None:
        return asker.at >= due
    return asker.attempt > canary.attempt


def _is_same_run(canary: Canary, other: Asker | RetryTold) -> bool:
    return (canary.pipeline, canary.run_id) == (other.pipeline, other.run_id)


def _is_vacant(storm: Storm, asker: Asker, *, now: datetime) -> bool:
    """A run that has just failed as canary is not chosen again while others may ask: it has attempts to lose."""
    if storm.canary is not None:
        return now >= storm.told_by
    return (storm.failed_pipeline, storm.failed_run) != (asker.pipeline, asker.run_id) or now >= storm.told_by


def _claimed(storm: Storm, asker: Asker, *, now: datetime) -> Storm:
    wait_s = max(storm.wait_s, asker.floor_s)
    # After a failed canary the shared wait runs already.
    at = storm.next_try_at if storm.next_try_at > now else now + timedelta(seconds=wait_s)
    at = max(at, now + timedelta(seconds=asker.floor_s))
    canary = Canary(asker.incident_id, asker.run_id, asker.attempt, asker.external_id, asker.pipeline)
    begun = replace(storm, canary=canary, failed_run=None, failed_pipeline=None, wait_s=wait_s, next_try_at=at)
    return _lasting(begun)


def _failed(storm: Storm, *, now: datetime) -> Storm:
    wait_s = max(storm.wait_s, min(LONGEST_WAIT_S, 2 * storm.wait_s))
    pipeline, run = (storm.canary.pipeline, storm.canary.run_id) if storm.canary else (None, None)
    failed = replace(storm, canary=None, failed_run=run, failed_pipeline=pipeline, wait_s=wait_s)
    return _waiting(failed, now=now)


def _waiting(storm: Storm, *, now: datetime) -> Storm:
    return _lasting(replace(storm, next_try_at=now + timedelta(seconds=storm.wait_s)))


def _lasting(storm: Storm) -> Storm:
    """Those who hold now come back after the canary has told: until some time after that nobody is missed."""
    quiet_from = storm.told_by + timedelta(seconds=storm.spread_s) + QUIET
    return replace(storm, ends_at=min(storm.latest_end, max(storm.ends_at, quiet_from)))


def after_retry(storm: Storm, told: RetryTold, *, now: datetime) -> Storm | None:
    """The storm after a retry of one of its incidents has ended; None where that changes nothing.

    The canary's failure doubles the wait; its success ends the storm. Others may pass by chance while it goes on, so
    theirs counts only when the canary's time to tell is over.
    """
    if not storm.is_active(now):
        return None
    by_canary = storm.canary is not None and _is_of_canary(storm.canary, told)
    if not told.succeeded:
        return _failed(storm, now=now) if by_canary else None
    if by_canary or now >= storm.told_by:
        return replace(storm, state=StormState.RECOVERED, ends_at=now)
    return None


def _is_of_canary(canary: Canary, told: RetryTold) -> bool:
    """By its incident; or by its run, where the retry is a later one than the attempt that had failed before."""
    if told.incident_id == canary.incident_id:
        return True
    if told.external_id is not None and told.external_id == canary.external_id:
        return True
    later = told.attempt is not None and canary.attempt is not None and told.attempt > canary.attempt
    return _is_same_run(canary, told) and later
