"""One failure and its neighbours in, one advice out."""

from __future__ import annotations

import pytest

from knowledge.advisor.advice import Advice, Neighbour
from knowledge.advisor.advising import MOST_EVIDENCE, AdvisorSettings, advise
from knowledge.advisor.term_weights import TermWeights
from knowledge.failures import Cause, DecisionAction, Failure, Verdict
from tests.knowledge.advisor.making import NOW, neighbour, signature, starter

#: Among a thousand others, so that six rare words tell enough.
TERMS = TermWeights.of([()] * 1000)


def advised(*neighbours: Neighbour, settings: AdvisorSettings | None = None, **failure: int) -> Advice:
    """The advice with these neighbours."""
    return advise(
        Failure(text="boom", **failure),
        signature=signature(),
        neighbours=neighbours,
        precedent=None,
        seen_before=False,
        settings=settings or AdvisorSettings(),
        terms=TERMS,
        now=NOW,
        degraded=("index",),
    )


def test_parts_agree() -> None:
    """Verdict, decision, strategy, reason and evidence speak of the same."""
    made = advised(neighbour(similarity=1.0, stated_transient=8, cause=Cause.NETWORK, occurrences=8))

    assert (Verdict.TRANSIENT, DecisionAction.RETRY, Cause.NETWORK) == (made.verdict, made.decision.action, made.cause)
    assert "a network fault" in made.decision.reason
    assert ("index",) == made.degraded
    assert 1 == len(made.evidence)


def test_evidence_is_bounded() -> None:
    """The best of many."""
    near = [neighbour(number, similarity=1 - number / 100) for number in range(1, 20)]

    assert [each.precedent_id for each in near[:MOST_EVIDENCE]] == [
        each.precedent_id for each in advised(*near).evidence
    ]


@pytest.mark.parametrize(("fail_from", "expected"), [(0.5, DecisionAction.FAIL), (1.0, DecisionAction.DEFAULT)])
def test_bound_on_fail_is_a_setting(fail_from: float, expected: DecisionAction) -> None:
    """A caller is told to stop only from that confidence on."""
    settings = AdvisorSettings(fail_from=fail_from)

    assert expected is advised(starter(verdict="genuine", similarity=1.0), settings=settings).decision.action


def test_attempts_of_the_caller_count() -> None:
    """The first is assumed where none is said."""
    near = neighbour(similarity=1.0, stated_transient=8)

    assert DecisionAction.RETRY is advised(near).decision.action
    assert DecisionAction.DEFAULT is advised(near, attempt=3, max_attempts=3).decision.action
