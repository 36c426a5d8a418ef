"""A failure as the spool keeps it: scrubbed, with its signature and the id that was answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from knowledge.errors import InvalidInput, SpoolUnavailable
from knowledge.failures import Action, Cause, ErrorInfo, Failure, Resolution, Verdict
from knowledge.intake import Prepared
from knowledge.once import Once
from knowledge.signature import SIGNATURE_VERSION, sign
from knowledge.signature.signature import Signature
from knowledge.store.ids import incident_id_of, uuid7


@dataclass(frozen=True, slots=True)
class KeptAside:
    """What waits to be written. `answer` is what was answered under the key `once`."""

    incident_id: UUID
    prepared: Prepared
    once: Once | None = None
    answer: dict[str, Any] | None = None


def aside_id(workspace: str, failure: Failure, *, once: Once | None) -> UUID:
    """The id of an incident that is kept aside: the same for the same `external_id` or key, on whatever replica."""
    if failure.external_id is not None:
        return incident_id_of(workspace, "external_id", failure.external_id)
    if once is not None:
        return incident_id_of(workspace, "key", once.key_hash.hex(), once.route, once.request_hash.hex())
    return uuid7()


def to_body(kept: KeptAside) -> bytes:
    """As JSON. Raises `SpoolUnavailable` for what JSON has no words for, such as whole numbers beyond 64 bits."""
    document: dict[str, Any] = {
        "incident_id": kept.incident_id,
        "failure": asdict(kept.prepared.failure),
        # Made of the whole text, of which long ones are kept in part.
        "signature": asdict(kept.prepared.signature),
    }
    if kept.once is not None:
        hashes = {"key_hash": kept.once.key_hash.hex(), "request_hash": kept.once.request_hash.hex()}
        document |= {"once": {"route": kept.once.route, **hashes}, "answer": kept.answer}
    try:
        return orjson.dumps(document)
    except TypeError:
        raise SpoolUnavailable("A value of this request cannot be kept until PostgreSQL is back.") from None


def from_body(body: bytes) -> KeptAside:
    """What `to_body` wrote; raises `InvalidInput` for what it did not write."""
    try:
        return _read(orjson.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError):  # as a damaged file or another version may have it
        raise InvalidInput("A row of the spool cannot be read.", field="body") from None


def _read(document: dict[str, Any]) -> KeptAside:
    failure = _failure(document["failure"])
    given = document.get("once")
    once = given and Once(bytes.fromhex(given["key_hash"]), given["route"], bytes.fromhex(given["request_hash"]))
    return KeptAside(
        incident_id=UUID(document["incident_id"]),
        prepared=Prepared(failure, _signature(document.get("signature")) or sign(failure)),
        once=once,
        answer=document.get("answer"),
    )


def _signature(given: dict[str, Any] | None) -> Signature | None:
    """None where another version made it: fingerprints of two versions do not meet."""
    if given is None or given["version"] != SIGNATURE_VERSION:
        return None
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Signature(**fields)


def _failure(given: dict[str, Any]) -> Failure:
    error, said = given["error"], given["resolution"]
    return Failure(
        **{
            **given,
            "error": ErrorInfo(**error) if error else None,
            "occurred_at": datetime.fromisoformat(given["occurred_at"]) if given["occurred_at"] else None,
            "verdict": Verdict(given["verdict"]) if given["verdict"] else None,
            "cause": Cause(given["cause"]) if given["cause"] else None,
            "resolution": _resolution(said) if said else None,
        }
    )


def _resolution(said: dict[str, Any]) -> Resolution:
    action = Action(said["action"]) if said["action"] else None
    return Resolution(said["summary"], action, said["author"], said.get("fixed_in", {}))  # earlier versions had none
