"""One thing looked at, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """`warn` works, but not as it might; `fail` does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """`mend` says what to do about it; there is none when all is well."""

    name: str
    status: Status
    detail: str
    mend: str = ""


def ok(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name, Status.OK, detail)


def warn(name: str, detail: str, *, mend: str) -> Check:
    """It works, but not as it might."""
    return Check(name, Status.WARN, detail, mend)


def fail(name: str, detail: str, *, mend: str) -> Check:
    """It does not work."""
    return Check(name, Status.FAIL, detail, mend)


def worst(checks: list[Check]) -> Status:
    """The status of all together."""
    found = {check.status for check in checks}
    return next((status for status in (Status.FAIL, Status.WARN) if status in found), Status.OK)
