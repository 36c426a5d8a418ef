"""Fields of an address: how lists take what narrows them, and the address of a list that is narrowed so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BeforeValidator, StringConstraints

from api.web.rendering import address_of
from knowledge.within import Within


def _given(value: object) -> object:
    """What a form leaves empty is not asked for."""
    return value if not isinstance(value, str) or value.strip() else None


#: Of a field that a form may leave empty.
EMPTY = BeforeValidator(_given)
Cursor = Annotated[Annotated[str, StringConstraints(max_length=200)] | None, EMPTY]
Span = Annotated[Within | None, EMPTY]


def since_of(within: Within | None) -> datetime | None:
    """The time from which on it is shown; None for all of it."""
    return datetime.now(UTC) - within.span if within else None


def given_of(fields: Mapping[str, object]) -> dict[str, str]:
    """Those that are asked for, as the address has them."""
    return {name: str(value) for name, value in fields.items() if value is not None}


def narrowed(request: Request, name: str, fields: Mapping[str, str]) -> str:
    """The address of a list by its name, with these fields."""
    query = urlencode(fields)
    return address_of(request, name) + (f"?{query}" if query else "")
