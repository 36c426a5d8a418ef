"""Requests and answers about decision records, as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from api.models import Answer
from ingest.records import Environment, Name, Request
from knowledge.decisions import LARGEST_CHOICE, Said
from knowledge.refusals import Comparison, Reason

Rationale = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
Figure = Annotated[float, Field(allow_inf_nan=False)]
MOST_REASONS = 50


def small(choice: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The choice as it is; raises `ValueError` when its JSON is too long."""
    size = len(orjson.dumps(choice))
    if size > LARGEST_CHOICE:
        raise ValueError(f"has {size:,} bytes; at most {LARGEST_CHOICE:,} are kept")
    return choice


Choice = Annotated[
    Environment,
    AfterValidator(small),
    Field(description="What was chosen; at most 16 kB.", examples=[{"learning_rate": [0.0001, 0.001]}]),
]


class ReasonBody(Request):
    """A figure that a decision was made of, held against a threshold."""

    metric: Name = Field(examples=["precision@90recall"])
    observed: Figure
    comparison: Comparison = Field(
        description="How `observed` stands to `threshold`. `below` and `above` do not hold of equal figures, "
        "`at_most` and `at_least` do."
    )
    threshold: Figure

    def to_reason(self) -> Reason:
        """The reason as the service knows it."""
        return Reason(self.metric, self.observed, self.comparison, self.threshold)


class DecisionBody(Request):
    """Why an agent chose something."""

    agent: Name
    kind: Name = Field(
        description="`hyperparameters`, `release`, ... A `release` whose choice has `released: false`, or a "
        "`release_refused`, is an incident as well where it has reasons that hold.",
        examples=["hyperparameters"],
    )
    choice: Choice
    rationale: Rationale
    reasons: Annotated[list[ReasonBody], Field(max_length=MOST_REASONS)] = Field(default_factory=list)
    step: Name | None = None

    def to_said(self) -> Said:
        """The decision as the service knows it."""
        reasons = tuple(each.to_reason() for each in self.reasons)
        return Said(self.agent, self.kind, self.choice, self.rationale, reasons, self.step)


class ReasonAnswer(Answer):
    """A figure that a decision was made of."""

    metric: str
    observed: float
    comparison: Comparison
    threshold: float
    holds: bool = Field(description="False where its own figures say otherwise: 0.93 is not `below` 0.85.")


class DecisionAnswer(Answer):
    """A decision record."""

    id: UUID
    run_id: str
    pipeline: str
    step: str | None
    agent: str
    kind: str
    choice: dict[str, Any]
    rationale: str
    reasons: list[ReasonAnswer]
    incident_id: UUID | None = Field(
        description="Of a release that was refused with reasons, one of which holds at least."
    )
    created_at: datetime


class DecisionPage(Answer):
    """A page of a run's decisions, oldest first; `next` is the cursor of the next page, null on the last."""

    decisions: list[DecisionAnswer]
    next: str | None


class FoundDecision(DecisionAnswer):
    """A decision that a search found."""

    similarity: float | None = Field(description="Cosine to the question; null where only its words are like it.")


class FoundDecisions(Answer):
    """Decisions, best first."""

    results: list[FoundDecision]
