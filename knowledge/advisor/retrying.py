"""When to try again, and how often: what retries did before, against what a failed attempt and a wait cost.

A failure is transient with some belief; if it is, its trouble *clears* after a time nobody knows. The chance that it
has cleared `w` seconds on is `ceiling / (1 + (half / w) ** SHAPE)`, where `half` (when half of such troubles have
cleared) and `ceiling` (those that a retry ever passes) are spread over a grid: first as documented for the cause, then
weighed by how retries of the cause and of the precedent fared (Bayes on a grid; Gelman et al., Bayesian Data Analysis,
chapter 3).
A pass is evidence and not truth: `FALSE_PASS` of the retries that should fail are reported as passed. Each failed retry
of this very run is weighed the same way, so belief falls and waits grow from attempt to attempt.

From the second retry on, what retries at just that attempt did counts too: Beta means that are drawn towards those of
the cause, and these towards the model, made monotone in the wait.

The wait with the least price of a pass, `(wait + (1 - p) * cost of a failed attempt) / p`, is the one whose repetition
gains most; an attempt is worth making while its price is below what it costs to stop. Pure; all times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from knowledge.retries import FIRST_RETRY, Fared, attempt_apart, wait_bucket

Numbers = npt.NDArray[np.float64]

#: Share of retries that are reported as passed although nothing had cleared. Reruns mislabel 16 to 50 % of CI jobs
#: (FACTS: studies of flaky CI); the lower end, for here one step is run again whose failure is known, not a whole job.
FALSE_PASS = 0.16
#: Share of transient failures that fail again: the upper end, for a retry of which nothing else is known.
STILL_FAILING = 0.5
#: A retry does not begin at once: what it waits at least, while it is scheduled and starts.
START_S = 5.0
#: Waits that are considered: those that a person would choose.
WAITS_S = tuple(
    float(wait) for wait in (0, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 1800, 3600, 7200)
)
_WAITS = np.array(WAITS_S)
MOST_ATTEMPTS = 8

#: The grid, and the prior over it. The ceiling's leans to the high end, for nearly all documented transient failures
#: pass in the end; `half` is off by a factor of four either way in two of three cases. Our choice, not measured.
HALVES_S = np.geomspace(0.05, 14_400.0, 28)
CEILINGS = np.array([0.05, 0.2, 0.4, 0.6, 0.75, 0.85, 0.92, 0.97])
CEILING_PRIOR = np.array([0.01, 0.02, 0.03, 0.06, 0.12, 0.22, 0.28, 0.26])
SPREAD = math.log(4.0)
#: The share of the prior that holds any `half` for as likely as another, so that outcomes can prove the rest wrong.
ANY = 0.05
SHAPE = 2.0

#: The counts of a cause weigh as much as so many retries of the precedent itself, however many they are.
CAUSE_WEIGHT = 8.0
#: What Beta means are drawn by, in retries.
STRENGTH = 4.0
#: The wait that stands for a bucket when its counts are weighed.
BUCKET_WAITS_S = (5.0, 30.0, 120.0, 480.0, 1800.0, 7200.0)

#: Costs, as seconds of one machine's work. Our choice: a failed attempt costs its start and some minutes of work beside
#: what is lost by starting over; a stop costs 50 minutes until a person has looked, and half of what was spent, for
#: machines and deadlines wait meanwhile.
ATTEMPT_S = 300.0
STOP_S = 3_000.0
STOP_SHARE = 0.5
MOST_HOURS = 1e6
#: Units of `spent` as hours of one machine: a core is a sixteenth of one, and two of a currency rent one for an hour.
HOURS: Mapping[str, float] = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
    **dict.fromkeys(("d", "day", "days"), 24.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 1 / 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1 / 3600),
    **dict.fromkeys(("cost", "costs", "money", "usd", "eur", "gbp", "chf", "dollars", "euros", "credits"), 0.5),
}
CORES = frozenset({"cpu", "vcpu", "core"})
CORE = 1 / 16


@dataclass(frozen=True, slots=True)
class Prior:
    """What is documented: when half of such troubles have cleared, and the longest wait that is usual."""

    half_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Experience:
    """How retries fared: after this precedent (and those near to it), and after its cause."""

    own: tuple[Fared, ...] = ()
    cause: tuple[Fared, ...] = ()


@dataclass(frozen=True, slots=True)
class Stake:
    """What a failed attempt and a stop cost."""

    attempt_s: float = ATTEMPT_S
    stop_s: float = STOP_S


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt worth making: after which wait, the chance that it passes, and what it is expected to gain."""

    wait_s: float
    passes: float
    gain_s: float


@dataclass(frozen=True, slots=True)
class Course:
    """The attempts worth making from now on, each if the one before fails. `longest_s`: the longest wait.

    `belief`: that the failure is transient, after the retries of this run that failed.
    """

    tries: tuple[Try, ...] = ()
    longest_s: float = 0.0
    belief: float = 0.0


