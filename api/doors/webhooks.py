"""What webhooks tell is recorded: a failure each, or how a re-run ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from api.doors.room import LATER
from api.metrics import Metrics
from api.problems import Problem
from ingest.clocks import credible
from ingest.github import Passed
from ingest.ndjson import BATCH, Report, record_batch
from knowledge.documents import Document
from knowledge.errors import NotFound
from knowledge.failures import Failure
from knowledge.service import KnowledgeService


@dataclass(frozen=True, slots=True)
class WebhookDoor:
    """One sender's door: where it records, and under which name it is counted."""

    name: str
    service: KnowledgeService
    workspace: str
    metrics: Metrics

    async def failure(self, failure: Failure | None) -> Document:
        """Record a failure, in the spool where PostgreSQL is away: not all senders come again."""
        if failure is None:
            return self._told(ignored=1)
        recorded = await self.service.record(self.workspace, credible(failure, now=datetime.now(UTC)))
        return self._told(duplicates=1) if recorded.get("duplicate") else self._told(accepted=1)

    async def failures(self, failures: Sequence[Failure], *, ignored: int, until: float) -> Document:
        """Record many that have ids, batch after batch. Where PostgreSQL is away (`StoreUnavailable`) or the monotonic
        clock has passed `until` (a 503 problem) the sender comes again, and what is known is passed over."""
        report, numbered = Report(), list(enumerate(failures, start=1))
        try:
            for start in range(0, len(numbered), BATCH):
                if time.monotonic() > until:
                    self.metrics.door(self.name, result="busy")
                    raise Problem(503, LATER)
                await self._record(numbered[start : start + BATCH], report=report)
        except Exception:
            self._told_of(report, ignored=0)
            raise
        return self._told_of(report, ignored=ignored)

    async def _record(self, batch: list[tuple[int, Failure]], *, report: Report) -> None:
        known = await self.service.known(self.workspace, [failure.external_id or "" for _, failure in batch])
        now = datetime.now(UTC)
        left = [(number, credible(failure, now=now)) for number, failure in batch if failure.external_id not in known]
        report.duplicates += len(batch) - len(left)
        await record_batch(left, workspace=self.workspace, service=self.service, report=report)

    def _told_of(self, report: Report, *, ignored: int) -> Document:
        rejected = [{"number": each["line"], "problem": each["problem"]} for each in report.rejected]
        return self._told(accepted=report.accepted, duplicates=report.duplicates, ignored=ignored, rejected=rejected)

    async def passed(self, run: Passed) -> Document:
        """A re-run passed: an outcome of the attempt before it, where that is known here."""
        before = (await self.service.told(self.workspace, [run.before])).get(run.before)
        if before is None:
            return self._told(ignored=1)
        try:
            await self.service.outcome(
                self.workspace,
                UUID(before["id"]),
                result="succeeded",
                attempt=run.attempt,
                waited_s=_waited(run, before),
            )
        except NotFound:  # forgotten in between
            return self._told(ignored=1)
        return self._told(outcomes=1)

    def _told(
        self,
        *,
        accepted: int = 0,
        duplicates: int = 0,
        ignored: int = 0,
        outcomes: int = 0,
        rejected: Sequence[Document] = (),
    ) -> Document:
        counted = {"accepted": accepted, "duplicates": duplicates, "ignored": ignored, "outcomes": outcomes}
        labels = {"duplicates": "duplicate", "outcomes": "outcome"}
        for result, count in {**counted, "rejected": len(rejected)}.items():
            if count:
                self.metrics.door(self.name, result=labels.get(result, result), count=count)
        return {**counted, "rejected": list(rejected)}


def _waited(run: Passed, before: Document) -> float | None:
    """Seconds from a failure to the re-run."""
    if run.started_at is None:
        return None
    return max((run.started_at - datetime.fromisoformat(before["occurred_at"])).total_seconds(), 0.0)
