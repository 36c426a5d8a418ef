"""One failure and its neighbours in, one advice out: the pure middle of `POST /advise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from knowledge.advisor import evidence, explain, strategy, verdict
from knowledge.advisor.advice import Advice, Judgement, Neighbour, PrecedentSummary
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.advisor.verdict import VerdictSettings
from knowledge.failures import Failure
from knowledge.signature import terms_of
from knowledge.signature.signature import Signature

MOST_EVIDENCE = 10


@dataclass(frozen=True, slots=True)
class AdvisorSettings:
    """`fail_from`: the least confidence in `genuine` at which a caller is told to stop.

    `seen_from`: the least similarity of a workspace's own precedent for "seen before" without the same fingerprint.
    """

    fail_from: float = 0.97
    seen_from: float = 0.8
    similarity: SimilarityWeights = field(default_factory=SimilarityWeights)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)


def advise(
    failure: Failure,
    *,
    signature: Signature,
    neighbours: Sequence[Neighbour],
    precedent: PrecedentSummary | None,
    seen_before: bool,
    settings: AdvisorSettings,
    terms: TermWeights,
    now: datetime,
    degraded: tuple[str, ...] = (),
) -> Advice:
    """Judge, plan, decide and explain; `neighbours` are best first, one a precedent."""
    judgement = verdict.judge(neighbours, settings=settings.verdict, now=now)
    planned = strategy.plan(judgement)
    decision = strategy.decide(
        judgement,
        strategy=planned,
        fail_from=settings.fail_from,
        attempt=failure.attempt or 1,
        max_attempts=failure.max_attempts,
        reason=explain.reason(judgement, now=now),
    )
    return Advice(
        verdict=judgement.verdict,
        confidence=judgement.confidence,
        cause=judgement.cause,
        decision=decision,
        strategy=planned,
        precedent=precedent,
        seen_before=seen_before,
        evidence=evidence.show(neighbours[:MOST_EVIDENCE], asked=signature, terms=terms, tokenize=terms_of),
        degraded=degraded,
    )


__all__ = ["AdvisorSettings", "Judgement", "advise"]