@dataclass(slots=True)
class _State:
    """Weights of the grid's points (their sum is the belief in transient), and the belief that it is not."""

    points: Numbers
    genuine: float
    attempt: int = FIRST_RETRY
    waited_s: float = 0.0

    def failed(self, passes: Numbers, *, waited_s: float) -> None:
        """A retry failed that would have passed with these chances."""
        self.waited_s = max(self.waited_s, waited_s)
        self.points = self.points * (1 - passes)
        self.genuine *= 1 - FALSE_PASS
        total = float(self.points.sum()) + self.genuine
        self.points, self.genuine = self.points / total, self.genuine / total
        self.attempt += 1


@dataclass(frozen=True, slots=True)
class _Planning:
    """What stays the same from attempt to attempt."""

    experience: Experience
    stake: Stake
    longest_s: float
    hint_s: float | None = None


def course(
    prior: Prior,
    *,
    belief: float,
    experience: Experience,
    failed_waits: Sequence[float | None],
    stake: Stake,
    hint_s: float | None = None,
) -> Course:
    """The attempts worth making. `belief`: that the failure is transient, by its precedents (0 to 1).

    `failed_waits`: how long the retries of this run that failed had waited, None where nobody said. `hint_s`: what the
    service asked to wait, which is then the wait.
    """
    longest = max([prior.longest_s, *_passed_after(experience)])
    planning = _Planning(experience, stake, longest, hint_s)
    state = _begin(prior, belief=belief, experience=experience)
    for said in failed_waits[:MOST_ATTEMPTS]:
        waited = _best(state, planning).wait_s if said is None else said
        state.failed(_passes(waited, planning), waited_s=waited)
    belief_now = float(state.points.sum())
    tries = []
    while state.attempt <= MOST_ATTEMPTS and (best := _best(state, planning)).gain_s > 0:
        tries.append(best)
        state.failed(_passes(best.wait_s, planning), waited_s=best.wait_s)
    return Course(tuple(tries), max(longest, hint_s or 0.0), belief_now)


def still_genuine(belief: float, *, failed_retries: int) -> float:
    """The belief in genuine after so many failed retries of this run; they are not independent, so three count."""
    odds = belief / max(1e-9, 1 - belief) * ((1 - FALSE_PASS) / STILL_FAILING) ** min(failed_retries, 3)
    return odds / (1 + odds)


def stake_of(spent: Mapping[str, float], *, resume_saves: float = 0.0) -> Stake:
    """What is at stake with so much spent, of which a resume saves a share (0 to 1): a restart loses the rest."""
    lost_s = 3_600.0 * hours_of(spent) * (1 - min(max(resume_saves, 0.0), 1.0))
    return Stake(ATTEMPT_S + lost_s, STOP_S + STOP_SHARE * lost_s)


def hours_of(spent: Mapping[str, float]) -> float:
    """What was spent, as hours of one machine: the largest of the units, which tell of the same work. Units that
    nobody knows count nothing."""
    return max((_hours(unit, amount) for unit, amount in spent.items()), default=0.0)


def _hours(unit: str, amount: float) -> float:
    if not math.isfinite(amount) or amount <= 0:
        return 0.0
    words = unit.lower().replace("-", "_").replace(" ", "_").split("_")
    factor = next((HOURS[word] for word in reversed(words) if word in HOURS), 0.0)
    return min(amount * factor * (CORE if CORES & set(words) else 1.0), MOST_HOURS)


