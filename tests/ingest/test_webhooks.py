"""Webhooks of Sentry, Alertmanager and GitHub: what becomes a failure, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import alertmanager, github, sentry
from ingest.foreign import LONGEST_NAME, LONGEST_VALUE, MOST_VALUES, environment_of
from ingest.github import Passed
from knowledge.failures import ErrorInfo, Failure
from tests.ingest import webhooks

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("resource", ["event_alert", "error"])
def test_sentry_event(resource: str) -> None:
    """The exception that was raised last, the stack of the whole chain, and Airflow's tags as places."""
    failure = sentry.read_webhook(resource, webhooks.sentry(resource))

    assert failure is not None
    assert failure.error is not None
    assert ("botocore.exceptions.ClientError", "SlowDown") == (failure.error.type, failure.error.message)
    assert (
        "TimeoutError: timed out\n"
        "\nThe above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        '  File "app/train.py", line 12, in main\n'
        "    upload(model)\n"
        '  File "app/store.py", line 41, in upload\n'
        "botocore.exceptions.ClientError: SlowDown"
    ) == failure.error.stacktrace
    assert ("fraud", "train", 2) == (failure.pipeline, failure.step, failure.attempt)
    assert datetime(2026, 11, 20, 8, 15, 0, 250_000, UTC) == failure.occurred_at
    assert "sentry:event:e4874d664c3540c1a32eab185f12c5ab" == failure.external_id
    assert {"release": "train@1.8", "environment": "production"}.items() <= failure.environment.items()
    assert "203.0.113.9" not in str(failure)


def test_sentry_event_without_tags_is_of_its_project() -> None:
    """Whose name is in the event's address."""
    failure = sentry.read_webhook("error", webhooks.sentry("error", tags=[]))

    assert failure is not None
    assert ("training", "app.store in upload") == (failure.pipeline, failure.step)


def test_sentry_monitor() -> None:
    """An event that Sentry raised itself says why in its evidence."""
    occurrence = {"subtitle": "A missed check-in", "evidenceDisplay": [{"name": "Failure reason", "value": "missed"}]}
    event = {"exception": None, "title": "Monitor failure: nightly", "occurrence": occurrence}
    failure = sentry.read_webhook("event_alert", webhooks.sentry(**event))

    assert failure is not None
    assert "Monitor failure: nightly\nA missed check-in\nFailure reason: missed" == failure.text


def test_sentry_issue() -> None:
    """Its headline, where nobody subscribes to events."""
    failure = sentry.read_webhook("issue", webhooks.sentry_issue())

    assert failure is not None
    assert ErrorInfo("ClientError", "SlowDown") == failure.error
    assert ("training", "sentry:issue:1170820242") == (failure.pipeline, failure.external_id)


def test_sentry_metric_alert() -> None:
    """What was measured, once each time that it begins: as it grows from warning to critical it is the same."""
    warned, failure = (
        sentry.read_webhook("metric_alert", webhooks.sentry_metric(how)) for how in ("warning", "critical")
    )

    assert warned is not None
    assert failure is not None
    assert "Critical: Failed uploads\n1000 events in the last 10 minutes" == failure.text
    assert ("training", "Failed uploads") == (failure.pipeline, failure.step)
    assert datetime(2026, 11, 20, 8, 15, 0, 250_000, UTC) == failure.occurred_at
    assert "sentry:metric:1234" == warned.external_id == failure.external_id


@pytest.mark.parametrize(
    ("resource", "payload"),
    [
        ("installation", {"action": "created", "data": {"installation": {}}}),
        ("metric_alert", {"action": "critical", "data": {}}),
        ("metric_alert", webhooks.sentry_metric("resolved")),
        ("metric_alert", webhooks.sentry_metric(id=None)),
        ("issue", webhooks.sentry_issue("resolved")),
        ("issue", webhooks.sentry_issue(level="info")),
        ("event_alert", webhooks.sentry(exception=None, level="info")),
        ("event_alert", webhooks.sentry(event_id=None)),
        ("event_alert", webhooks.sentry("error")),
        ("", webhooks.sentry()),
    ],
)
def test_sentry_tells_of_no_failure(resource: str, payload: dict[str, Any]) -> None:
    """Notes, other resources and other actions."""
    assert None is sentry.read_webhook(resource, payload)


def test_alert() -> None:
    """Named by its alert, with what people wrote about all such; its beginning is its identity."""
    (failure,) = alertmanager.read_webhook(webhooks.alertmanager(webhooks.alert()))

    assert ErrorInfo("KubeJobFailed", "Job failed to complete.") == failure.error
    assert ("fraud-nightly", None) == (failure.pipeline, failure.run_id)
    assert datetime(2026, 11, 20, 7, 15, 0, 739_266, UTC) == failure.occurred_at
    assert "alertmanager:1a30ba71cca2921f:2026-11-20T08:15:00.739266876+01:00" == failure.external_id
    assert {
        "namespace": "training",
        "alertmanager.url": "https://alerts.example",
    }.items() <= failure.environment.items()


def test_alert_without_fingerprint_is_known_by_its_labels() -> None:
    """As older Alertmanagers send them, whatever the order."""
    labels = webhooks.alert()["labels"]
    turned = dict(reversed(labels.items()))
    notified = webhooks.alertmanager(*(webhooks.alert(fingerprint=None, labels=each) for each in (labels, turned)))
    one, other = alertmanager.read_webhook(notified)

    assert one.external_id == other.external_id


