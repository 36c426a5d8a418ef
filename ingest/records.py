"""A failure as callers write it: one shape for the HTTP body, the lines of an import, and every other door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from ingest import strict_json
from knowledge.failures import Action, Cause, ErrorInfo, Failure, Resolution, Verdict
from knowledge.fixes import LONGEST_VALUE
from knowledge.signature.scrub import scrub

#: Characters of a name, wherever it is told: a run that an incident may name can be told of, and its page looked at.
LONGEST_NAME = 500
#: Names are short; texts may be whole logs (the body limit bounds them).
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
Text = Annotated[str, StringConstraints(max_length=2_000_000)]
Summary = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
#: A handful of versions, images or commits.
MOST_FIXED_IN = 20
FixedIn = Annotated[
    dict[
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)],
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_VALUE)],
    ],
    Field(max_length=MOST_FIXED_IN),
]
Attempt = Annotated[int, Field(ge=1, le=1_000_000)]
#: Entries of an environment, at whatever depth: it says where something ran, and is no log.
MOST_ENTRIES = 1_000
#: Whole numbers that JSON libraries and PostgreSQL's clients agree about: 64 bits, with or without a sign.
LEAST_WHOLE, MOST_WHOLE = -(2**63), 2**64 - 1
#: Of whatever unit, nobody has spent more.
MOST_SPENT = 1e18


def bounded(environment: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The environment as it is; raises `ValueError` when it has too many entries, or a number that cannot be kept."""
    waiting: list[tuple[str, JsonValue]] = [("", environment)]
    seen = 0
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict | list):
            seen += len(value)
            if seen > MOST_ENTRIES:
                raise ValueError(f"has more than {MOST_ENTRIES:,} entries")
            waiting.extend(_entries(value))
        elif isinstance(value, int) and not LEAST_WHOLE <= value <= MOST_WHOLE:
            raise ValueError(f"{scrub(place[:1_000])[:80]} is a whole number beyond 64 bits")
    return environment


def _entries(value: dict[str, JsonValue] | list[JsonValue]) -> list[tuple[str, JsonValue]]:
    """What is inside, each with a name to tell it by."""
    if isinstance(value, list):
        return [(f"item {number}", child) for number, child in enumerate(value)]
    return list(value.items())


Environment = Annotated[dict[str, JsonValue], AfterValidator(bounded)]
Spent = Annotated[
    dict[str, Annotated[float, Field(ge=0, le=MOST_SPENT, allow_inf_nan=False)]], Field(max_length=MOST_ENTRIES)
]


class Request(BaseModel):
    """Unknown fields are refused: a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Request):
    """An exception as the pipeline saw it."""

    type: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    message: Text | None = None
    stacktrace: Text | None = None


class FailureBody(Request):
    """A failure: `error`, or `text` (a raw log or traceback), or both."""

    error: ErrorBody | None = None
    text: Text | None = Field(default=None, examples=["botocore.exceptions.ClientError: An error occurred (SlowDown)"])
    pipeline: Name | None = None
    step: Name | None = None
    run_id: Name | None = None
    attempt: Attempt | None = None
    max_attempts: Attempt | None = None
    occurred_at: datetime | None = None
    environment: Environment = Field(default_factory=dict)
    spent: Spent = Field(default_factory=dict)
    external_id: Name | None = None

    @model_validator(mode="after")
    def _says_something(self) -> FailureBody:
        error = self.error
        parts = [self.text, *((error.type, error.message, error.stacktrace) if error else ())]
        if not any(part and part.strip() for part in parts):
            raise ValueError("give an `error` or a `text` that says what went wrong")
        return self

    def to_failure(self) -> Failure:
        """The failure as the service knows it."""
        error = self.error
        return Failure(
            error=ErrorInfo(error.type, error.message, error.stacktrace) if error else None,
            text=self.text,
            pipeline=self.pipeline,
            step=self.step,
            run_id=self.run_id,
            attempt=self.attempt,
            max_attempts=self.max_attempts,
            occurred_at=self.occurred_at,
            environment=self.environment,
            spent=self.spent,
            external_id=self.external_id,
        )


class StatedResolution(Request):
    """What fixed a failure; `fixed_in` says where that is to be had, by keys of an `environment`."""

    summary: Summary
    action: Action | None = None
    fixed_in: FixedIn = Field(default_factory=dict, examples=[{"image": "repo/train:1.8", "torch": "2.13"}])

    def to_resolution(self, author: str | None = None) -> Resolution:
        """The resolution as the service knows it."""
        return Resolution(self.summary, self.action, author, self.fixed_in)


class IncidentBody(FailureBody):
    """A failure whose verdict, cause or resolution may be known already."""

    verdict: Verdict | None = None
    cause: Cause | None = None
    resolution: StatedResolution | None = None

    def to_failure(self) -> Failure:
        """The failure with what is known of it; `unknown` states nothing."""
        said = self.resolution
        return replace(
            super().to_failure(),
            verdict=None if self.verdict is Verdict.UNKNOWN else self.verdict,
            cause=self.cause,
            resolution=said.to_resolution() if said else None,
        )


class LineProblem(ValueError):
    """A line of an import that cannot be taken."""


def read_failure(line: bytes) -> Failure:
    """An incident from a line of NDJSON; raises `LineProblem`, which names the field."""
    try:
        return from_mapping(strict_json.loads(line))
    except (strict_json.Malformed, strict_json.Unfit) as error:
        raise LineProblem(str(error)) from None


def from_mapping(value: Mapping[str, Any]) -> Failure:
    """An incident from its fields; raises `LineProblem`."""
    try:
        return IncidentBody.model_validate(value).to_failure()
    except ValidationError as error:
        raise LineProblem(first_problem(error)) from None


def first_problem(error: ValidationError) -> str:
    """The field and what is wrong with it."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(scrub(str(part)) for part in first["loc"]) or "line"
    return f"{place}: {problem_in_words(first)}"


def problem_in_words(found: Mapping[str, Any]) -> str:
    """What pydantic says of a value, without its own vocabulary."""
    if found["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        return "Input should be a JSON object"
    return str(found["msg"]).removeprefix("Value error, ")
