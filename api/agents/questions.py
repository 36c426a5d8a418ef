"""What an agent sends to each tool. The descriptions are what it decides by: they say when, and what for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models import OutcomeBody
from api.models_proposals import ProposalBody
from ingest.records import FailureBody, Name, Request
from knowledge.failures import Cause, Verdict
from knowledge.search import SearchQuery

#: A question travels in an address where a service elsewhere is asked.
LONGEST_QUESTION = 4_000
MOST_RESULTS = 20


class Advise(FailureBody):
    """A failure that was just met."""

    text: Annotated[str, StringConstraints(max_length=2_000_000)] | None = Field(
        default=None,
        description="The log or traceback as it came, the last lines included. This or `error` is needed.",
        examples=["botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"],
    )
    pipeline: Name | None = Field(default=None, description="The pipeline that failed; history is weighed by it.")
    step: Name | None = Field(default=None, description="Its step.")
    run_id: Name | None = Field(
        default=None, description="Its run, by the name it has in pipeline memory: the answer says where it can resume."
    )
    attempt: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Which attempt failed, from 1."
    )
    max_attempts: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="How many attempts your own policy allows."
    )
    occurred_at: datetime | None = Field(default=None, description="When, with a zone; now, where it is left out.")
    external_id: Name | None = Field(
        default=None, description="Your own id of this failure: sent again with it, nothing is counted twice."
    )

    def failure(self) -> FailureBody:
        """What is asked, without how."""
        return FailureBody.model_validate(self.model_dump(exclude={"dry_run"}, exclude_unset=True))


class AdviseAndRecord(Advise):
    """A failure that was just met, to be recorded."""

    dry_run: bool = Field(
        default=False,
        description="True: answer and record nothing, for a failure that did not happen to you just now (an old log, a "
        "what-if). False: record it, so that others learn of it and `report_outcome` has an incident to speak of.",
    )


class Search(Request):
    """What is looked for among all precedents."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUESTION)] = Field(
        description="Words, a question, or the telling lines of an error (of a whole log, ask `advise` instead)."
    )
    verdict: Verdict | None = Field(default=None, description="Only precedents judged so.")
    cause: Cause | None = Field(default=None, description="Only precedents of this cause.")
    pipeline: Name | None = Field(default=None, description="Only what happened in this pipeline.")
    since: datetime | None = Field(default=None, description="Only what was seen at or after this time (UTC).")
    resolved: bool | None = Field(default=None, description="True: only what somebody said how to fix.")
    limit: Annotated[int, Field(ge=1, le=MOST_RESULTS)] = Field(default=5, description="Most results.")

    def asked(self) -> SearchQuery:
        """The question as the service knows it."""
        since = self.since and (self.since.replace(tzinfo=UTC) if self.since.tzinfo is None else self.since)
        return SearchQuery(
            text=self.query,
            verdict=self.verdict,
            cause=self.cause,
            pipeline=self.pipeline,
            since=since,
            resolved=self.resolved,
            limit=self.limit,
        )


class GetPrecedent(Request):
    """Which precedent."""

    precedent_id: UUID = Field(description="From `evidence`, `precedent` or `results` of another answer.")


class GetResumePoint(Request):
    """Which run."""

    run_id: Name = Field(description="The run's name, as the pipeline wrote it to pipeline memory.")


class ReportOutcome(OutcomeBody):
    """How a retry ended."""

    incident_id: UUID = Field(description="From the answer of `advise` that recorded the failure.")
    attempt: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="The attempt that ended, from 1: the first retry is 2."
    )
    waited_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = Field(
        default=None, description="Seconds that were waited before it."
    )

    def outcome(self) -> OutcomeBody:
        """What is reported, without of what."""
        return OutcomeBody.model_validate(self.model_dump(exclude={"incident_id"}))


class ProposeResolution(ProposalBody):
    """What fixed a failure, or would."""

    incident_id: UUID = Field(description="From the answer of `advise` that recorded the failure.")
    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)] = Field(
        description="What fixed it, in a few sentences that help whoever meets it next: what was wrong, what changed."
    )
    author: Name | None = Field(default=None, description="Who proposes it: your name, and for whom you work.")