def test_alert_without_severity_is_a_failure() -> None:
    """Few rules must have one."""
    alert = webhooks.alert(labels={"alertname": "TrainingStalled"})

    assert 1 == len(alertmanager.read_webhook(webhooks.alertmanager(alert)))


@pytest.mark.parametrize(
    "alert",
    [
        webhooks.alert("resolved"),
        webhooks.alert(labels={"alertname": "Watchdog", "severity": "none"}),
        webhooks.alert(labels={"alertname": "InfoInhibitor", "severity": "info"}),
        webhooks.alert(labels={}, annotations={}),
    ],
)
def test_alert_of_no_failure(alert: dict[str, Any]) -> None:
    """Resolved ones, heartbeats, and ones that say nothing."""
    assert [] == alertmanager.read_webhook(webhooks.alertmanager(alert))


def test_github_job() -> None:
    """Its steps that failed are what there is to say."""
    failure = github.read_webhook("workflow_job", webhooks.github())

    assert isinstance(failure, Failure)
    assert "Error: acme/fraud: Nightly, job train: step Train on 8 GPUs ended with failure" == failure.text
    assert ("acme/fraud: Nightly", "train", "2202229078", 1) == (
        failure.pipeline,
        failure.step,
        failure.run_id,
        failure.attempt,
    )
    assert "github:2202229078:1:train" == failure.external_id
    assert webhooks.github()["workflow_job"]["html_url"] == failure.environment["html_url"]
    assert "self-hosted, gpu" == failure.environment["runner_labels"]


@pytest.mark.parametrize("steps", [None, []], ids=["steps", "no steps"])
def test_github_says_how_little_it_knows(steps: list[Any] | None) -> None:
    """What the webhook tells of a job is known from what anybody else tells of it, and from the log that follows it."""
    said = {} if steps is None else {"steps": steps}
    failure = github.read_webhook("workflow_job", webhooks.github(**said))
    assert isinstance(failure, Failure)
    told = {"text": failure.text, "environment": failure.environment}
    others = [{"text": "KeyError: 'price'"}, {"text": f"{failure.text}\nKeyError"}, {"environment": {}}, {"text": None}]

    assert github.is_only_told_of(told)
    assert not [each for each in others if github.is_only_told_of({**told, **each})]


@pytest.mark.parametrize("conclusion", github.FAILED)
def test_github_ways_to_fail(conclusion: str) -> None:
    """Each is a failure, and its guide names it."""
    guide = (Path(__file__).parents[2] / "docs/integrations/github-actions.md").read_text()

    assert None is not github.read_webhook("workflow_job", webhooks.github(conclusion=conclusion))
    assert f"`{conclusion}`" in guide


def test_github_re_run_that_passed() -> None:
    """It is an outcome; a first run that passed is nothing."""
    again = webhooks.github(conclusion="success", run_attempt=2, started_at="2026-11-20T09:00:00Z")
    started = datetime(2026, 11, 20, 9, tzinfo=UTC)

    assert Passed("github:2202229078:1:train", 2, started) == github.read_webhook("workflow_job", again)
    assert None is github.read_webhook("workflow_job", webhooks.github(conclusion="success"))


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("ping", {"zen": "Design for failure."}),
        ("workflow_run", webhooks.github()),
        ("workflow_job", webhooks.github("in_progress")),
        ("workflow_job", webhooks.github(conclusion="cancelled")),
        ("workflow_job", webhooks.github(conclusion="skipped")),
        ("workflow_job", webhooks.github(id=None)),
    ],
)
def test_github_tells_of_no_failure(event: str, payload: dict[str, Any]) -> None:
    """Other events and actions, and what somebody wanted so."""
    assert None is github.read_webhook(event, payload)


PLACES = (
    *("exception", "tags", "level", "url", "occurrence", "labels", "annotations", "status", "startsAt", "fingerprint"),
    *("id", "steps", "conclusion", "run_attempt", "completed_at", "metadata", "project", "projects", "alert_rule"),
)


@given(place=st.sampled_from(PLACES), value=json_values)
def test_any_shape_is_read_or_passed_over(place: str, value: Any) -> None:
    """Never raises, whatever stands where something else is documented."""
    chain = {"values": [value, {"stacktrace": {"frames": [value]}, "type": value}]}
    sentry.read_webhook("event_alert", {"action": "triggered", "data": {"event": value}})
    sentry.read_webhook("event_alert", webhooks.sentry(**{"exception": chain, place: value}))
    sentry.read_webhook("issue", webhooks.sentry_issue(**{place: value}))
    sentry.read_webhook("metric_alert", webhooks.sentry_metric(**{place: value}))
    alertmanager.read_webhook({"alerts": value})
    alertmanager.read_webhook(webhooks.alertmanager({**webhooks.alert(), place: value}))
    github.read_webhook("workflow_job", {"action": "completed", "workflow_job": value})
    github.read_webhook("workflow_job", webhooks.github(**{place: value}))


@given(st.dictionaries(st.text(), json_values))
def test_environment_is_small(values: dict[str, Any]) -> None:
    """Short names and values alone, without NUL and infinity."""
    made = environment_of(values, {f"label {number}": number for number in range(200)})

    assert MOST_VALUES >= len(made)
    assert "\0" not in "".join([*made, *(value for value in made.values() if isinstance(value, str))])
    assert all(len(key) <= LONGEST_NAME and len(str(value)) <= LONGEST_VALUE for key, value in made.items())
    assert not {float("inf"), float("-inf")} & {value for value in made.values() if isinstance(value, float)}
