"""What is in a spool, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass

from seenbefore.wire import Document, Request


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be written: rows of a lane go out in order, lanes beside each other.

    `kind` is `run`, `step`, `sub_task`, `end` (of a run), `progress`, `note` (a decision record) or `outcome`.
    """

    lane: str
    kind: str
    request: Request


@dataclass(frozen=True, slots=True)
class Spooled:
    """A waiting write; `key` makes every sending of it the same one. `added_at`: seconds of this machine's clock."""

    number: int
    target: str
    lane: str
    kind: str
    method: str
    path: str
    body: bytes
    attempts: int
    added_at: float
    key: str

    @classmethod
    def unkept(cls, *, lane: str, kind: str, request: Request) -> Spooled:
        """A write that is said now, and waits nowhere."""
        body = request.body or b""
        return cls(0, "", lane, kind, request.method, request.path, body, attempts=0, added_at=0.0, key="")

    @property
    def request(self) -> Request:
        """The call."""
        return Request(self.method, self.path, self.body, key=self.key or None)

    @property
    def document(self) -> Document:
        """The body."""
        value: Document = json.loads(self.body)
        return value

    def age_s(self, now: float) -> float:
        """Seconds that it has waited at a time of the same clock; none where that was set back since."""
        return max(0.0, now - self.added_at)


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """A write that the service does not take, and why."""

    number: int
    target: str
    method: str
    path: str
    body: bytes
    reason: str
    refused_at: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits for one service and workspace; `refused` says why its key was last refused, if it was."""

    target: str
    rows: int
    size: int
    oldest: str
    trouble: str | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in the spool; `dropped` were lost for want of room."""

    waiting: int
    size: int
    refused: int
    dropped: int
