"""Cursors of lists: the place of the last entry of a page, opaque to callers."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from api.problems import Problem


def write_cursor(moment: object, id: object) -> str:
    """The place of an entry in a list by time (as the documents write it) and id."""
    return base64.urlsafe_b64encode(f"{moment} {id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The place that `write_cursor` wrote; a 422 problem for anything else."""
    try:
        moment, identifier = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(identifier)
    except (ValueError, binascii.Error, OverflowError):
        raise Problem(422, "This is no cursor of this list.", field="cursor") from None
