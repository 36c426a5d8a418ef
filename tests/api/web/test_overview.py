"""The overview: exact figures of what the test has recorded, over each time span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.http.asking import SLOW_DOWN, listed, recorded
from tests.api.http.pipelines import put_run
from tests.api.web.happening import FIG, PEAR, PLUM, SPENT, advised, corrected, genuine, outcome, past
from tests.api.web.reading import addresses, elements, text_of


def figures(pages: httpx.Client, over: str = "week") -> str:
    """What the page says."""
    response = pages.get("/ui/overview", params={"over": over})
    assert 200 == response.status_code, response.text
    return text_of(response)


@pytest.mark.parametrize(("over", "failures"), [("day", 2), ("week", 3), ("month", 4), ("quarter", 5)])
def test_failures_by_verdict_over_time(pages: httpx.Client, told: httpx.Client, over: str, failures: int) -> None:
    """Those of the span, by the verdict that is known now; the table has each."""
    genuine(told)
    recorded(told, text=PLUM, verdict="transient", cause="network")
    for days in (3, 20, 60, 120):
        recorded(told, text=FIG, occurred_at=past(days))
    said = figures(pages, over)

    assert f"{failures} failures in" in said
    assert f"1 transient 0 told transient {failures - 2} unknown 0 told genuine 1 genuine" in said


def test_bars_are_drawn_to_scale(pages: httpx.Client, told: httpx.Client) -> None:
    """The tallest as high as the plot, the parts of a bar on top of each other; one bar a day."""
    for number in range(3):
        recorded(told, text=PLUM, verdict="transient", cause="network", external_id=f"a-{number}")
    recorded(told, text=FIG)
    recorded(told, text=FIG, occurred_at=past(2))
    response = pages.get("/ui/overview")
    drawn = [
        (each["class"], each["y"], each["height"])
        for each in elements(response, "rect")
        if "%" in str(each["x"]) and float(str(each["height"])) > 24
    ]

    assert [
        ("fill-unknown", "120.00", "40.00"),
        ("fill-unknown", "120.00", "40.00"),
        ("fill-transient", "0.00", "120.00"),
    ] == drawn
    assert 7 == len(elements(response, "g"))


def test_what_was_told_and_how_retries_ended(pages: httpx.Client, told: httpx.Client) -> None:
    """By decision; failures that were only recorded were told nothing."""
    genuine(told)
    advised(told)
    corrected(told, PLUM, "transient", "network")
    for number, result in enumerate(("succeeded", "succeeded", "failed")):
        outcome(told, advised(told, PLUM, run_id=f"r-{number}")["incident_id"], result, attempt=2)
    said = figures(pages)

    assert "3 retry (50 %) 1 fail (17 %) 0 default (0 %) 2 not asked, only recorded (33 %)" in said
    assert "retry 2 1 67 %" in said


def saved(pages: httpx.Client, over: str = "week") -> str:
    """What the page says was saved."""
    return figures(pages, over).partition("Saved ")[2].partition(" How this is counted")[0]


def test_what_is_stopped_is_spared_its_retries(pages: httpx.Client, told: httpx.Client) -> None:
    """Those that its policy had left, each at what was spent; unless its run went on all the same."""
    genuine(told)
    advised(told, run_id="a", attempt=1, max_attempts=4, spent=SPENT)  # 3 retries, 7.5 h
    advised(told, run_id="b", attempt=2, max_attempts=4, spent=SPENT)  # 2 retries, 5 h
    advised(told, run_id="c")  # does not say
    outcome(told, advised(told, run_id="d", max_attempts=4)["incident_id"], "failed")
    advised(told, run_id="e", step="s", max_attempts=4)
    advised(told, run_id="e", step="s", max_attempts=4, attempt=2)  # went on: these 2 only
    advised(told, run_id="f", pipeline="p", max_attempts=4)
    put_run(told, "f", pipeline="p", status="succeeded")

    assert ("7 retries and 12.5 h of one machine How Failures Retries Hours Stopped 4 7 12.5 Held 0 0 0.0") == saved(
        pages
    )
    assert "1 of them did not say" in figures(pages)


def test_who_was_stopped_wrongly_is_spared_nothing(pages: httpx.Client, told: httpx.Client) -> None:
    """Once a person has called it transient."""
    made = genuine(told)
    advised(told, run_id="a", attempt=1, max_attempts=4, spent=SPENT)
    before = saved(pages, "day")
    address = f"/precedents/{made['precedent_id']}"
    said = {"verdict": "transient", "cause": "network", "reason": "it passed", "author": "ben"}
    told.patch(address, json=said, headers={"If-Match": told.get(address).headers["ETag"]})

    assert "3 retries and 7.5 h" in before
    assert "0 retries and 0.0 h" in saved(pages, "day")


def test_who_held_in_a_storm_is_spared_one(pages: httpx.Client, told: httpx.Client) -> None:
    """The retry that would have met the outage; the one that tries for all is not."""
    for run in range(5):
        answer = advised(told, PLUM, run_id=f"r-{run}", attempt=1, spent=SPENT)

    assert "hold" == answer["storm"]["role"]
    assert "2 retries and 5.0 h of one machine" in saved(pages)
    assert "Held 2 2 5.0" in saved(pages)


def test_storms_now_and_lately(pages: httpx.Client, told: httpx.Client) -> None:
    """Those that go on come first; once a retry has passed it is over."""
    for run in range(3):
        answer = advised(told, PLUM, run_id=f"r-{run}", attempt=1)
    now = figures(pages)
    outcome(told, answer["incident_id"], "succeeded", attempt=2)
    after = figures(pages)

    assert "Storms now" in now
    assert "3 runs 3 failures, began just now , one run tries" in now
    assert "Storms now" not in after
    assert "a retry passed just now" in after


def test_unresolved_by_runs_hit(pages: httpx.Client, told: httpx.Client) -> None:
    """The most runs first; what somebody said a fix of is not among them."""
    for number in range(3):
        recorded(told, text=PEAR, run_id="the same", attempt=number + 1)
    fixed = [recorded(told, text=PLUM, run_id=f"r-{number}") for number in range(2)]
    for number in range(2):
        recorded(told, text=FIG, run_id=f"r-{number}")
    before = figures(pages)
    told.post(f"/incidents/{fixed[0]['id']}/resolution", json={"summary": "Renew it."})
    after = figures(pages)

    order = [after.index(each) for each in ("2 runs 2 failures", "FigError", "1 run 3 failures", "PearError")]
    assert sorted(order) == order
    assert "PlumError" in before
    assert "PlumError" not in after


def test_how_far_confidence_means_what_it_says(pages: httpx.Client, told: httpx.Client) -> None:
    """The figures of GET /calibration, drawn and as a table."""
    answer = advised(told, SLOW_DOWN)
    said = {"summary": "It went away.", "verdict": "transient"}
    told.post(f"/incidents/{answer['incident_id']}/resolution", json=said)
    response = pages.get("/ui/overview")
    sure = f"{100 * answer['confidence']:.0f} %"
    least = 10 * int(10 * answer["confidence"])

    assert 1 == len(elements(response, "circle"))
    assert f"{least} to {least + 10} % 1 {sure} 100 %" in text_of(response)
    assert "Of the latest 1 answer whose truth is known (1 by a person's word" in text_of(response)


def test_days_that_are_over_are_counted_once(pages: httpx.Client, told: httpx.Client) -> None:
    """What comes to be known of them is counted beside the answer, and there the next time."""
    recorded(told, text=FIG, occurred_at=past(3))
    first = figures(pages)
    recorded(told, text=FIG, occurred_at=past(3))
    recorded(told, text=FIG, external_id="today")
    second = figures(pages)
    limit = datetime.now(UTC) + timedelta(seconds=10)
    while "3 failures in" not in (last := figures(pages)) and datetime.now(UTC) < limit:
        pass

    assert "1 failure in" in first
    assert "2 failures in" in second
    assert "shows when you reload" in second
    assert "3 failures in" in last


def test_nothing_yet(pages: httpx.Client) -> None:
    """Says how things come to show here, in each part of the page."""
    said = figures(pages)

    for text in ("Nothing has failed in 7 days", "seenbefore import FILE", "It is not known yet", "need a run_id"):
        assert text in said
    assert "/ui/overview?over=quarter" in addresses(pages.get("/ui/overview"))


@pytest.mark.parametrize(("query", "status"), [("over=", 200), ("over=year", 422), ("over=%00", 422)])
def test_strange_spans(pages: httpx.Client, query: str, status: int) -> None:
    """Are refused; none is a week."""
    assert status == pages.get(f"/ui/overview?{query}").status_code


def test_other_workspaces_do_not_count(pages: httpx.Client, service_url: str) -> None:
    """Nor do the failures of theirs show."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": "overview-others"}) as others:
        recorded(others, text=FIG)
        assert 1 <= len(listed(others))

    assert "Nothing has failed" in figures(pages)
