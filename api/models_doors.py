"""What webhooks are answered, as the OpenAPI document shows it."""

from __future__ import annotations

from api.models import Answer


class DoorRejection(Answer):
    """A failure that was not taken: which one of the webhook's, from 1, and why."""

    number: int
    problem: str


class DoorAnswer(Answer):
    """What became of a webhook. What is no failure is `ignored`; `outcomes` are re-runs that passed."""

    accepted: int
    duplicates: int
    ignored: int
    outcomes: int
    rejected: list[DoorRejection]
