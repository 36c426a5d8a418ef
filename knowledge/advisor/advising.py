"""One failure and its neighbours in, one advice out: the pure middle of `POST /advise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from knowledge.advisor import contexts, evidence, explain, strategy, verdict
from knowledge.advisor.advice import Advice, Judgement, Neighbour, PrecedentSummary
from knowledge.advisor.calibration import AS_SHIPPED, SHIPPED_FAIL_FROM, Calibration
from knowledge.advisor.circumstances import circumstances_of
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.advisor.term_weights import TermWeights
from knowledge.advisor.verdict import VerdictSettings
from knowledge.failures import Failure
from knowledge.signature import terms_of
from knowledge.signature.signature import Signature

MOST_EVIDENCE = 10
WRONG_FAIL_BOUND = 0.02


@dataclass(frozen=True, slots=True)
class AdvisorSettings:
    """`fail_from`: the least confidence in `genuine` at which a caller is told to stop. It follows from
    `wrong_fail_bound`, the share of transient failures that may be told so (None: it was set, and stays).

    `calibration`: what a workspace makes of the odds.
    `seen_from`: the least similarity of a workspace's own precedent for "seen before" without the same fingerprint.
    """

    fail_from: float = SHIPPED_FAIL_FROM[WRONG_FAIL_BOUND]
    wrong_fail_bound: float | None = WRONG_FAIL_BOUND
    calibration: Calibration = AS_SHIPPED
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
    resume_saves: float = 0.0,
    degraded: tuple[str, ...] = (),
) -> Advice:
    """Judge, plan, decide and explain; `neighbours` are best first, one a precedent.

    `resume_saves`: the share (0 to 1) of what was spent that going on from a checkpoint saves.
    """
    neighbours = contexts.in_context(
        neighbours, context=contexts.context_of(failure, fingerprint=signature.fingerprint)
    )
    judgement = verdict.judge(
        neighbours,
        settings=settings.verdict,
        now=now,
        telling=terms.heard(signature),
        calibration=settings.calibration,
    )
    circumstances = circumstances_of(
        failure, judgement=judgement, neighbours=neighbours, now=now, resume_saves=resume_saves
    )
    course = strategy.course_of(judgement, circumstances)
    asked_to_wait = strategy.hinted(judgement, circumstances)
    decision = strategy.decide(
        judgement,
        course=course,
        circumstances=circumstances,
        fail_from=settings.fail_from,
        reason=explain.reason(judgement, now=now, circumstances=circumstances, asked_to_wait=asked_to_wait),
    )
    believed, confidence = strategy.still_believed(judgement, course=course, circumstances=circumstances)
    return Advice(
        verdict=believed,
        confidence=confidence,
        cause=judgement.cause,
        decision=decision,
        strategy=strategy.plan(judgement, course=course, asked_to_wait=asked_to_wait is not None),
        precedent=precedent,
        seen_before=seen_before,
        evidence=evidence.show(neighbours[:MOST_EVIDENCE], asked=signature, terms=terms, tokenize=terms_of),
        degraded=degraded,
        odds=judgement.odds,
        nearest=judgement.nearest,
    )


__all__ = ["AdvisorSettings", "Judgement", "advise"]
