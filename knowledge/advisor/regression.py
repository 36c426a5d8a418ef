"""Advice about what was fixed: it names the fix that an environment lacks, or says that the fix does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from knowledge.advisor.advice import Advice
from knowledge.fixes import Fix, Regression, compared, sentence


def with_fix(advice: Advice, *, fix: Fix | None, environment: Mapping[str, Any], occurred_at: datetime) -> Advice:
    """The advice, and in its reason what the fix of its precedent means for this environment."""
    found = fix and compared(fix, environment=environment, occurred_at=occurred_at)
    if not found:
        return advice
    decision = replace(advice.decision, reason=f"{advice.decision.reason} {sentence(found)}")
    return replace(advice, decision=decision, regression=found if isinstance(found, Regression) else None)
