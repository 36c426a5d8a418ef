"""Recording what OTLP tells, once: what is delivered again, and what log and span both tell.

An exception that is logged in a span, and then leaves it, comes as a log record and as the span's event, in any order,
at the same moment, and to several replicas. Both are recorded under the id that they share, so PostgreSQL takes one of
them. Whatever else fails with that class in that span (a loop that tries again) has its own id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ingest.clocks import credible
from ingest.foreign import object_of
from ingest.ndjson import Recording, Report, record_batch
from ingest.otlp.failures import OF_LOGS
from knowledge.failures import Failure

#: From when an exception is logged to when it leaves its span, or the other way round.
MOMENT = timedelta(seconds=1)
#: In the environment of an incident that has a shared id: the id that its failure had by itself.
TOLD_AS = "otlp.id"
Document = Mapping[str, Any]
Numbered = list[tuple[int, Failure]]


class Store(Recording, Protocol):
    """What is needed of the service."""

    async def known(self, workspace: str, external_ids: Sequence[str]) -> set[str]: ...

    async def told(self, workspace: str, external_ids: Sequence[str]) -> Mapping[str, Document]: ...


@dataclass(frozen=True, slots=True)
class Telling:
    """Records for a workspace what one request tells. `shared` as `ingest.otlp.failures.Found` has it."""

    shared: Mapping[str, str]
    workspace: str
    service: Store
    report: Report

    async def record(self, batch: Numbered) -> None:
        """Record numbered failures that were not told before; raises `KnowledgeError`."""
        known = await self.service.known(self.workspace, [_own(failure) for _, failure in batch])
        now = datetime.now(UTC)
        left = [(number, credible(failure, now=now)) for number, failure in batch if _own(failure) not in known]
        self.report.duplicates += len(batch) - len(left)
        lost = await self._record(left, claiming=True)
        await self._record(lost, claiming=False)

    async def _record(self, batch: Numbered, *, claiming: bool) -> Numbered:
        """Record under the ids that are due; those whose shared id somebody else has taken in this very moment."""
        if not batch:
            return []
        owners = await self.service.told(self.workspace, list({self.shared[own] for own in self._sharing(batch)}))
        named = dict[int, str]()
        for number, failure in batch:
            if (id := self._id(failure, owners=owners, taken=named.values(), claiming=claiming)) is not None:
                named[number] = id
        self.report.duplicates += len(batch) - len(named)
        renamed = [(number, _renamed(each, named[number])) for number, each in batch if number in named]
        known = await record_batch(renamed, workspace=self.workspace, service=self.service, report=self.report)
        lost = [(number, each) for number, each in batch if number in known and named[number] != _own(each)]
        self.report.duplicates -= len(lost)
        return lost

    def _sharing(self, batch: Numbered) -> list[str]:
        return [own for _, failure in batch if (own := _own(failure)) in self.shared]

    def _id(
        self, failure: Failure, *, owners: Mapping[str, Document], taken: Collection[str], claiming: bool
    ) -> str | None:
        """The id to record it under; None for one that was told already."""
        own = _own(failure)
        shared = self.shared.get(own, own)
        if shared in owners:
            return None if is_told(failure, by=owners[shared]) else own
        return shared if claiming and shared not in taken else own


def is_told(failure: Failure, *, by: Document) -> bool:
    """Whether an incident of the same class in the same span is this very failure.

    Told by the same signal it is, where it is the same record or event. Told by the other, where it was in one moment,
    or where the log had that message: a loop that logs what it tries again ends with what leaves the span.
    """
    own, other = _own(failure), str(object_of(by["environment"]).get(TOLD_AS))
    if other.startswith(OF_LOGS) == own.startswith(OF_LOGS):
        return own == other
    if failure.occurred_at is None or failure.error is None:
        return False
    apart = abs(datetime.fromisoformat(str(by["occurred_at"])) - failure.occurred_at)
    is_said = other.startswith(OF_LOGS) and failure.error.message == object_of(by["error"]).get("message")
    return apart <= MOMENT or is_said


def _renamed(failure: Failure, id: str) -> Failure:
    own = _own(failure)
    if id == own:
        return failure
    return replace(failure, external_id=id, environment={TOLD_AS: own, **failure.environment})


def _own(failure: Failure) -> str:
    return failure.external_id or ""
