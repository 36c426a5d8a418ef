"""The facade of decision records: why agents chose what they chose, kept with the run and found again.

Answers are documents, the JSON of the HTTP contract. Raises only `knowledge.errors`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from knowledge import refusals
from knowledge.answering import Clock
from knowledge.documents import Document
from knowledge.embedding import Embedder
from knowledge.errors import InvalidInput
from knowledge.intake import prepare
from knowledge.once import Once
from knowledge.rationales import Rationales, text_of
from knowledge.recording import as_incident
from knowledge.refusals import Comparison, Reason
from knowledge.signature.scrub import JSONValue, scrub, scrub_value
from knowledge.state.states import Run
from knowledge.store import decisions as stored
from knowledge.store import incidents, runs
from knowledge.store.database import Connection, Database
from knowledge.store.decisions import About, DecisionRecord
from knowledge.store.ids import uuid7
from knowledge.workspaces import Workspaces
from knowledge.writing import write

#: Bytes of a choice as JSON.
LARGEST_CHOICE = 16_000
#: What one of the two rankings offers beyond what is wanted: the other may think more of it.
OFFERED = 50
#: Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): 1 / (60 + rank), summed over rankings.
RANK_OFFSET = 60
EMBEDDED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Said:
    """A decision as an agent tells it."""

    agent: str
    kind: str
    choice: Mapping[str, JSONValue]
    rationale: str
    reasons: Sequence[Reason] = ()
    step: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """What is looked for; without a text, the newest."""

    text: str | None = None
    about: About = field(default_factory=About)
    limit: int = 20


class Decisions:
    """Decision records. Built once, by the composition root; `wake` tells the index worker of a new incident."""

    def __init__(
        self,
        database: Database,
        *,
        embedder: Embedder,
        workspaces: Workspaces,
        wake: Callable[[], None],
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._workspaces = workspaces
        self._wake = wake
        self._clock = clock
        self._rationales = Rationales(model_id=embedder.model_id, dimensions=embedder.dimensions)

    async def record(self, workspace: str, run_id: str, said: Said, *, once: Once | None = None) -> Document:
        """Keep a decision with its run; a release that was refused with reasons that hold becomes an incident as well.

        Raises `NotFound` for a run that was never written.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        clean = await asyncio.to_thread(_clean, said)
        text = text_of(kind=clean.kind, choice=clean.choice, rationale=clean.rationale)
        vector = (await self._embedder.embed([text]))[0]

        async def work(connection: Connection) -> Document:
            run = await runs.get(connection, workspace_id=workspace_id, run_id=run_id)
            incident_id = await self._refused(connection, clean, run=run, workspace_id=workspace_id)
            record = _record(clean, run=run, incident_id=incident_id, now=self._clock())
            created_at = await stored.add(
                connection,
                record,
                workspace_id=workspace_id,
                embedding=vector.tobytes(),
                model_id=self._embedder.model_id,
            )
            return of_decision(replace(record, created_at=created_at))

        document = await write(self._database, work, workspace_id=workspace_id, once=once)
        if document["incident_id"] is not None:
            self._wake()
        return document

    async def of_run(
        self, workspace: str, run_id: str, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Document]:
        """The decisions of a run, the oldest first; `after` is `(created_at, id)` of the last of the page before.

        Raises `NotFound` for a run that was never written.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        async with self._database.connection() as connection:
            await runs.get(connection, workspace_id=workspace_id, run_id=run_id)
            page = await stored.of_run(connection, workspace_id=workspace_id, run_id=run_id, after=after, limit=limit)
        return [of_decision(each) for each in page]

    async def search(self, workspace: str, query: DecisionQuery) -> list[Document]:
        """Decisions by the meaning and the words of their rationales, best first.

        By meaning the latest 10,000 of the workspace are searched, by words all. `similarity` is the cosine to the
        question; none for those that only their words brought.
        """
        workspace_id = await self._workspaces.id_of(workspace)
        near: dict[UUID, float] = {}
        if query.text is None:
            async with self._database.connection() as connection:
                ids = await stored.latest(connection, workspace_id=workspace_id, about=query.about, limit=query.limit)
        else:
            ids, near = await self._found(workspace_id, scrub(query.text), query)
        async with self._database.connection() as connection:
            records = await stored.by_ids(connection, ids, workspace_id=workspace_id)
        return [
            of_decision(records[id]) | {"similarity": round(near[id], 4) if id in near else None}
            for id in ids
            if id in records
        ]

    async def embed_all(self) -> int:
        """Embed the rationales that have no vector of the model in use, after a change of it; how many."""
        total = 0
        while (done := await self._embed_some()) > 0:
            total += done
        return total

    async def _found(self, workspace_id: int, text: str, query: DecisionQuery) -> tuple[list[UUID], dict[UUID, float]]:
        """Ids, best first, and the cosines of those near in meaning."""
        vector = (await self._embedder.embed([text]))[0]
        offered = query.limit + OFFERED
        async with self._database.connection() as connection:
            latest = await self._rationales.latest(connection, workspace_id=workspace_id)
            by_words = await stored.by_words(
                connection, text, workspace_id=workspace_id, about=query.about, limit=offered
            )
        near = latest.nearest(vector, about=query.about, limit=offered)
        return fused([list(near), by_words])[: query.limit], near

    async def _embed_some(self) -> int:
        model_id = self._embedder.model_id
        async with self._database.connection() as connection:
            missing = await stored.unembedded(connection, model_id=model_id, limit=EMBEDDED_AT_ONCE)
        if missing:
            texts = [text_of(kind=each.kind, choice=each.choice, rationale=each.rationale) for each in missing]
            made = await self._embedder.embed(texts)
            vectors = {each.id: vector.tobytes() for each, vector in zip(missing, made, strict=True)}
            async with self._database.connection() as connection:
                await stored.embed(connection, vectors, model_id=model_id)
        return len(missing)

    async def _refused(self, connection: Connection, said: Said, *, run: Run, workspace_id: int) -> UUID | None:
        """The incident of a refused release, written with the decision or not at all."""
        if not refusals.is_refused(said.kind, choice=said.choice, reasons=said.reasons):
            return None
        failure = refusals.failure_of(said.reasons, pipeline=run.pipeline, step=said.step, run_id=run.run_id)
        incident = as_incident(await prepare(failure), workspace_id=workspace_id, now=self._clock())
        return (await incidents.record(connection, [incident]))[0].incident_id


def fused(rankings: Sequence[Sequence[UUID]]) -> list[UUID]:
    """One ranking of many, by reciprocal rank; among equals, the newest first."""
    scores: dict[UUID, float] = {}
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            scores[id] = scores.get(id, 0.0) + 1 / (RANK_OFFSET + rank)
    return sorted(scores, key=lambda id: (scores[id], id), reverse=True)


def of_decision(record: DecisionRecord) -> Document:
    """One decision."""
    return {
        "id": str(record.id),
        "run_id": record.run_id,
        "pipeline": record.pipeline,
        "step": record.step,
        "agent": record.agent,
        "kind": record.kind,
        "choice": dict(record.choice),
        "rationale": record.rationale,
        "reasons": [_of_reason(each) for each in record.reasons],
        "incident_id": None if record.incident_id is None else str(record.incident_id),
        "created_at": record.created_at.isoformat().replace("+00:00", "Z"),
    }


def _of_reason(stored: Mapping[str, Any]) -> Document:
    reason = Reason(**{**stored, "comparison": Comparison(stored["comparison"])})
    return {**stored, "holds": reason.holds}


def _record(said: Said, *, run: Run, incident_id: UUID | None, now: datetime) -> DecisionRecord:
    return DecisionRecord(
        id=uuid7(),
        run_id=run.run_id,
        pipeline=run.pipeline,
        step=said.step,
        agent=said.agent,
        kind=said.kind,
        choice=said.choice,
        rationale=said.rationale,
        reasons=[asdict(each) for each in said.reasons],
        incident_id=incident_id,
        created_at=now,
    )


def _clean(said: Said) -> Said:
    """Without secrets; raises `InvalidInput` where nothing is left that explains."""
    choice: Any = scrub_value(dict(said.choice))
    cleaned = replace(
        said,
        agent=scrub(said.agent),
        kind=scrub(said.kind),
        choice=choice,
        rationale=scrub(said.rationale),
        reasons=tuple(replace(each, metric=scrub(each.metric)) for each in said.reasons),
        step=said.step and scrub(said.step),
    )
    if not cleaned.rationale.strip():
        raise InvalidInput("A decision needs a rationale: why was it made?", field="rationale")
    return cleaned
