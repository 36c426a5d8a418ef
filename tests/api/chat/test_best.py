"""Which of the evidence chat shows, and what counts as the fix that helped."""

from __future__ import annotations

from typing import Any

import pytest

from api.chat.answers import best_of
from api.wording import fix_of

OWN_FAR = {"precedent_id": "own", "similarity": 0.27, "verdict": "genuine", "cause": "resource_limit"}
NEAR = {
    "precedent_id": "near",
    "similarity": 0.89,
    "verdict": "genuine",
    "cause": "code_defect",
    "resolution": "Mend it.",
}
NEXT = {"precedent_id": "next", "similarity": 0.61, "verdict": "transient", "cause": "network", "resolution": "Wait."}


def advice(*evidence: dict[str, Any], cause: str | None = "code_defect") -> dict[str, Any]:
    """An advice that calls it a genuine defect."""
    return {"verdict": "genuine", "cause": cause, "evidence": list(evidence)}


def test_the_nearest_are_shown_though_own_ones_come_first() -> None:
    """An own precedent that is hardly alike stands behind what is near."""
    own = OWN_FAR | {"resolution": "Deleted old checkpoints."}

    assert ["near", "next"] == [each["precedent_id"] for each in best_of(advice(own, NEAR, NEXT))]


def test_what_fixed_it_is_shown_first() -> None:
    """Of the verdict and cause that were told, though others are nearer."""
    own = OWN_FAR | {"cause": "code_defect", "resolution": "Reverted the change."}

    assert ["own", "near"] == [each["precedent_id"] for each in best_of(advice(own, NEAR, NEXT))]


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        (advice(OWN_FAR | {"resolution": "Deleted old checkpoints."}, NEAR), "near"),
        (advice(OWN_FAR | {"resolution": "Deleted old checkpoints."}, NEXT), None),
        (advice(NEAR | {"resolution": None}), None),
        (advice(), None),
    ],
    ids=["of the same", "of another", "nobody said", "nothing"],
)
def test_another_failures_fix_is_no_fix(said: dict[str, Any], fix: str | None) -> None:
    """What is recorded as having helped is of the verdict and the cause that were told."""
    found = fix_of(said)

    assert fix == (found and found["precedent_id"])
