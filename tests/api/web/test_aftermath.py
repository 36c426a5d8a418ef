"""What became of an incident: whether it ended well at a glance, and who said what when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.web.aftermath import Ending, aftermath
from api.web.storm import clock, shown_storm
from knowledge.documents import moment
from knowledge.incident_log import Entry, Run, Since, StormNow
from tests.api.http.asking import recorded
from tests.api.web.happening import advised, corrected, outcome
from tests.api.web.knowing import failure, resolved
from tests.api.web.reading import elements, fields_of_form, text_of

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
INCIDENT: dict[str, Any] = {
    "precedent_id": str(UUID(int=1)),
    "attempt": None,
    "external_id": None,
    "recorded_at": moment(NOW - timedelta(hours=1)),
    "advice": None,
}


def entry(kind: str, said: str, minute: int, *, attempt: int | None = None) -> Entry:
    """Something that Ada recorded so many minutes after one another."""
    return Entry(
        id=UUID(int=minute),
        at=NOW + timedelta(minutes=minute),
        kind=kind,
        who="Ada",
        said=said,
        summary=None,
        action=None,
        verdict=None,
        cause=None,
        attempt=attempt,
        waited_s=None,
        in_storm=False,
        decided_by=None,
        reason=None,
    )


def ending(*entries: Entry, run: str | None = None) -> Ending:
    """How an incident ended with these recorded on it."""
    since = Since(entries, Run(run, NOW) if run else None, storm=None)
    return aftermath(INCIDENT, since=since, history=[]).ending


FAILED, PASSED = entry("outcome", "failed", 1, attempt=2), entry("outcome", "succeeded", 2, attempt=3)
FIXED, PROPOSED = entry("resolution", "said", 3), entry("proposal", "proposed", 4)


@pytest.mark.parametrize(
    ("entries", "run", "kind", "text"),
    [
        ([], None, "open", "Nobody has said yet how it ended"),
        ([PROPOSED], None, "open", "Nobody has said yet how it ended"),
        ([FAILED], None, "bad", "Not over: attempt 2 failed too"),
        ([FAILED, PASSED], None, "good", "Ended well: attempt 3 passed"),
        ([entry("outcome", "failed", 9, attempt=2), PASSED], None, "good", "Ended well: attempt 3 passed"),
        ([entry("outcome", "succeeded", 1)], None, "good", "Ended well: a retry passed"),
        ([FAILED, FIXED], None, "good", "Fixed"),
        ([FIXED, entry("outcome", "failed", 9, attempt=4)], None, "bad", "Not over: attempt 4 failed too"),
        ([], "running", "open", "Nobody has said yet how it ended"),
        ([], "failed", "bad", "Nobody has said yet what fixed it; its run failed"),
        ([FAILED], "succeeded", "good", "Ended well: its run succeeded"),
    ],
    ids=lambda each: "" if isinstance(each, list) else str(each)[:20],
)
def test_whether_it_ended_well(entries: list[Entry], run: str | None, kind: str, text: str) -> None:
    """The last attempt counts, then the run, then what was said to have fixed it since."""
    said = ending(*entries, run=run)

    assert (kind, text) == (said.kind, said.text)


def test_the_next_outcome_is_of_the_next_attempt() -> None:
    """And the last one can be told otherwise."""
    none, one = (aftermath(INCIDENT, since=Since(told, None, None), history=[]) for told in ([], [FAILED]))

    assert (2, None) == (none.attempt, none.last)
    assert (3, FAILED) == (one.attempt, one.last)


def storm(*, going_on: bool, state: str = "active", has_canary: bool = True) -> StormNow:
    """One that began half an hour ago, and was joined five minutes ago."""
    return StormNow(
        id=UUID(int=7),
        state=state,
        since=NOW - timedelta(minutes=30),
        ends_at=NOW - timedelta(minutes=1),
        runs=40,
        incidents=212,
        next_try_at=NOW + timedelta(minutes=2),
        has_canary=has_canary,
        going_on=going_on,
        last_at=NOW - timedelta(minutes=5),
    )


@pytest.mark.parametrize(
    ("role", "verdict", "who"),
    [
        ("canary", "transient", "This run tries for all at 14:32 UTC; the others wait for it."),
        ("hold", "unknown", "One run tries for all at 14:32 UTC; this one and the others wait for it."),
        ("none", "genuine", "One run tries for all at 14:32 UTC; the others keep what they are told."),
    ],
)
def test_a_storm_that_goes_on(role: str, verdict: str, who: str) -> None:
    """Since when, how many, how lately, and what comes next; what is judged genuine holds nobody."""
    said = shown_storm(storm(going_on=True), told={"id": str(UUID(int=7)), "role": role}, verdict=verdict, now=NOW)

    assert f"Since 14:00 UTC, 212 failures in 40 runs; the last 5 minutes ago. {who}" == said.text


def test_a_storm_in_which_nobody_tries_yet() -> None:
    """After a canary that failed the next one is still to be found; one that has tried may not have told."""
    due = shown_storm(storm(going_on=True, has_canary=False), told=None, verdict="unknown", now=NOW)
    late = shown_storm(storm(going_on=True), told=None, verdict="unknown", now=NOW + timedelta(minutes=3))

    assert due.text.endswith("The next try is due at 14:32 UTC.")
    assert late.text.endswith("One run was to try for all at 14:32 UTC; how that went was not told yet.")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("recovered", "From 14:00 UTC to 14:29 UTC, 212 failures in 40 runs. It ended when a retry passed."),
        (
            "active",
            "From 14:00 UTC to 14:25 UTC, 212 failures in 40 runs. It ended by itself: nobody was hit any more.",
        ),
    ],
)
def test_a_storm_that_is_over(state: str, expected: str) -> None:
    """However lately it was written down: nobody tells of an outage that has ended."""
    said = shown_storm(storm(going_on=False, state=state), told=None, verdict="transient", now=NOW)

    assert (False, expected) == (said.going_on, said.text)


def test_times_of_other_days_have_their_day() -> None:
    """Of another year, that too."""
    times = (NOW, NOW - timedelta(days=1), NOW - timedelta(days=400))

    assert ["14:30 UTC", "22 November, 14:30 UTC", "19 October 2025, 14:30 UTC"] == [
        clock(each, now=NOW) for each in times
    ]


def test_the_page_tells_all_that_was_recorded(pages: httpx.Client, told: httpx.Client) -> None:
    """Outcomes, what fixed it and who says so, and corrections of its precedent; what was before is not its own."""
    corrected(told, failure("apple"), "genuine", "code_defect")
    incident = recorded(told, text=failure("apple"))["id"]
    corrected_since = told.get(f"/incidents/{incident}").json()["precedent_id"]
    outcome(told, incident, "failed", attempt=2, waited_s=90)
    resolved(told, incident, "Glue it", author="Mo", action="fix_then_rerun", cause="data_quality")
    version = told.get(f"/precedents/{corrected_since}").headers["ETag"]
    said = {"verdict": "transient", "reason": "it passes", "author": "Bea"}
    assert 200 == told.patch(f"/precedents/{corrected_since}", json=said, headers={"If-Match": version}).status_code
    text = text_of(pages.get(f"/ui/incidents/{incident}"))
    became = text.partition("What became of it")[2].partition("Nearest precedents")[0]

    assert "Fixed , just now , says Mo" in text
    for words in (
        "Bea corrected it (its precedent)",
        "verdict: genuine → transient",
        "it passes",
        "Mo said what fixed it",
        "cause: data quality next time: fix then rerun Glue it",
        "Attempt 2 failed, after a wait of 90 s",
        "Reported",
    ):
        assert words in became
    assert "looked into" not in became


def test_an_outcome_in_a_storm_says_that_it_teaches_nothing(pages: httpx.Client, told: httpx.Client) -> None:
    """Neither on the page that follows, nor in the counts; outside of one it counts."""
    storming = [advised(told, failure("plum"), run_id=f"r-{run}")["incident_id"] for run in range(3)]
    alone = recorded(told, text=failure("fig"))["id"]

    def told_of(incident: str) -> str:
        action = f"/ui/incidents/{incident}/outcome"
        hidden = fields_of_form(pages.get(f"/ui/incidents/{incident}"), action)
        return text_of(pages.get(pages.post(action, data=hidden | {"result": "failed"}).headers["location"]))

    assert "This failure was part of a storm: it tells how the outage goes" in told_of(storming[0])
    assert "Recorded. It counts in what is advised next." in told_of(alone)
    assert [0, 1] == [
        told.get(f"/precedents/{told.get(f'/incidents/{each}').json()['precedent_id']}").json()["retries"]["failed"]
        for each in (storming[0], alone)
    ]


def test_a_retry_after_a_retry(pages: httpx.Client, told: httpx.Client) -> None:
    """Is the next attempt's, and not the first one corrected; a slip can be told otherwise, by a form of its own."""
    incident = recorded(told, text=failure("apple"))["id"]
    action, page = f"/ui/incidents/{incident}/outcome", f"/ui/incidents/{incident}"
    for attempt, result in (("2", "failed"), ("3", "succeeded"), ("3", "failed")):
        fields = fields_of_form(pages.get(page), action) | {"attempt": attempt, "result": result}
        assert 303 == pages.post(action, data=fields).status_code
    precedent = told.get(f"/incidents/{incident}").json()["precedent_id"]
    fared = told.get(f"/precedents/{precedent}").json()["retries"]["by_attempt"]
    shown = [each for each in elements(pages.get(page), "input") if each.get("name") == "attempt"]

    assert [(2, 1), (3, 1)] == [(each["attempt"], each["failed"]) for each in fared]
    assert "Not over: attempt 3 failed too" in text_of(pages.get(page))
    assert ["4", "3"] == [each["value"] for each in shown]
