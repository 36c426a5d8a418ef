"""Rows of `sql/precedents.sql` as records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from knowledge.failures import Action, Cause, Resolution, Source, Verdict
from knowledge.fixes import Fix
from knowledge.retries import FailedRetry, Fared, RetryHistory, fared_of
from knowledge.store.records import Known, PrecedentRecord, SignatureRecord
from knowledge.store.rows import Row, strings

ByCause = Mapping[Cause, tuple[Fared, ...]]


def by_cause_of(rows: Iterable[Row]) -> ByCause:
    """How retries fared after each cause; it comes with one of the rows."""
    found: Row = next((row["retries_by_cause"] for row in rows if row["retries_by_cause"]), {})
    return {Cause(cause): fared_of(cells) for cause, cells in found.items()}


def known_of(row: Row, *, by_cause: ByCause) -> Known:
    """What is known of a fingerprint, as far as this row tells."""
    return Known(
        signature_id=row["signature_id"],
        precedent=precedent_of(row, by_cause=by_cause),
        starter=None,
        embedding=row["embedding"],
        model_id=row["model_id"],
        storm_ends_at=row["storm_ends_at"],
    )


def with_starter(own: Known, starter: Known) -> Known:
    """The workspace's own, with the starter's beside it."""
    # The same fingerprint has the same text to embed: either vector will do.
    vector = own if own.embedding is not None else starter
    return Known(
        signature_id=own.signature_id,
        precedent=own.precedent,
        starter=starter.precedent,
        embedding=vector.embedding,
        model_id=vector.model_id,
        storm_ends_at=own.storm_ends_at,
    )


def signature_of(row: Row) -> SignatureRecord:
    """The signature in a row."""
    return SignatureRecord(
        id=row["signature_id"],
        fingerprint=row["fingerprint"],
        template=row["template"],
        exceptions=strings(row["exceptions"]),
        codes=strings(row["codes"]),
        operations=strings(row["operations"]),
    )


def precedent_of(row: Row, *, by_cause: ByCause) -> PrecedentRecord:
    """The precedent and its signature in a row of `precedent_facts`, and what outcomes say about retrying."""
    return PrecedentRecord(
        id=row["id"],
        workspace_id=row["workspace_id"],
        source=Source(row["source"]),
        starter_key=row["starter_key"],
        component=row["component"],
        title=row["title"],
        sources=strings(row["sources"]),
        verdict=Verdict(row["verdict"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        action=Action(row["action"]) if row["action"] else None,
        verdict_override=Verdict(row["verdict_override"]) if row["verdict_override"] else None,
        cause_override=Cause(row["cause_override"]) if row["cause_override"] else None,
        action_override=Action(row["action_override"]) if row["action_override"] else None,
        stated_transient=row["stated_transient"],
        stated_genuine=row["stated_genuine"],
        retries_succeeded=row["retries_succeeded"],
        retries_failed=row["retries_failed"],
        occurrences=row["occurrences"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        pipelines=strings(row["pipelines"]),
        resolution=_resolution(row),
        resolution_at=row["resolution_at"],
        latest_incident_id=row["latest_incident_id"],
        latest_external_id=row["latest_external_id"],
        version=row["version"],
        created_at=row["created_at"],
        signature=signature_of(row),
        history=RetryHistory(
            fared=fared_of(row.get("retry_counts")), lately_failed=_lately_failed(row), by_cause=by_cause
        ),
        fix=_fix(row),
    )


def _lately_failed(row: Row) -> tuple[FailedRetry, ...]:
    return tuple(
        FailedRetry(key, attempt, waited_s, datetime.fromtimestamp(at, UTC))
        for key, attempt, waited_s, at in row.get("lately_failed") or ()
    )


def _fix(row: Row) -> Fix | None:
    if row["fixed_in"] is None:
        return None
    return Fix(fixed_in=row["fixed_in"], resolved_at=row["fixed_at"], regressed_at=row["regressed_at"])


def _resolution(row: Row) -> Resolution | None:
    if row["resolution_summary"] is None:
        return None
    return Resolution(
        summary=row["resolution_summary"],
        action=Action(row["resolution_action"]) if row["resolution_action"] else None,
        author=row["resolution_author"],
    )
