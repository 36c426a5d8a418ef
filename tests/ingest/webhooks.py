"""Webhooks as Sentry, Alertmanager and GitHub document them: small ones, to make others of."""

from __future__ import annotations

from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]


def sentry_event(**fields: Any) -> Document:
    """An event with an exception that another one caused."""
    frames = [
        {
            "filename": "app/train.py",
            "function": "main",
            "lineno": 12,
            "context_line": "    upload(model)",
            "in_app": True,
        },
        {"filename": "app/store.py", "function": "upload", "lineno": 41, "context_line": None},
    ]
    chain = [
        {"type": "TimeoutError", "module": "builtins", "value": "timed out", "stacktrace": None},
        {"type": "ClientError", "module": "botocore.exceptions", "value": "SlowDown", "stacktrace": {"frames": frames}},
    ]
    return {
        "event_id": "e4874d664c3540c1a32eab185f12c5ab",
        "type": "error",
        "level": "error",
        "platform": "python",
        "title": "ClientError: SlowDown",
        "message": "",
        "culprit": "app.store in upload",
        "transaction": None,
        "datetime": "2026-11-20T08:15:00.250000Z",
        "timestamp": 1795162500.25,
        "exception": {"values": chain},
        "environment": "production",
        "release": "train@1.8",
        "tags": [["dag_id", "fraud"], ["task_id", "train"], ["try_number", "2"], ["user", "ip:203.0.113.9"]],
        "issue_id": "1170820242",
        "url": "https://sentry.example/api/0/projects/acme/training/events/e4874d664c3540c1a32eab185f12c5ab/",
        "web_url": "https://sentry.example/organizations/acme/issues/1170820242/events/e4874d664c3540c1a32eab185f12c5ab/",
        "user": {"ip_address": "203.0.113.9"},
    } | fields


def sentry(resource: str = "event_alert", /, **fields: Any) -> Document:
    """A webhook of that resource around an event."""
    key, action = {"event_alert": ("event", "triggered"), "error": ("error", "created")}[resource]
    return {
        "action": action,
        "actor": {"id": "sentry", "name": "Sentry", "type": "application"},
        "data": {key: sentry_event(**fields), "triggered_rule": "Tell Seen Before"},
        "installation": {"uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de"},
    }


def sentry_issue(action: str = "created", /, **fields: Any) -> Document:
    """A webhook about an issue."""
    issue = {
        "id": "1170820242",
        "shortId": "TRAINING-9",
        "title": "ClientError: SlowDown",
        "culprit": "app.store in upload",
        "level": "error",
        "firstSeen": "2026-11-20T08:15:00.250000Z",
        "metadata": {"filename": "app/store.py", "type": "ClientError", "value": "SlowDown"},
        "permalink": None,
        "platform": "python",
        "project": {"id": "1", "name": "Training", "slug": "training", "platform": "python"},
        "status": "unresolved",
        "substatus": "new",
    } | fields
    return {"action": action, "data": {"issue": issue}, "installation": {"uuid": "a8e5d37a"}}


def sentry_metric(action: str = "critical", /, **fields: Any) -> Document:
    """A webhook about a metric alert."""
    metric = {
        "id": "1234",
        "identifier": "7",
        "organization_id": "1",
        "projects": ["training"],
        "title": "Failed uploads",
        "type": 2,
        "status": 20,
        "date_started": "2026-11-20T08:15:00.250000Z",
        "date_closed": None,
        "alert_rule": {"id": "7", "name": "Failed uploads", "aggregate": "count()", "query": "op:upload"},
    } | fields
    told = {
        "metric_alert": metric,
        "description_title": "Critical: Failed uploads",
        "description_text": "1000 events in the last 10 minutes",
        "web_url": "https://sentry.example/organizations/acme/alerts/7/",
    }
    return {"action": action, "data": told, "installation": {"uuid": "a8e5d37a"}}


def alert(status: str = "firing", /, **fields: Any) -> Document:
    """An alert on a job that failed."""
    return {
        "status": status,
        "labels": {
            "alertname": "KubeJobFailed",
            "namespace": "training",
            "job_name": "fraud-nightly",
            "job": "kube-state-metrics",
            "severity": "warning",
        },
        "annotations": {
            "summary": "Job failed to complete.",
            "description": "Job training/fraud-nightly failed to complete.",
            "runbook_url": "https://runbooks.example/kubejobfailed",
        },
        "startsAt": "2026-11-20T08:15:00.739266876+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example/graph?g0.expr=kube_job_failed",
        "fingerprint": "1a30ba71cca2921f",
    } | fields


def alertmanager(*alerts: Document) -> Document:
    """A notification of these alerts."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="KubeJobFailed"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "seenbefore",
        "groupLabels": {"alertname": "KubeJobFailed"},
        "commonLabels": {"alertname": "KubeJobFailed"},
        "commonAnnotations": {},
        "externalURL": "https://alerts.example",
        "alerts": list(alerts),
    }


def github(action: str = "completed", /, **fields: Any) -> Document:
    """A delivery about a job that failed in its second step."""
    steps = [
        {"name": "Set up job", "status": "completed", "conclusion": "success", "number": 1},
        {"name": "Train on 8 GPUs", "status": "completed", "conclusion": "failure", "number": 2},
        {"name": "Upload", "status": "completed", "conclusion": "skipped", "number": 3},
    ]
    job = {
        "id": 289782451,
        "run_id": 2202229078,
        "run_attempt": 1,
        "workflow_name": "Nightly",
        "name": "train",
        "status": "completed",
        "conclusion": "failure",
        "head_branch": "main",
        "head_sha": "3484a3fb816e0859fd6e1cea078d76385ff50625",
        "html_url": "https://github.com/acme/fraud/actions/runs/2202229078/job/289782451",
        "started_at": "2026-11-20T08:10:00Z",
        "completed_at": "2026-11-20T08:15:00Z",
        "steps": steps,
        "labels": ["self-hosted", "gpu"],
        "runner_name": "gpu-7",
        "runner_group_name": "Default",
    } | fields
    return {"action": action, "workflow_job": job, "repository": {"full_name": "acme/fraud"}, "sender": {"login": "a"}}
