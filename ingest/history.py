"""The lines of a history for `seenbefore replay`: those of an import, with what is known of the retries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ingest import strict_json
from ingest.ndjson import BYTE_ORDER_MARK
from ingest.records import Attempt, IncidentBody, LineProblem, Request, first_problem
from knowledge.replaying import Past, PastOutcome


class PastOutcomeBody(Request):
    """How the retries after a failure ended."""

    result: Literal["succeeded", "failed"]
    attempt: Attempt | None = None
    waited_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None


class PastBody(IncidentBody):
    """An incident of the past. `known_at`: when its verdict, cause, resolution and outcome were known."""

    occurred_at: datetime
    outcome: PastOutcomeBody | None = None
    known_at: datetime | None = None
    retries: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    wasted_hours: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None

    def to_past(self, number: int) -> Past:
        """The failure with all that came to be known."""
        ended = self.outcome
        return Past(
            number=number,
            occurred_at=_in_utc(self.occurred_at),
            failure=self.to_failure(),
            outcome=PastOutcome(ended.result, ended.attempt, ended.waited_s) if ended else None,
            known_at=None if self.known_at is None else _in_utc(self.known_at),
            retries=self.retries,
            wasted_hours=self.wasted_hours,
        )


def read_past(line: bytes, *, number: int) -> Past:
    """A failure of a history; raises `LineProblem`, which names the field."""
    try:
        value: Any = strict_json.loads(line)
        return PastBody.model_validate(value).to_past(number)
    except (strict_json.Malformed, strict_json.Unfit) as error:
        raise LineProblem(str(error)) from None
    except ValidationError as error:
        raise LineProblem(first_problem(error)) from None
    except OverflowError:
        raise LineProblem("occurred_at: this is no time that can be in UTC") from None


@dataclass(frozen=True, slots=True)
class History:
    """What was read, in the order of the lines, and which lines could not be taken and why."""

    pasts: tuple[Past, ...]
    problems: tuple[tuple[int, str], ...]


def read_history(lines: Iterable[tuple[int, bytes | None]]) -> History:
    """Numbered lines, None for one that is too long; blank ones are passed over. A bad line costs no good one."""
    pasts, problems, seen = list[Past](), list[tuple[int, str]](), dict[str, int]()
    for number, line in lines:
        content = b"" if line is None else line.removeprefix(BYTE_ORDER_MARK if number == 1 else b"").strip()
        if line is not None and not content:
            continue
        try:
            pasts.append(_only_once(_read(content, number=number, too_long=line is None), seen=seen))
        except LineProblem as problem:
            problems.append((number, str(problem)))
    return History(tuple(pasts), tuple(problems))


def _read(line: bytes, *, number: int, too_long: bool) -> Past:
    if too_long:
        raise LineProblem("the line is too long")
    return read_past(line, number=number)


def _only_once(past: Past, *, seen: dict[str, int]) -> Past:
    """The same failure twice would know itself."""
    id = past.failure.external_id
    if id is not None and seen.setdefault(id, past.number) != past.number:
        raise LineProblem(f"external_id: the failure of line {seen[id]} again")
    return past


def _in_utc(moment: datetime) -> datetime:
    """A time without a zone is UTC, as in an import."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
