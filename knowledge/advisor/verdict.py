"""What the neighbours say together: verdict, confidence, cause and action.

Two witnesses are heard: the workspace's own precedents, and the starter precedents. Each gives the log odds of
*transient* among its neighbours, weighed by nearness; a logistic regression over the two says how far each is to be
believed, so that confidence is calibrated by construction (logistic opinion pool: Genest and Zidek, "Combining
probability distributions", Statistical Science 1986).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from knowledge.advisor.advice import Judgement, Neighbour
from knowledge.advisor.calibration import AS_SHIPPED, Calibration
from knowledge.failures import Action, Cause, Source, Verdict


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """How neighbours are weighed; chosen on folds by `python -m benchmarks.tune CORPUS`.

    `least_similarity`: below it a neighbour says nothing. `answer_from`: the least confidence that is answered; a wrong
    verdict is taken to cost as much as three right ones are worth. `own_sharpness`, `starter_sharpness`: how fast a
    neighbour's weight falls with similarity, among its like; `said`: how much more one of the workspace's own weighs
    for each e-fold of what was stated of it. `own_weight`, `starter_weight`: log odds of a witness in log odds of the
    answer; `bias`: those of transient where both are silent. `deference`: a witness whose nearest is farther away than
    the other's is heard by the ratio of both to this power. `half_life_days`: after how long unseen what was counted
    of a precedent has halved.
    """

    least_similarity: float = 0.4
    answer_from: float = 0.75
    own_sharpness: float = 14.0
    starter_sharpness: float = 7.0
    said: float = 0.25
    own_weight: float = 3.23
    starter_weight: float = 1.94
    bias: float = -0.17
    deference: float = 2.0
    half_life_days: float = 365.0


#: What a verdict without counts is worth, as prior observations on its side (a starter precedent, a degraded answer).
DOCUMENTED = 4.0
#: What a person decided of a precedent is believed whatever was counted.
SETTLED = 0.99
#: A pass after a retry is evidence of transience and a failed retry against it, each worth less than a person's word:
#: reruns mislabel 16 to 50 % of jobs (FACTS: studies of flaky CI).
OUTCOME = 0.5


@dataclass(frozen=True, slots=True)
class Witness:
    """One kind of neighbours: each with its weight and its chance of transient; `evidence` is in log odds."""

    weighed: tuple[tuple[Neighbour, float, float], ...]
    evidence: float
    nearest: float


def judge(
    neighbours: Sequence[Neighbour],
    *,
    settings: VerdictSettings,
    now: datetime,
    telling: float = 1.0,
    calibration: Calibration = AS_SHIPPED,
) -> Judgement:
    """Weigh the neighbours; `unknown` when they say too little or disagree.

    `telling` (0 to 1) is how much the failure's text tells: of a bare `AssertionError` likeness says little.
    `calibration`: what the workspace has learned of these odds.
    """
    own, starter = hear(neighbours, settings=settings, now=now, telling=telling)
    nearest = max(own.nearest, starter.nearest)
    if not (own.weighed or starter.weighed):
        closest = max(neighbours, key=lambda each: each.similarity, default=None)
        return Judgement(Verdict.UNKNOWN, 0.5, None, None, closest)
    odds = settings.bias + settings.own_weight * own.evidence + settings.starter_weight * starter.evidence
    meant = calibration.of(odds)
    verdict = Verdict.TRANSIENT if meant >= 0 else Verdict.GENUINE
    confidence = 1.0 / (1.0 + math.exp(-abs(meant)))
    if confidence < settings.answer_from:
        closest = max(neighbours, key=lambda each: each.similarity)
        return Judgement(Verdict.UNKNOWN, 0.5, None, None, closest, nearest=nearest, odds=odds)
    agreeing = _agreeing(own, starter, verdict=verdict, settings=settings)
    cause, action = _common(agreeing, Cause), _common(agreeing, Action)
    # Who is quoted says what is said: of the cause that was found, where one of them has it.
    quoted = [pair for pair in agreeing if pair[0].cause is cause] or agreeing
    decided_by = max(quoted, key=lambda pair: pair[1])[0] if quoted else neighbours[0]
    return Judgement(verdict, confidence, cause, action, decided_by, nearest=nearest, odds=odds)


def hear(
    neighbours: Sequence[Neighbour], *, settings: VerdictSettings, now: datetime, telling: float = 1.0
) -> tuple[Witness, Witness]:
    """What the workspace's own precedents say, and what the starter precedents say.

    Likeness of a text that tells little is little evidence; the very same failure of one's own is all the same. Of a
    text without a word (a dump, masked to `<hex>`) nothing shows that it is the same: of it only people's decisions
    are heard.
    """
    heard = [
        each
        for each in neighbours
        if each.similarity >= settings.least_similarity and speaks(each) and (telling > 0 or each.overridden)
    ]
    own = _hear(heard, Source.INCIDENT, sharpness=settings.own_sharpness, settings=settings, now=now)
    starter = _hear(heard, Source.STARTER, sharpness=settings.starter_sharpness, settings=settings, now=now)
    nearest = max(own.nearest, starter.nearest)
    heard_own, heard_starter = (
        each.evidence * (each.nearest / nearest) ** settings.deference if nearest else 0.0 for each in (own, starter)
    )
    if own.nearest < 1.0:
        heard_own *= telling
    return replace(own, evidence=heard_own), replace(starter, evidence=heard_starter * telling)


def speaks(neighbour: Neighbour) -> bool:
    """Whether anything is known that bears on the verdict."""
    if neighbour.overridden:
        return neighbour.verdict is not Verdict.UNKNOWN
    counts = (
        neighbour.stated_transient + neighbour.stated_genuine + neighbour.retries.succeeded + neighbour.retries.failed
    )
    return neighbour.verdict is not Verdict.UNKNOWN or counts > 0


def belief(neighbour: Neighbour, *, freshness: float = 1.0) -> float:
    """Chance that a failure of this kind is transient: a Beta mean with half an observation on either side.

    `freshness` (0 to 1) is what is left of what was counted; a person's decision does not age.
    """
    if neighbour.overridden:
        return SETTLED if neighbour.verdict is Verdict.TRANSIENT else 1.0 - SETTLED
    transient, genuine = _counted(neighbour)
    said = DOCUMENTED if not (transient or genuine) else 0.0
    if neighbour.verdict is Verdict.TRANSIENT:
        transient += said
    elif neighbour.verdict is Verdict.GENUINE:
        genuine += said
    transient, genuine = transient * freshness, genuine * freshness
    return (transient + 0.5) / (transient + genuine + 1.0)


def _counted(neighbour: Neighbour) -> tuple[float, float]:
    """What was counted for transient and for genuine; where the context tells, what was counted in it."""
    if neighbour.source is Source.STARTER:
        return 0.0, 0.0
    if neighbour.in_context is not None:
        return neighbour.in_context.transient, neighbour.in_context.genuine
    return (
        neighbour.stated_transient + OUTCOME * neighbour.retries.succeeded,
        neighbour.stated_genuine + OUTCOME * _failed_runs(neighbour),
    )


def _failed_runs(neighbour: Neighbour) -> float:
    """Failed retries, those of one run once: they fail of one trouble. (A run passes once anyway.)"""
    keys = [each.run_key for each in neighbour.history.lately_failed]
    return neighbour.retries.failed * (len(set(keys)) / len(keys) if keys else 1.0)


def _hear(
    neighbours: Sequence[Neighbour], source: Source, *, sharpness: float, settings: VerdictSettings, now: datetime
) -> Witness:
    of_kind = [each for each in neighbours if each.source is source]
    if not of_kind:
        return Witness((), 0.0, 0.0)
    nearest = max(each.similarity for each in of_kind)
    weighed = tuple(
        (
            each,
            math.exp(sharpness * (each.similarity - nearest)) * _experience(each, said=settings.said),
            belief(each, freshness=_freshness(each, settings=settings, now=now)),
        )
        for each in of_kind
    )
    chance = sum(weight * believed for _, weight, believed in weighed) / sum(weight for _, weight, _ in weighed)
    return Witness(weighed, math.log(chance / (1.0 - chance)) * nearest, nearest)


def _experience(neighbour: Neighbour, *, said: float) -> float:
    """A precedent of which much was said weighs more than one seen once."""
    if neighbour.source is Source.STARTER:
        return 1.0
    return 1.0 + said * math.log1p(neighbour.stated_transient + neighbour.stated_genuine)


def _freshness(neighbour: Neighbour, *, settings: VerdictSettings, now: datetime) -> float:
    if neighbour.source is Source.STARTER or neighbour.last_seen is None:
        return 1.0
    days = max(0.0, (now - neighbour.last_seen).total_seconds() / 86_400)
    return float(0.5 ** (days / settings.half_life_days))


def _agreeing(
    own: Witness, starter: Witness, *, verdict: Verdict, settings: VerdictSettings
) -> list[tuple[Neighbour, float]]:
    """The neighbours on the side of the verdict, with what each contributes to it."""
    found: list[tuple[Neighbour, float]] = []
    for witness, believed in ((own, settings.own_weight), (starter, settings.starter_weight)):
        total = sum(weight for _, weight, _ in witness.weighed)
        found += [
            (neighbour, believed * witness.nearest * weight / total)
            for neighbour, weight, chance in witness.weighed
            if (chance >= 0.5) == (verdict is Verdict.TRANSIENT)
        ]
    return found


def _common(weighed: Sequence[tuple[Neighbour, float]], kind: type[Cause] | type[Action]) -> Any:
    totals: dict[Any, float] = defaultdict(float)
    for neighbour, weight in weighed:
        value = neighbour.cause if kind is Cause else neighbour.action
        if value is not None:
            totals[value] += weight
    return max(totals, key=lambda value: totals[value]) if totals else None
