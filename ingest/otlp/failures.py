"""From log records and spans to failures: exceptions, and spans that failed without one.

One failure is told many times: an exception that leaves nested spans is noted by each of them, and each of these has
the status ERROR. Within a request only the innermost counts. A program may log it as well, in the same span: what both
tell has one id (`shared`), by which `ingest.otlp.recording` knows it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import orjson

from ingest.foreign import LONGEST_VALUE, attempt_of, environment_of, first_of, text_of
from ingest.otlp.records import Attributes, Event, Export, LogRecord, Span
from knowledge.failures import ErrorInfo, Failure

#: Where names are looked for, the most telling first. Those of a record or span win over those of its resource.
PIPELINE = (
    "seenbefore.pipeline",
    "cicd.pipeline.name",
    "service.name",
    "k8s.cronjob.name",
    "k8s.job.name",
    "faas.name",
)
STEP = ("seenbefore.step", "cicd.pipeline.task.name")
RUN = ("seenbefore.run_id", "cicd.pipeline.run.id")
ATTEMPT = "seenbefore.attempt"
#: What SDKs write where nobody has named the service.
UNNAMED = "unknown_service"
TYPE, MESSAGE, STACKTRACE = "exception.type", "exception.message", "exception.stacktrace"
#: Severities are numbered from TRACE (1) in fours; 0 says nothing. What is below WARN was handled, and is no failure.
WARN = 13
#: A span, and an exception that has come to it from within.
Mark: TypeAlias = tuple[str, str, str]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: How the ids of failures begin, by what tells of them.
OF_LOGS, OF_SPANS = "otlp:log:", "otlp:span:"
#: Characters of an exception's class in an id.
LONGEST_CLASS = 200
#: Between a class and where it is defined: Python, Java's inner classes, C++ and Ruby, PHP.
QUALIFYING = (".", "$", "::", "\\")


@dataclass(frozen=True, slots=True)
class Found:
    """The failures of a request, and how many of its records are none.

    `shared` has, by a failure's own id, the id that the first one has of its class in its span, by whichever signal.
    So many records as `rejected` could not be read; `problem` says what is wrong with the first.
    """

    failures: tuple[Failure, ...]
    ignored: int
    shared: Mapping[str, str] = field(default_factory=dict)
    rejected: int = 0
    problem: str = ""


def of_logs(export: Export[LogRecord]) -> Found:
    """Log records with an exception become failures; all others are ignored."""
    telling = [record for record in export.records if _is_exception(record)]
    ids = _ids([_identity_of_record(record) for record in telling])
    failures = tuple(_of_record(record, external_id=id) for record, id in zip(telling, ids, strict=True))
    ignored = len(export.records) - len(telling)
    return Found(failures, ignored, _shared(failures), export.rejected, export.problem)


def of_spans(export: Export[Span]) -> Found:
    """Exceptions that spans note, and spans that failed without one, become failures; other spans are ignored."""
    told = list(_told(export.records))
    ids = _ids([_identity_of_event(span, event) for span, event in told])
    failures = tuple(_of_event(span, event, external_id=id) for (span, event), id in zip(told, ids, strict=True))
    ignored = len(export.records) - len({id(span) for span, _ in told})
    return Found(failures, ignored, _shared(failures), export.rejected, export.problem)


def _is_exception(record: LogRecord) -> bool:
    if 0 < record.severity < WARN:
        return False
    return any(text_of(record.attributes.get(name)) for name in (TYPE, MESSAGE, STACKTRACE))


def _of_record(record: LogRecord, *, external_id: str) -> Failure:
    said = text_of(record.body, most=LONGEST_VALUE)
    context = {"log_message": said, "trace_id": record.trace_id, "span_id": record.span_id}
    return _failure(
        _error(record.attributes),
        names={**record.resource, **record.attributes},
        step=None,
        run=record.trace_id,
        environment=environment_of(context, record.resource),
        time=record.time or record.observed,
        external_id=external_id,
    )


def _of_event(span: Span, event: Event, *, external_id: str) -> Failure:
    context = {"trace_id": span.trace_id, "span_id": span.span_id}
    return _failure(
        _error(event.attributes),
        names={**span.resource, **span.attributes},
        step=text_of(span.name, most=500),
        run=span.trace_id,
        environment=environment_of(context, span.resource),
        time=event.time or span.end,
        external_id=external_id,
    )


def _failure(
    error: ErrorInfo,
    *,
    names: Attributes,
    step: str | None,
    run: str,
    environment: dict[str, Any],
    time: int,
    external_id: str,
) -> Failure:
    named = {name: value for name, value in names.items() if not str(value).startswith(UNNAMED)}
    return Failure(
        error=error,
        pipeline=first_of(named, *PIPELINE),
        step=first_of(named, *STEP) or step,
        run_id=first_of(named, *RUN) or run or None,
        attempt=attempt_of(names.get(ATTEMPT)),
        occurred_at=EPOCH + timedelta(microseconds=time // 1_000) if time else None,
        environment=environment,
        external_id=external_id,
    )


def _error(attributes: Attributes) -> ErrorInfo:
    type = text_of(attributes.get(TYPE), most=2_000)
    return ErrorInfo(type, text_of(attributes.get(MESSAGE)), text_of(attributes.get(STACKTRACE)))


def _told(spans: Iterable[Span]) -> Iterator[tuple[Span, Event]]:
    """Each failure with the innermost span that tells of it, as an event."""
    by_id = {(span.trace_id, span.span_id): span for span in spans if span.span_id}
    failing = [(span, event) for span in spans for event in _events(span)]
    passed_on = set[Mark]()
    for span, event in failing:
        _pass_on(span, event, by_id=by_id, passed_on=passed_on)
    for span, event in failing:
        if (span.trace_id, span.span_id, _kind(event)) not in passed_on:
            yield span, event


def _pass_on(span: Span, event: Event, *, by_id: Mapping[tuple[str, str], Span], passed_on: set[Mark]) -> None:
    """Mark what the spans around this one tell of the same failure, as far as nobody has."""
    kind = _kind(event)
    while (parent := by_id.get((span.trace_id, span.parent_id)) if span.parent_id else None) is not None:
        marks = {(parent.trace_id, parent.span_id, kind), (parent.trace_id, parent.span_id, "")}
        if parent is span or marks <= passed_on:
            return
        passed_on |= marks
        span = parent


def _events(span: Span) -> list[Event]:
    """The exceptions that a span notes; if it failed without one, its status as an event."""
    noted = [event for event in span.events if event.name == "exception" and _error(event.attributes) != ErrorInfo()]
    return noted or ([_status(span)] if span.failed else [])


def _status(span: Span) -> Event:
    kind = first_of(span.attributes, "error.type", TYPE)
    message = text_of(span.message) or text_of(span.attributes.get(MESSAGE))
    if kind is None and message is None:
        message = f"span {span.name!r} ended with status ERROR"
    return Event("status", span.end, {TYPE: kind, MESSAGE: message})


def _kind(event: Event) -> str:
    """What an exception is told by while it passes from span to span; a status alone tells nothing of its own."""
    if event.name == "status":
        return ""
    return f"{event.attributes.get(TYPE)} {event.attributes.get(MESSAGE)}"


def _shared(failures: Iterable[Failure]) -> dict[str, str]:
    found = ((failure.external_id, _id_in_span(failure)) for failure in failures)
    return {own: shared for own, shared in found if own is not None and shared is not None}


def _id_in_span(failure: Failure) -> str | None:
    """What log and span agree about: trace, span and the bare class. (Python's own handler logs no more of a class, and
    of the message the first argument alone.) None where there is no span, no class, or no time to compare."""
    trace, span = failure.environment.get("trace_id"), failure.environment.get("span_id")
    kind = failure.error.type if failure.error else None
    if not (trace and span and kind and failure.occurred_at):
        return None
    return f"otlp:{trace}:{span}:{bare_class(kind)[:LONGEST_CLASS]}"


def bare_class(kind: str) -> str:
    """A class without where it is defined: `ClientError` of `botocore.exceptions.ClientError`."""
    for mark in QUALIFYING:
        kind = kind.rpartition(mark)[2] or kind
    return kind


def _identity_of_record(record: LogRecord) -> str:
    told = (record.time, record.observed, record.severity, record.body, record.attributes)
    if not record.trace_id:
        told = (*told, record.resource)  # type: ignore[assignment]
    return f"{OF_LOGS}{record.trace_id or '-'}:{record.span_id or '-'}:{_digest(told)}"


def _identity_of_event(span: Span, event: Event) -> str:
    told = (event.name, event.time, span.name, event.attributes)
    return f"{OF_SPANS}{span.trace_id or '-'}:{span.span_id or '-'}:{_digest(told)}"


def _digest(told: Any) -> str:
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()[:32]


def _ids(identities: Sequence[str]) -> list[str]:
    """Ids that delivery after delivery are the same; what is there twice in one request has happened twice."""
    seen: Counter[str] = Counter()
    ids = []
    for identity in identities:
        seen[identity] += 1
        ids.append(identity if seen[identity] == 1 else f"{identity}:{seen[identity]}")
    return ids
