"""Answers about storms, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from api.models import Answer


class CanaryAnswer(Answer):
    """The failure whose run tries for all."""

    incident_id: UUID
    pipeline: str | None
    run_id: str


class StormAnswer(Answer):
    """One precedent hitting many runs within minutes: an outage, not many failures."""

    id: UUID
    precedent_id: UUID
    template: str = Field(description="The precedent, in its first wording.")
    state: Literal["active", "recovered", "expired"] = Field(
        description="`recovered`: a retry passed. `expired`: nobody was hit any more, or it lasted a day."
    )
    since: datetime = Field(description="When its first failure occurred.")
    ended_at: datetime | None = Field(description="Null while it goes on.")
    runs: int = Field(description="Distinct runs that it has hit.")
    incidents: int = Field(description="Failures that it has brought.")
    usual_runs: float = Field(description="How many runs within 5 minutes were usual when it began.")
    wait_s: float = Field(description="The wait before a try, shared by all; it doubles when the canary fails.")
    next_try_at: datetime | None = Field(description="When the canary tries; null once the storm is over.")
    canary: CanaryAnswer | None = Field(
        description="Who tries for all, or whose retry ended it; null while nobody has taken the place."
    )


class StormPage(Answer):
    """A page of storms, the latest first; `next` is the cursor of the next page, null on the last."""

    storms: list[StormAnswer]
    next: str | None
