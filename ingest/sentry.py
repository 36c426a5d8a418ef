"""Sentry's webhooks (integration platform): events, issues and metric alerts become failures.

`event_alert` and `error` carry a whole event, `issue` its headline alone, `metric_alert` what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ingest.foreign import (
    attempt_of,
    environment_of,
    first_of,
    moment_of,
    name_of,
    object_of,
    objects_of,
    text_of,
)
from knowledge.failures import ErrorInfo, Failure

#: Tags that name a place in a pipeline; the latter ones are those of Airflow's own Sentry hook.
PIPELINE = ("seenbefore.pipeline", "pipeline", "dag_id")
STEP = ("seenbefore.step", "step", "task_id", "task")
RUN = ("seenbefore.run_id", "run_id", "dag_run_id")
ATTEMPT = ("seenbefore.attempt", "attempt", "try_number")
#: A message of one of these levels is a note, and no failure.
NOTES = ("debug", "info")
#: What a metric alert does when it begins; it tells of one beginning several times, as it grows.
FIRING = ("critical", "warning")
#: Of a chain or a stack, so much is read.
MOST_EXCEPTIONS, MOST_FRAMES = 20, 250
LINK = "\n\nThe above exception was the direct cause of the following exception:\n\n"


def read_webhook(resource: str, payload: Mapping[str, Any]) -> Failure | None:
    """The failure that a webhook tells of, None where there is none. `resource`: the header `Sentry-Hook-Resource`."""
    action, data = payload.get("action"), object_of(payload.get("data"))
    if resource == "event_alert" and action == "triggered":
        return _of_event(object_of(data.get("event")))
    if resource == "error" and action == "created":
        return _of_event(object_of(data.get("error")))
    if resource == "issue" and action == "created":
        return _of_issue(object_of(data.get("issue")))
    if resource == "metric_alert" and action in FIRING:
        return _of_metric(data)
    return None


def _of_event(event: Mapping[str, Any]) -> Failure | None:
    exceptions = objects_of(object_of(event.get("exception")).get("values"))[-MOST_EXCEPTIONS:]
    id = name_of(event.get("event_id"))
    if id is None or (not exceptions and event.get("level") in NOTES):
        return None
    error, text = _error(exceptions), None if exceptions else _message(event)
    if error is None and text is None:
        return None
    tags = _tags(event)
    return Failure(
        error=error,
        text=text,
        pipeline=first_of(tags, *PIPELINE) or _project(event.get("url")),
        step=first_of(tags, *STEP) or name_of(event.get("transaction")) or name_of(event.get("culprit")),
        run_id=first_of(tags, *RUN),
        attempt=attempt_of(first_of(tags, *ATTEMPT)),
        occurred_at=moment_of(event.get("datetime")) or _of_seconds(event.get("timestamp")),
        environment=environment_of(_place(event), tags),
        external_id=f"sentry:event:{id}",
    )


def _of_issue(issue: Mapping[str, Any]) -> Failure | None:
    id, known = name_of(issue.get("id")), object_of(issue.get("metadata"))
    error = ErrorInfo(text_of(known.get("type"), most=2_000), text_of(known.get("value")))
    text = None if error != ErrorInfo() else text_of(issue.get("title"))
    if id is None or issue.get("level") in NOTES or (text is None and error == ErrorInfo()):
        return None
    project = object_of(issue.get("project"))
    place = {"sentry.url": issue.get("web_url") or issue.get("permalink"), "sentry.issue": issue.get("shortId")}
    return Failure(
        error=None if text else error,
        text=text,
        pipeline=first_of(project, "slug", "name"),
        step=name_of(issue.get("culprit")),
        occurred_at=moment_of(issue.get("firstSeen")),
        environment=environment_of(place, {"platform": issue.get("platform")}),
        external_id=f"sentry:issue:{id}",
    )


def _of_metric(data: Mapping[str, Any]) -> Failure | None:
    alert, told = object_of(data.get("metric_alert")), (data.get("description_title"), data.get("description_text"))
    id, text = name_of(alert.get("id")), text_of("\n".join(said for each in told if (said := text_of(each))))
    if id is None or text is None:
        return None
    rule = object_of(alert.get("alert_rule"))
    projects = alert.get("projects")
    named = [name for each in projects if (name := name_of(each))] if isinstance(projects, list) else []
    place = {"sentry.url": data.get("web_url"), "environment": rule.get("environment"), "query": rule.get("query")}
    return Failure(
        text=text,
        pipeline=named[0] if named else None,
        step=name_of(rule.get("name")),
        occurred_at=moment_of(alert.get("date_started")),
        environment=environment_of(place),
        external_id=f"sentry:metric:{id}",
    )


def _error(exceptions: list[Mapping[str, Any]]) -> ErrorInfo | None:
    """The exception that was raised last, with the stack of the whole chain as Python writes it."""
    if not exceptions:
        return None
    last = exceptions[-1]
    error = ErrorInfo(
        _class(last),
        text_of(last.get("value")),
        text_of(LINK.join("\n".join(_lines(each)) for each in exceptions)),
    )
    return None if error == ErrorInfo() else error


def _class(exception: Mapping[str, Any]) -> str | None:
    kind, module = text_of(exception.get("type"), most=1_000), text_of(exception.get("module"), most=999)
    return kind if kind is None or module in {None, "builtins"} else f"{module}.{kind}"


def _lines(exception: Mapping[str, Any]) -> Iterator[str]:
    frames = objects_of(object_of(exception.get("stacktrace")).get("frames"))[-MOST_FRAMES:]
    if frames:
        yield "Traceback (most recent call last):"
    for frame in frames:
        file = text_of(frame.get("filename")) or text_of(frame.get("abs_path")) or "?"
        line, function = name_of(frame.get("lineno")) or "0", text_of(frame.get("function")) or "?"
        yield f'  File "{file}", line {line}, in {function}'
        if code := text_of(frame.get("context_line")):
            yield f"    {code.strip()}"
    yield f"{_class(exception) or 'Error'}: {text_of(exception.get('value')) or ''}".rstrip(": ")


def _message(event: Mapping[str, Any]) -> str | None:
    """What an event without an exception says, and why it was raised where Sentry itself did (monitors)."""
    message = text_of(object_of(event.get("logentry")).get("formatted")) or text_of(event.get("message"))
    occurrence = object_of(event.get("occurrence"))
    evidence = (
        f"{name}: {value}"
        for each in objects_of(occurrence.get("evidenceDisplay"))[:20]
        if (name := text_of(each.get("name"))) and (value := text_of(each.get("value")))
    )
    parts = [message or text_of(event.get("title")), text_of(occurrence.get("subtitle")), *evidence]
    return text_of("\n".join(dict.fromkeys(part for part in parts if part)))


def _tags(event: Mapping[str, Any]) -> dict[str, Any]:
    """Pairs, or objects of `key` and `value`: Sentry writes both."""
    tags: dict[str, Any] = {}
    listed = event.get("tags")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str):
            tags[each[0]] = each[1]
        elif isinstance(each, dict) and isinstance(each.get("key"), str):
            tags[each["key"]] = each.get("value")
    return {name: value for name, value in tags.items() if name != "user"}  # who it was is nobody's business here


def _place(event: Mapping[str, Any]) -> dict[str, Any]:
    """Where it happened, and where it is to be read."""
    plain = {name: event.get(name) for name in ("release", "environment", "dist", "platform", "server_name", "logger")}
    return {"sentry.url": event.get("web_url"), "sentry.issue_id": event.get("issue_id"), **plain}


def _project(url: Any) -> str | None:
    """The project's name, from the event's address: `…/api/0/projects/ORGANISATION/PROJECT/events/…`."""
    try:
        parts = urlsplit(text_of(url, most=2_000) or "").path.split("/")
        return name_of(parts[parts.index("projects") + 2])
    except (ValueError, IndexError):
        return None


def _of_seconds(value: Any) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
