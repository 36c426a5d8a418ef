"""Incidents: recorded in batches, read one by one or in pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from knowledge.errors import InvalidInput, NotFound
from knowledge.failures import Cause, Verdict
from knowledge.signature.signature import Signature
from knowledge.store import fixes
from knowledge.store.database import Connection
from knowledge.store.ids import precedent_id, signature_id
from knowledge.store.records import IncidentRecord, NewIncident, Recorded
from knowledge.store.rows import fetch_all, fetch_one, to_json, without_nothing

#: Times that a clock can plausibly tell. Each month is a partition: a wrong year must not make thousands of them.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)


def check_time(occurred_at: datetime, *, now: datetime | None = None) -> None:
    """Raise `InvalidInput` for a time without a zone, before 2000, or more than a day ahead.

    The latter tells the service's own time: what was reported can be sent again without one, and occurred then.
    """
    now = now or datetime.now(UTC)
    if occurred_at.tzinfo is None:
        raise InvalidInput("The time has no time zone.", field="occurred_at")
    if occurred_at < EARLIEST:
        raise InvalidInput("occurred_at lies before the year 2000: no clock was that far back.", field="occurred_at")
    if occurred_at > now + CLOCK_SKEW:
        told = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        raise InvalidInput(
            f"occurred_at lies more than a day ahead of the service's clock, which says {told}. Send it without "
            "occurred_at, and it occurred when it is received.",
            field="occurred_at",
            members={"service_time": told},
        )


async def record(connection: Connection, rows: Sequence[NewIncident]) -> list[Recorded]:
    """Record a batch (best up to 1,000 rows), one answer a row, in order.

    New fingerprints become precedents; known ones count, remember and learn. An `external_id` or `id` that is there
    already, or twice in the batch, is a duplicate and changes nothing. Call it at most once a transaction: twice could
    wait in a circle with another. Raises `InvalidInput`.
    """
    if any(row.resolution and row.resolution.fixed_in for row in rows):
        async with connection.transaction():
            return await _record_all(connection, rows)
    return await _record_all(connection, rows)


async def _record_all(connection: Connection, rows: Sequence[NewIncident]) -> list[Recorded]:
    answers: dict[int, Recorded] = {}
    for workspace_id, numbers in sorted(_by_workspace(rows).items()):
        answers.update(await _record(connection, workspace_id, {number: rows[number] for number in numbers}))
    recorded = [answers[number] for number in range(len(rows))]
    pairs = list(zip(rows, recorded, strict=True))
    told = {row.id: row.resolution.fixed_in for row, at in pairs if row.resolution and not at.duplicate}
    if said := {id: fixed_in for id, fixed_in in told.items() if fixed_in}:
        await fixes.say(connection, said)  # an incident's resolution has its id
    await fixes.flag(connection, pairs)
    return recorded


async def record_with_advice(
    connection: Connection, row: NewIncident, *, advice_id: UUID, answer: Mapping[str, Any]
) -> Recorded:
    """Record one incident and the advice given for it in one round trip; for a duplicate the advice is not kept."""
    found = await _record(connection, row.workspace_id, {0: row}, advice_id=advice_id, answer=answer)
    return found[0]


async def replay_alone(connection: Connection) -> None:
    """Of all that write what was kept aside, only one at a time, until the transaction ends: see `existing`."""
    await fetch_one(connection, "incidents.replay_alone")


async def existing(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are there, whenever they occurred. `record` tells a repeated id by its time alone."""
    rows = await fetch_all(connection, "incidents.existing", ids=list(ids))
    return {row["id"] for row in rows}


async def known(connection: Connection, *, workspace_id: int, external_ids: Sequence[str]) -> set[str]:
    """Which of these external ids have incidents, each as it was stored: without secrets."""
    rows = await fetch_all(connection, "incidents.known", workspace_id=workspace_id, external_ids=list(external_ids))
    return {row["external_id"] for row in rows}


async def told(connection: Connection, *, workspace_id: int, external_ids: Sequence[str]) -> list[IncidentRecord]:
    """The incidents that have these external ids, in no order."""
    rows = await fetch_all(connection, "incidents.told", workspace_id=workspace_id, external_ids=list(external_ids))
    return [_incident(row) for row in rows]


async def get(connection: Connection, *, workspace_id: int, id: UUID) -> IncidentRecord:
    """One incident; raises `NotFound`."""
    row = await fetch_one(connection, "incidents.get", workspace_id=workspace_id, id=id)
    if row is None:
        raise NotFound(f"There is no incident {id} in this workspace.")
    return _incident(row)


