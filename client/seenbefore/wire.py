"""Requests and answers as values: what is sent, and what came back. No I/O here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

PROBLEM = "application/problem+json"
#: Of an answer so much is read; a run of thousands of sub-tasks has a few MB, and nothing sound has more.
MOST_BYTES = 16_000_000
#: The problem of an address that Seen Before does not have: its own lie elsewhere.
ELSEWHERE = "urn:seenbefore:problem:http-404"
#: Refusals of who asks: its key is missing, wrong, or not for this.
REFUSED_SENDER = frozenset({401, 403})
#: Refusals that say nothing of what is asked: the key is wrong, the limit is reached, the host is not ours.
OF_THE_SENDER = REFUSED_SENDER | {408, 421, 425, 429}
_TAG = re.compile(r'(?:W/)?(?:"([\x21\x23-\x7e]{1,200})"|([\x21\x23-\x7e]{1,200}))')

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One call: `path` is quoted, and has its query. `age_s`: so many seconds ago it was said;
    None is now."""

    method: str
    path: str
    body: bytes | None = None
    key: str | None = None
    if_match: str | None = None
    age_s: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the call has beyond its method, path and body."""
        content = {"Content-Type": "application/json"} if self.body is not None else {}
        key = {"Idempotency-Key": self.key} if self.key else {}
        age = {"Seenbefore-Age": f"{self.age_s:.3f}"} if self.age_s is not None else {}
        return content | key | age | ({"If-Match": self.if_match} if self.if_match else {})

    def matching(self, etag: str | None) -> Request:
        """The same, as a change of the version that was read."""
        return replace(self, if_match=etag)

    def aged(self, age_s: float | None) -> Request:
        """The same, said so many seconds ago."""
        return replace(self, age_s=age_s)

    def reading(self) -> Request:
        """The `GET` of what this writes."""
        return Request("GET", self.path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole and within the bounds."""

    status: int
    body: bytes
    kind: str = ""
    etag: str | None = None
    retry_after: str | None = None
    date: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the call was done, and answered as Seen Before answers."""
        return self.status // 100 == 2 and self.document is not None

    @property
    def is_understood(self) -> bool:
        """Whether the service has it, or something that stands before it: done, refused, or an error."""
        return self.ok or self.problem is not None or self.status in OF_THE_SENDER or self.status >= 500

    @property
    def document(self) -> Document | None:
        """The body where it is a JSON object without NaN; None where it is anything else."""
        try:
            value = json.loads(self.body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    @property
    def problem(self) -> Document | None:
        """The problem document of a refusal; None where something other than Seen Before refuses, or nothing of it
        lies where it was looked for."""
        if self.status // 100 != 4 or self.kind.partition(";")[0].strip().lower() != PROBLEM:
            return None
        told = self.document
        return None if told is not None and told.get("type") == ELSEWHERE else told

    @property
    def version(self) -> str | None:
        """The entity tag of the row that it tells, also where something on the way has taken the header."""
        told = (self.document or {}).get("version")
        return self.etag or (f'"{told}"' if type(told) is int else None)

    @property
    def detail(self) -> str:
        """Why it was refused, in one bounded line."""
        said = self.document or {}
        text = str(said.get("detail") or said.get("title") or f"status {self.status}")
        return " ".join(text.split())[:1_000]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def entity_tag(text: str | None) -> str | None:
    """An `ETag` as `If-Match` takes it: in quotes, and strong though a proxy has weakened it; None where it is none."""
    found = _TAG.fullmatch((text or "").strip())
    return f'"{found[1] or found[2]}"' if found else None


def to_json(value: Mapping[str, Any]) -> bytes:
    """A body."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
