"""Clocks of others, which whoever passes their failures on cannot set right."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from knowledge.errors import InvalidInput
from knowledge.failures import Failure
from knowledge.recording import occurred_at


def credible_moment(moment: datetime | None, *, now: datetime) -> datetime | None:
    """A time that a clock can plausibly have told; None for any other."""
    try:
        return None if moment is None else occurred_at(Failure(occurred_at=moment), now=now)
    except InvalidInput:
        return None


def credible(failure: Failure, *, now: datetime) -> Failure:
    """A failure by a clock that is years off is one all the same, and happened by `now`: refused, it would be lost."""
    if failure.occurred_at is None:
        return failure
    return replace(failure, occurred_at=credible_moment(failure.occurred_at, now=now) or now)