async def list_page(
    connection: Connection,
    *,
    workspace_id: int,
    precedent_id: UUID | None = None,
    storm_id: UUID | None = None,
    pipeline: str | None = None,
    step: str | None = None,
    run_id: str | None = None,
    verdict: Verdict | None = None,
    cause: Cause | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[IncidentRecord]:
    """Incidents, newest first; `since` inclusive, `until` exclusive.

    `after` is `(occurred_at, id)` of the last one of the page before.
    """
    wanted: dict[str, Any] = {
        "workspace_id": workspace_id,
        "precedent_id": precedent_id,
        "storm_id": storm_id,
        "pipeline": pipeline,
        "step": step,
        "run_id": run_id,
        "verdict": verdict,
        "cause": cause,
        "since": since,
        "until": until,
        "after_time": after[0] if after else None,
        "after_id": after[1] if after else None,
        "limit": limit,
    }
    found: list[IncidentRecord] = []
    for stated in (None,) if verdict is None and cause is None else (True, False):
        if len(found) == limit:  # what is older than these is not shown
            wanted["since"] = found[-1].occurred_at
        rows = await fetch_all(connection, "incidents.list", prepare=False, stated=stated, **wanted)
        found += [_incident(row) for row in rows]
    return sorted(found, key=lambda each: (each.occurred_at, each.id), reverse=True)[:limit]


def _by_workspace(rows: Sequence[NewIncident]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[row.workspace_id].append(number)
    return groups


async def _record(
    connection: Connection,
    workspace_id: int,
    rows: Mapping[int, NewIncident],
    *,
    advice_id: UUID | None = None,
    answer: Mapping[str, Any] | None = None,
) -> dict[int, Recorded]:
    first = _first_of_each(rows)
    batch = {number: rows[number] for number in dict.fromkeys(first.values())}
    for row in batch.values():
        check_time(row.occurred_at)
    signatures = {row.signature.fingerprint: _signature_input(row) for row in batch.values()}
    found = await fetch_all(
        connection,
        "incidents.record",
        workspace_id=workspace_id,
        months=sorted({row.occurred_at.astimezone(UTC).date().replace(day=1) for row in batch.values()}),
        signatures=to_json(list(signatures.values())),
        incidents=to_json([_incident_input(number, row) for number, row in batch.items()]),
        advice_id=advice_id,
        advice=to_json(answer),
    )
    recorded = {row.pop("position"): Recorded(**row) for row in found}
    return {
        number: recorded[kept] if kept == number else _as_duplicate(recorded[kept]) for number, kept in first.items()
    }


def _first_of_each(rows: Mapping[int, NewIncident]) -> dict[int, int]:
    """For each row's number the number of the first row with the same external id or id."""
    seen: dict[str | UUID, int] = {}
    first: dict[int, int] = {}
    for number, row in rows.items():
        keys: list[str | UUID] = [row.id] if row.external_id is None else [row.id, row.external_id]
        first[number] = next((seen[key] for key in keys if key in seen), number)
        for key in keys:
            seen.setdefault(key, first[number])
    return first


def _as_duplicate(of: Recorded) -> Recorded:
    return Recorded(
        incident_id=of.incident_id,
        precedent_id=of.precedent_id,
        signature_id=of.signature_id,
        duplicate=True,
        new_signature=False,
    )


def _signature_input(row: NewIncident) -> dict[str, Any]:
    made = precedent_id(row.workspace_id, row.signature.fingerprint)
    return signature_input(row.signature, workspace_id=row.workspace_id, precedent=made)


def signature_input(signature: Signature, *, workspace_id: int, precedent: UUID) -> dict[str, Any]:
    """A signature of a precedent as the JSON of a row."""
    return without_nothing(
        {
            "id": str(signature_id(workspace_id, signature.fingerprint)),
            "precedent_id": str(precedent),
            "fingerprint": signature.fingerprint,
            "signature_version": signature.version,
            "template": signature.template,
            "exceptions": signature.exceptions,
            "codes": signature.codes,
            "operations": signature.operations,
            "embedding_text": signature.embedding_text,
            "terms": signature.terms,
        }
    )


def _incident_input(number: int, row: NewIncident) -> dict[str, Any]:
    said = row.resolution
    return without_nothing(
        {
            "position": number,
            "id": str(row.id),
            "fingerprint": row.signature.fingerprint,
            "occurred_at": row.occurred_at.isoformat(),
            "pipeline": row.pipeline,
            "step": row.step,
            "run_id": row.run_id,
            "attempt": row.attempt,
            "max_attempts": row.max_attempts,
            "environment": dict(row.environment) or None,
            "spent": dict(row.spent) or None,
            "error": dict(row.error) if row.error is not None else None,
            "text": row.text,
            "external_id": row.external_id,
            "verdict": row.verdict,
            "cause": row.cause,
            "resolution_id": str(row.id) if said else None,  # an incident comes with one resolution at most
            "resolution_summary": said.summary if said else None,
            "resolution_action": said.action if said else None,
            "resolution_author": said.author if said else None,
        }
    )


def _incident(row: dict[str, Any]) -> IncidentRecord:
    return IncidentRecord(
        **{
            **row,
            "environment": row["environment"] or {},
            "spent": row["spent"] or {},
            "verdict": Verdict(row["verdict"]),
            "cause": Cause(row["cause"]) if row["cause"] else None,
            "advised": Verdict(row["advised"]) if row["advised"] else None,
        }
    )
