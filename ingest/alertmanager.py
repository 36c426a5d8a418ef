"""Alertmanager's webhook (version 4): alerts that fire become failures, one each time that they begin to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from ingest.foreign import attempt_of, environment_of, first_of, moment_of, name_of, object_of, objects_of, text_of
from knowledge.failures import ErrorInfo, Failure

#: Labels that name a place in a pipeline. `job` is often what was scraped, and stands last.
PIPELINE = ("pipeline", "dag_id", "workflow", "cronjob", "job_name", "service", "deployment", "job")
STEP = ("step", "task_id", "task", "container")
RUN = ("run_id", "run", "workflow_run", "pod")
#: Annotations that say what is wrong, the most general first: descriptions name the one host or job.
SAYING = ("summary", "message", "description")
#: Alerts that tell of no failure: heartbeats, notes, and what keeps other alerts quiet.
NO_FAILURE = frozenset({"none", "info", "debug"})


def read_webhook(payload: Mapping[str, Any]) -> list[Failure]:
    """The failures that a notification tells of: its firing alerts."""
    failures = [_of_alert(each, payload=payload) for each in objects_of(payload.get("alerts"))]
    return [failure for failure in failures if failure is not None]


def _of_alert(alert: Mapping[str, Any], *, payload: Mapping[str, Any]) -> Failure | None:
    labels, notes = object_of(alert.get("labels")), object_of(alert.get("annotations"))
    if alert.get("status") != "firing" or str(labels.get("severity", "")).lower() in NO_FAILURE:
        return None
    name = text_of(labels.get("alertname"), most=2_000)
    message = next((said for key in SAYING if (said := text_of(notes.get(key)))), None)
    if name is None and message is None:
        return None
    began = name_of(alert.get("startsAt"))
    places = {"alertmanager.url": payload.get("externalURL"), "generator_url": alert.get("generatorURL")}
    return Failure(
        error=ErrorInfo(name, message),
        pipeline=first_of(labels, *PIPELINE),
        step=first_of(labels, *STEP),
        run_id=first_of(labels, *RUN),
        attempt=attempt_of(labels.get("attempt")),
        occurred_at=moment_of(began),
        environment=environment_of(labels, places, notes),
        external_id=f"alertmanager:{name_of(alert.get('fingerprint')) or _fingerprint(labels)}:{began or '-'}"[:500],
    )


def _fingerprint(labels: Mapping[str, Any]) -> str:
    """Of what older versions send without one: an alert is known by its labels."""
    return hashlib.sha256(orjson.dumps(labels, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
