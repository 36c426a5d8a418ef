"""What readers of files and histories find: failures as the fields of an import's line, or what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Hexadecimal digits of an id: 128 bits, so that no two failures share one by chance.
DIGITS = 32
#: Characters of an external id.
LONGEST_ID = 500


class Unreadable(ValueError):
    """The input as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the attempt after a failure ended, where the source knows; `waited_s` is the wait before it, in seconds."""

    result: str
    attempt: int | None = None
    waited_s: float | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A failure that stands at line `number` of the input (from 1): its fields, or what is wrong with it.

    `size` is what was read of the input for it, in bytes. `original` is what it was made of, as far as people want
    to see that when it is refused.
    """

    number: int
    size: int = 0
    value: Mapping[str, Any] | None = None
    problem: str | None = None
    original: bytes = b""
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What whoever imports calls the failures, over what the input says."""

    pipeline: str | None = None
    step: str | None = None
    run_id: str | None = None
    attempt: int | None = None

    def fields(self) -> dict[str, Any]:
        """Those that are given."""
        return filled(pipeline=self.pipeline, step=self.step, run_id=self.run_id, attempt=self.attempt)


def identity(source: str, *parts: object) -> str:
    """An external id that is the same for the same failure, however often it is read."""
    digest = hashlib.sha256("\0".join(str(part) for part in parts).encode("utf-8", "surrogatepass"))
    return f"{source}:{digest.hexdigest()[:DIGITS]}"


def id_of(source: str, *parts: object) -> str:
    """The external id of what its source can name, `airflow:DAG:RUN:TASK:-1:2`; a hash where that is too long.

    The client's adapters make the same (`seenbefore.adapters.ids`): what is recorded live is not read again as history.
    """
    id = ":".join((source, *(str(part) for part in parts)))
    return id if len(id) <= LONGEST_ID else identity(source, *parts)


def filled(**fields: Any) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", {})}
