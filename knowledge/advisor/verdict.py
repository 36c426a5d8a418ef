"""What the neighbours say together: verdict, confidence, cause and action."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knowledge.advisor.advice import Judgement, Neighbour
from knowledge.failures import Action, Cause, Source, Verdict


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """How neighbours are weighed; chosen on folds by `python -m benchmarks.tune CORPUS`.

    `least_similarity`: below it a neighbour says nothing. `sharpness`: how fast weight falls with similarity.
    `answer_from`: the least confidence that is answered; `answer_from_similarity`: the least similarity of the
    nearest. `starter_weight`: a starter precedent against one of the workspace's own. `half_life_days`: after how long
    unseen a precedent's weight has halved.
    """

    least_similarity: float = 0.25
    answer_from_similarity: float = 0.35
    sharpness: float = 7.0
    answer_from: float = 0.7
    starter_weight: float = 0.35
    half_life_days: float = 365.0
    slope: float = 2.7
    intercept: float = 0.65


#: What a verdict without counts is worth, as prior observations on its side (a starter precedent, a degraded answer).
DOCUMENTED = 4.0
#: What a person decided of a precedent is believed whatever was counted.
SETTLED = 0.99
#: A pass after a retry is evidence of transience and a failed retry against it, each worth less than a person's word:
#: reruns mislabel 16 to 50 % of jobs (FACTS: studies of flaky CI).
OUTCOME = 0.5


def judge(neighbours: Sequence[Neighbour], *, settings: VerdictSettings, now: datetime) -> Judgement:
    """Weigh the neighbours (best first); `unknown` when they say too little or disagree."""
    weighed = [
        (neighbour, _weight(neighbour, nearest=neighbours[0].similarity, settings=settings, now=now))
        for neighbour in neighbours
        if neighbour.similarity >= settings.least_similarity and speaks(neighbour)
    ]
    total = sum(weight for _, weight in weighed)
    if not total:
        return Judgement(Verdict.UNKNOWN, 0.5, None, None, neighbours[0] if neighbours else None)
    share = sum(weight * belief(neighbour) for neighbour, weight in weighed) / total
    verdict = Verdict.TRANSIENT if share >= 0.5 else Verdict.GENUINE
    best = max(neighbour.similarity for neighbour, _ in weighed)
    confidence = _confidence(max(share, 1 - share), best=best, settings=settings)
    agreeing = [(n, w) for n, w in weighed if (belief(n) >= 0.5) == (verdict is Verdict.TRANSIENT)]
    decided_by = max(agreeing, key=lambda pair: pair[1])[0]
    if confidence < settings.answer_from or best < settings.answer_from_similarity:
        return Judgement(Verdict.UNKNOWN, 0.5, None, None, decided_by)
    return Judgement(verdict, confidence, _common(agreeing, Cause), _common(agreeing, Action), decided_by, best)


def speaks(neighbour: Neighbour) -> bool:
    """Whether anything is known that bears on the verdict."""
    if neighbour.overridden:
        return neighbour.verdict is not Verdict.UNKNOWN
    counts = (
        neighbour.stated_transient + neighbour.stated_genuine + neighbour.retries.succeeded + neighbour.retries.failed
    )
    return neighbour.verdict is not Verdict.UNKNOWN or counts > 0


def belief(neighbour: Neighbour) -> float:
    """Chance that a failure of this kind is transient: a Beta mean with half an observation on either side."""
    if neighbour.overridden:
        return SETTLED if neighbour.verdict is Verdict.TRANSIENT else 1.0 - SETTLED
    documented = neighbour.source is Source.STARTER
    transient = 0.0 if documented else neighbour.stated_transient + OUTCOME * neighbour.retries.succeeded
    genuine = 0.0 if documented else neighbour.stated_genuine + OUTCOME * neighbour.retries.failed
    said = DOCUMENTED if not (transient or genuine) else 0.0
    if neighbour.verdict is Verdict.TRANSIENT:
        transient += said
    elif neighbour.verdict is Verdict.GENUINE:
        genuine += said
    return (transient + 0.5) / (transient + genuine + 1.0)


def _weight(neighbour: Neighbour, *, nearest: float, settings: VerdictSettings, now: datetime) -> float:
    weight = math.exp(settings.sharpness * (neighbour.similarity - nearest))
    if neighbour.source is Source.STARTER:
        return weight * settings.starter_weight
    said = neighbour.stated_transient + neighbour.stated_genuine
    weight *= 1.0 + 0.25 * math.log1p(said)
    if neighbour.last_seen is not None:
        weight *= 0.5 ** (max(0.0, (now - neighbour.last_seen).days) / settings.half_life_days)
    return weight


def _confidence(share: float, *, best: float, settings: VerdictSettings) -> float:
    """Agreement of the neighbours, drawn towards a coin toss the farther the nearest of them is; then calibrated."""
    evidence = math.log(max(share, 1e-6) / max(1 - share, 1e-6)) * best
    return 1.0 / (1.0 + math.exp(-(settings.slope * evidence + settings.intercept)))


def _common(weighed: Sequence[tuple[Neighbour, float]], kind: type[Cause] | type[Action]) -> Any:
    totals: dict[Any, float] = defaultdict(float)
    for neighbour, weight in weighed:
        value = neighbour.cause if kind is Cause else neighbour.action
        if value is not None:
            totals[value] += weight
    return max(totals, key=lambda value: totals[value]) if totals else None
