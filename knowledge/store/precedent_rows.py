"""Rows of `sql/precedents.sql` as records."""

from __future__ import annotations

from knowledge.failures import Action, Cause, Resolution, Source, Verdict
from knowledge.store.records import Known, PrecedentRecord, SignatureRecord
from knowledge.store.rows import Row, strings


def known_of(row: Row) -> Known:
    """What is known of a fingerprint, as far as this row tells."""
    return Known(
        signature_id=row["signature_id"],
        precedent=precedent_of(row),
        starter=None,
        embedding=row["embedding"],
        model_id=row["model_id"],
    )


def with_starter(own: Known, row: Row) -> Known:
    """The workspace's own, with the starter's row beside it."""
    # The same fingerprint has the same text to embed: either vector will do.
    vector = own if own.embedding is not None else known_of(row)
    return Known(
        signature_id=own.signature_id,
        precedent=own.precedent,
        starter=precedent_of(row),
        embedding=vector.embedding,
        model_id=vector.model_id,
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


def precedent_of(row: Row) -> PrecedentRecord:
    """The precedent and its signature in a row of `precedent_facts`."""
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
    )


def _resolution(row: Row) -> Resolution | None:
    if row["resolution_summary"] is None:
        return None
    return Resolution(
        summary=row["resolution_summary"],
        action=Action(row["resolution_action"]) if row["resolution_action"] else None,
        author=row["resolution_author"],
    )