def monotone(values: Numbers, *, weights: Numbers) -> Numbers:
    """The nearest values that never fall (pool adjacent violators, Ayer et al. 1955)."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, heavy, many = value, weight, 1
        while pools and pools[-1][0] > mean:
            before, its_weight, its_many = pools.pop()
            mean = (mean * heavy + before * its_weight) / (heavy + its_weight)
            heavy, many = heavy + its_weight, many + its_many
        pools.append((mean, heavy, many))
    return np.repeat([mean for mean, _, _ in pools], [many for _, _, many in pools])


@lru_cache(maxsize=512)
def _cleared_at(waits: tuple[float, ...]) -> Numbers:
    """The chance of having cleared: a row a point of the grid, a column a wait."""
    waited = np.array(waits, dtype=np.float64) + START_S
    shares = CEILINGS[None, :, None] / (1 + (HALVES_S[:, None, None] / waited) ** SHAPE)
    return np.asarray(shares.reshape(-1, len(waits)))


def _begin(prior: Prior, *, belief: float, experience: Experience) -> _State:
    documented = np.exp(-0.5 * (np.log(HALVES_S / prior.half_s) / SPREAD) ** 2)
    halves = (1 - ANY) * documented / documented.sum() + ANY / len(HALVES_S)
    weights = np.log(halves[:, None] * CEILING_PRIOR).ravel()
    unsaid = wait_bucket(math.sqrt(ATTEMPT_S * prior.half_s))  # the least of (wait + cost) * (1 + half / wait)
    counts = _by_wait(experience.own, unsaid=unsaid) + _tempered(_by_wait(experience.cause, unsaid=unsaid))
    if counts.any():
        passed, failed = _log_likelihoods()
        weights = weights + passed @ counts[:, 0] + failed @ counts[:, 1]
    points = np.exp(weights - weights.max())
    return _State(points / points.sum() * belief, 1 - belief)


@lru_cache(maxsize=1)
def _log_likelihoods() -> tuple[Numbers, Numbers]:
    """Of a retry that is reported as passed, and as failed: a row a point of the grid, a column a bucket."""
    cleared = _cleared_at(BUCKET_WAITS_S)
    return np.log(cleared + (1 - cleared) * FALSE_PASS), np.log((1 - cleared) * (1 - FALSE_PASS))


def _by_wait(fared: Iterable[Fared], *, unsaid: int) -> Numbers:
    """Passed and failed retries a bucket; those of which no wait is said, in the one that is usual.

    Later attempts meet only what failed before, more and more of which no wait helps: a failure of the third attempt
    tells a quarter about when the trouble clears, one of the fourth a ninth. What they mean for later attempts
    themselves, `chances_by_wait` says.
    """
    counts = np.zeros((len(BUCKET_WAITS_S), 2))
    for each in fared:
        share = 1 / (each.attempt - 1) ** 2
        counts[unsaid if each.wait is None else each.wait] += (each.succeeded, share * each.failed)
    return counts


def _tempered(counts: Numbers) -> Numbers:
    total = float(counts.sum())
    return counts * min(1.0, CAUSE_WEIGHT / total) if total else counts


def _passed_after(experience: Experience) -> list[float]:
    """Waits after which retries passed, however long they are."""
    fared = (*experience.own, *experience.cause)
    return [BUCKET_WAITS_S[each.wait] for each in fared if each.wait is not None and each.succeeded >= 1]


def _passes(waited_s: float, planning: _Planning) -> Numbers:
    """The chance at each point of the grid that a retry after this wait passes."""
    if planning.hint_s is not None and waited_s >= planning.hint_s:  # the service says that it serves again by then
        return np.tile(CEILINGS, len(HALVES_S))
    return _cleared_at((float(waited_s),))[:, 0]


def _best(state: _State, planning: _Planning) -> Try:
    """The wait with the least price of a pass; none shorter than one that was too short already."""
    stake = planning.stake
    if planning.hint_s is not None:  # no retry before passes: the wait itself has no price
        chance = float(state.points @ _passes(planning.hint_s, planning))
        return Try(planning.hint_s, chance, stake.stop_s - (1 - chance) * stake.attempt_s / max(chance, 1e-9))
    chances = chances_by_wait(state.points, attempt=state.attempt, experience=planning.experience)
    prices = (_WAITS + (1 - chances) * stake.attempt_s) / np.maximum(chances, 1e-9)
    shortest = min(state.waited_s, planning.longest_s)
    prices[(shortest > _WAITS) | (planning.longest_s < _WAITS)] = np.inf
    at = int(prices.argmin())
    return Try(WAITS_S[at], float(chances[at]), stake.stop_s - float(prices[at]))


def chances_by_wait(points: Numbers, *, attempt: int, experience: Experience) -> Numbers:
    """The chance that this attempt passes, for each of `WAITS_S`; it never falls as the wait grows."""
    modelled = np.asarray(points @ _cleared_at(WAITS_S))
    if attempt == FIRST_RETRY:
        return modelled
    cause, own = (_at_attempt(fared, attempt) for fared in (experience.cause, experience.own))
    if not (cause.any() or own.any()):
        return modelled
    of_cause = _shrunk(cause, towards=modelled)
    return monotone(_shrunk(own, towards=of_cause), weights=own.sum(axis=1) + STRENGTH)


def _shrunk(counts: Numbers, *, towards: Numbers) -> Numbers:
    """For each wait the mean of a Beta whose prior is worth `STRENGTH` retries."""
    return np.asarray((counts[:, 0] + STRENGTH * towards) / (counts.sum(axis=1) + STRENGTH))


def _at_attempt(fared: Iterable[Fared], attempt: int) -> Numbers:
    """Retries that passed at a later attempt and that failed up to it (what failed once more does not do better), for
    each of `WAITS_S` those of its bucket."""
    counts = np.zeros((len(BUCKET_WAITS_S), 2))
    for each in fared:
        if FIRST_RETRY < each.attempt <= attempt_apart(attempt) and each.wait is not None:
            passed = each.succeeded if each.attempt == attempt_apart(attempt) else 0.0
            counts[each.wait] += (passed, each.failed)
    return np.asarray(counts[[wait_bucket(wait) for wait in WAITS_S]])
