"""The policies that need no memory: by hand, blindly, by a table of classes, and with all knowledge."""

from __future__ import annotations

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.rules import is_worth_a_retry
from benchmarks.case.simulation import PAGE, Decision, Failed
from benchmarks.case.world import Retraining

STATELESS, BLIND, BLIND_RESUMING = "stateless restart", "blind retry of three", "blind retry, checkpoints"
RULES, RULES_RESUMING, CLAIRVOYANT = "class rules", "class rules, checkpoints", "clairvoyant"


class Unlearning:
    """What all have in common that learn nothing from what came of it."""

    def __init__(self, name: str, *, resumes: bool, assumptions: Assumptions) -> None:
        self.name = name
        self.resumes = resumes
        self.assumptions = assumptions

    def ended(self, failed: Failed, *, waited_h: float, succeeded: bool) -> None:
        """Nothing is kept."""

    def looked(self, failed: Failed) -> None:
        """Nothing is kept."""

    def resume(self, failed: Failed) -> float:
        """Its own last checkpoint, or zero."""
        return failed.safe

    def deployed(self, retraining: Retraining) -> None:
        """Nothing is kept."""


class Stateless(Unlearning):
    """Every failure ends the run; a person starts it again."""

    def decide(self, failed: Failed) -> Decision:  # noqa: ARG002 - all policies are asked alike
        """Leave it to a person."""
        return PAGE


class Blind(Unlearning):
    """So many retries of a run, after the same wait, whatever has failed."""

    def decide(self, failed: Failed) -> Decision:
        """Retry until the count is used up."""
        return blindly(failed, self.assumptions)


class ByRules(Unlearning):
    """What a table of classes and words does not rule out is retried blindly."""

    def decide(self, failed: Failed) -> Decision:
        """By the table."""
        return blindly(failed, self.assumptions) if is_worth_a_retry(failed.text) else PAGE


class Clairvoyant(Unlearning):
    """Knows what is transient and when it clears: comes back at just that moment, and never for anything else."""

    def decide(self, failed: Failed) -> Decision:
        """By the truth."""
        if failed.clears_at_h is None:
            return PAGE
        return Decision(max(0.0, failed.clears_at_h - failed.at_h - failed.back_h))


def blindly(failed: Failed, assumptions: Assumptions) -> Decision:
    """The retry policy of a scheduler that knows nothing: also what `default` leaves things to."""
    return Decision(assumptions.blind_wait_h) if failed.retried_run < assumptions.blind_retries else PAGE


def unlearning(assumptions: Assumptions) -> list[Stateless | Blind | ByRules | Clairvoyant]:
    """All of them, from the least to the best informed."""
    return [
        Stateless(STATELESS, resumes=False, assumptions=assumptions),
        Blind(BLIND, resumes=False, assumptions=assumptions),
        Blind(BLIND_RESUMING, resumes=True, assumptions=assumptions),
        ByRules(RULES, resumes=False, assumptions=assumptions),
        ByRules(RULES_RESUMING, resumes=True, assumptions=assumptions),
        Clairvoyant(CLAIRVOYANT, resumes=True, assumptions=assumptions),
    ]
