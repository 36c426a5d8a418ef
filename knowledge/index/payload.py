"""A point's payload as plain JSON and back; both adapters store the same."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import Any
from uuid import UUID

from knowledge.failures import Cause, Source, Verdict
from knowledge.index.port import IndexPayload

_TUPLES = frozenset({"pipelines", "exceptions", "codes", "operations", "terms"})


def to_json(payload: IndexPayload) -> dict[str, Any]:
    """JSON values only: ids and words as strings, sequences as lists."""
    return {name: _plain(getattr(payload, name)) for name in _NAMES}


def _plain(value: Any) -> Any:
    if isinstance(value, (UUID, StrEnum)):
        return str(value)
    if isinstance(value, bool):  # Edge 0.9 matches no stored boolean against False, but words it does
        return str(value).lower()
    return list(value) if isinstance(value, tuple) else value


def from_json(stored: dict[str, Any]) -> IndexPayload:
    """The payload that `to_json` wrote; fields that it does not know are left out."""
    known: dict[str, Any] = {name: stored[name] for name in _NAMES if name in stored}
    known.update({name: tuple(known[name]) for name in _TUPLES & known.keys()})
    known["precedent_id"] = UUID(known["precedent_id"])
    known["source"] = _SOURCES[known["source"]]
    known["verdict"] = _VERDICTS[known["verdict"]]
    known["cause"] = _CAUSES.get(known.get("cause"))
    known["resolved"] = known.get("resolved") == "true"
    known["incident_id"] = UUID(known["incident_id"]) if known.get("incident_id") else None
    return IndexPayload(**known)


# Looked up rather than called: this runs for every hit of every question.
_SOURCES: dict[str, Source] = {each.value: each for each in Source}
_VERDICTS: dict[str, Verdict] = {each.value: each for each in Verdict}
_CAUSES: dict[str | None, Cause] = {each.value: each for each in Cause}
_NAMES = tuple(field.name for field in fields(IndexPayload))
