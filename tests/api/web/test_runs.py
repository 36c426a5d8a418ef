"""Runs: the list, one with all that is kept of it, and a step with all of its sub-tasks."""

from __future__ import annotations

import re
import shlex
from html import unescape
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.web.pages.runs import RUNS, SUB_TASKS
from knowledge.state.outline import MOST_INCIDENTS, MOST_STEPS
from tests.api.http.asking import LIMIT_S, SLOW_DOWN, recorded
from tests.api.http.pipelines import HASH, put_run, put_step, put_sub_tasks
from tests.api.web.happening import made
from tests.api.web.knowing import imported
from tests.api.web.reading import addresses, elements, text_of


def test_a_run_shows_all_that_is_kept(pages: httpx.Client, told: httpx.Client) -> None:
    """Steps, checkpoints with their hashes, owners, leases, decisions, incidents, and where a retry goes on."""
    made(told)
    response = pages.get("/ui/runs/r-118")
    said = text_of(response)

    assert 200 == response.status_code
    for text in (
        "Run r-118",
        "A retry goes on here",
        "Step preprocess , after schema-validation",
        "Remaining imputation, scaling",
        f"sha256:{HASH}",
        "s3://bucket/scaled",
        "owned by ana, 1 of 3 completed, 1 under way",
        "worker-7 lease ends in 9 minutes",
        "recall 0.71 is below 0.8: holds",
        "latency_s 2 is below 1: does not hold",
        "Recall fell.",
        '"to": "canary"',
        '"seed": 7',
        "attempt 2",
    ):
        assert text in said


def test_a_run_that_nobody_told_shows_its_incidents(pages: httpx.Client, told: httpx.Client) -> None:
    """Pages that name a run lead to it, though it is known from incidents alone."""
    incident = recorded(told, run_id="ci-7", pipeline="ci", text="KeyError: 'merchant_code'")
    response = pages.get("/ui/runs/ci-7")
    said = text_of(response)

    assert 200 == response.status_code
    assert "Its steps were not told" in said
    assert f"/ui/incidents/{incident['id']}" in addresses(response)


def test_a_run_leads_to_its_incidents(pages: httpx.Client, told: httpx.Client) -> None:
    """To those of its own pipeline, and to none of another's run of that name, but by the list of all."""
    made(told)
    recorded(told, run_id="r-118", pipeline="another", text="KeyError: 'other'")
    own = told.get("/incidents", params={"run": "r-118", "pipeline": "fraud"}).json()["incidents"]
    response = pages.get("/ui/runs/r-118")
    found = {each for each in addresses(response) if each.startswith("/ui/incidents/")}
    (named,) = [each for each in addresses(response) if each.startswith("/ui/incidents?")]
    assert "another" in text_of(pages.get(named))

    assert {f"/ui/incidents/{each['id']}" for each in own} == found
    assert 1 <= len(found)


def test_an_incident_leads_to_its_run(pages: httpx.Client, told: httpx.Client) -> None:
    """And back."""
    made(told)
    incident = told.get("/incidents", params={"run": "r-118"}).json()["incidents"][-1]["id"]

    assert "/ui/runs/r-118" in addresses(pages.get(f"/ui/incidents/{incident}"))


def test_the_time_line_is_a_list_as_well(pages: httpx.Client, told: httpx.Client) -> None:
    """What is drawn is hidden from those who listen, and told to them in order of time."""
    made(told)
    response = pages.get("/ui/runs/r-118")
    said = text_of(response)
    drawn = [each["aria-hidden"] for each in elements(response, "svg") if each.get("class") == "track"]
    events = [
        "The run started.",
        "Step preprocess started, owned by ana.",
        "schema-validation was completed: a retry goes on after it.",
        "release-agent decided (release).",
        "The run ended: failed.",
    ]

    assert ["true", "true"] == drawn
    assert sorted(events, key=said.index) == events


def test_a_step_whose_end_nobody_told(pages: httpx.Client, told: httpx.Client) -> None:
    """Was running when its run ended: it does not go on for ever."""
    made(told)
    said = text_of(pages.get("/ui/runs/r-118"))

    assert "was running, 1 of 3 completed" in said
    assert "◼ was running" in said
    assert "running" not in said.replace("was running", "")


def test_names_are_encoded(pages: httpx.Client, told: httpx.Client) -> None:
    """What a client writes as %2F is encoded once more; other signs once."""
    name = "a%2Fb ?#&<é>"
    assert 201 == told.put(f"/runs/{quote(name, safe='')}", json={"pipeline": "p&q", "status": "running"}).status_code
    listed = pages.get("/ui/runs")
    (address,) = [each for each in addresses(listed) if each.startswith("/ui/runs/")]

    assert f"/ui/runs/{quote(name, safe='')}" == address
    assert f"Run {name}" in text_of(pages.get(address))
    assert "/ui/runs?pipeline=p%26q" in addresses(listed)


@pytest.mark.parametrize("sign", ["x", "💥"], ids=["short", "wide"])
def test_the_longest_names_have_pages(pages: httpx.Client, told: httpx.Client, sign: str) -> None:
    """Whatever an incident may name can be told of, has links that lead there, and pages of its own."""
    run, step = f"r{sign * 499}", f"s{sign * 499}"
    recorded(told, run_id=run, step=step, pipeline=run)
    (untold,) = {each for each in addresses(pages.get("/ui/incidents")) if each.startswith("/ui/runs/")}
    assert "Its steps were not told" in text_of(pages.get(untold))
    put_run(told, quote(run), pipeline=run)
    place = f"/runs/{quote(run)}/steps/{quote(step)}"
    put_step(told, place, plan=[step])
    assert 201 == told.put(f"{place}/sub-tasks/{quote(step)}", json={"owner": "ana", "status": "completed"}).status_code
    own = (untold, f"/ui{place}", f"/ui{place}?after={quote(step)}")
    linked = [str(each.get("href")) for address in own for each in elements(pages.get(address), "a")]

    assert [200, 200, 200] == [pages.get(each).status_code for each in own]
    assert {200} == {pages.get(each).status_code for each in {*linked} if each.startswith("/ui/runs")}
    assert run == told.get(f"/runs/{quote(run)}/resume-point").json()["run_id"]
    assert 404 == pages.get(f"/ui/runs/{quote(run + sign)}").status_code


def test_names_that_no_address_holds(pages: httpx.Client, told: httpx.Client) -> None:
    """They are shown, and lead nowhere."""
    put_run(told, "%2E%2E")
    listed = pages.get("/ui/runs")

    assert ".." in text_of(listed)
    assert [] == [each for each in addresses(listed) if each.startswith("/ui/runs/")]


@pytest.mark.parametrize("place", ["nothing", "r-118/steps/nothing", "r-118?steps=nothing"])
def test_what_is_not_there(pages: httpx.Client, told: httpx.Client, place: str) -> None:
    """Is told as a page."""
    made(told)
    response = pages.get(f"/ui/runs/{place}")

    assert 404 == response.status_code
    assert "There is no" in text_of(response)


@pytest.mark.parametrize("query", ["cursor=x", "status=gone", "within=x", "pipeline=" + "x" * 501])
def test_strange_queries(pages: httpx.Client, query: str) -> None:
    """What cannot be read is refused."""

    assert 422 == pages.get(f"/ui/runs?{query}").status_code


def listed(response: httpx.Response) -> list[str]:
    """The runs on a page of the list."""
    links = [each for each in addresses(response) if each.startswith("/ui/runs/")]
    return [each.removeprefix("/ui/runs/") for each in links]


def test_runs_by_pages(pages: httpx.Client, told: httpx.Client) -> None:
    """Newest first, each once, by keyset."""
    names = [f"r-{number}" for number in range(RUNS + 2)]
    for name in names:
        put_run(told, name)
    first = pages.get("/ui/runs")
    (following,) = [str(each["href"]) for each in elements(first, "a") if each.get("rel") == "next"]
    second = pages.get(following)

    assert names[::-1] == listed(first) + listed(second)
    assert "/ui/runs" in addresses(second)


def test_runs_are_found(pages: httpx.Client, told: httpx.Client) -> None:
    """By pipeline, status and time; the form keeps what was asked for."""
    put_run(told, "one", pipeline="fraud")
    put_run(told, "two", pipeline="churn", status="failed")
    response = pages.get("/ui/runs?pipeline=churn&status=failed&within=day")

    assert ["two"] == listed(response)
    assert ["churn"] == [each["value"] for each in elements(response, "input") if each.get("name") == "pipeline"]
    assert ["failed", "day"] == [each["value"] for each in elements(response, "option") if "selected" in each]
    assert ["two", "one"] == listed(pages.get("/ui/runs?pipeline=&status=&within=&cursor="))
    assert "No run is like that" in text_of(pages.get("/ui/runs?pipeline=chur"))


def test_no_run_yet(pages: httpx.Client) -> None:
    """Says how they come, with commands that work as they stand; so does the overview."""
    empty, overview = pages.get("/ui/runs"), pages.get("/ui/overview")
    sent = [sent_by(line) for page in (empty, overview) for line in commands(page)]

    assert "No run has been told of yet" in text_of(empty)
    assert [201, 201, 201, 200] == sent
    assert "Remaining split" in text_of(pages.get("/ui/runs/r-118"))


def test_the_example_in_python_works(pages: httpx.Client) -> None:
    """As it stands."""
    said = preformatted(pages.get("/ui/runs"))[-1]
    exec(said)

    assert "Run r-119" in text_of(pages.get("/ui/runs/r-119"))


def preformatted(page: httpx.Response) -> list[str]:
    """The examples of a page."""
    return [unescape(each) for each in re.findall(r"<pre[^>]*>(.*?)</pre>", page.text, re.S)]


def commands(page: httpx.Response) -> list[str]:
    """Those of a shell."""
    return [line for each in preformatted(page) for line in each.splitlines() if line.startswith("curl ")]


def sent_by(command: str) -> int:
    """The status of what a command sends, which is read as a shell reads it."""
    _, _, method, address, *rest = shlex.split(command)
    given = list(zip(rest[::2], rest[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    body = next(value for option, value in given if option == "-d")
    return httpx.request(method, address, headers=headers, content=body, timeout=LIMIT_S).status_code


def test_the_expected_end(pages: httpx.Client, told: httpx.Client) -> None:
    """Is told once three runs of the pipeline have succeeded that took longer."""
    put_run(told)
    before = text_of(pages.get("/ui/runs/r-118"))
    for name in ("a", "b", "c"):
        late = {"Seenbefore-Age": "600"}
        running = {"pipeline": "fraud", "status": "running"}
        assert 201 == told.put(f"/runs/{name}", json=running, headers=late).status_code
        assert 200 == put_run(told, name, status="succeeded", version=1).status_code

    assert "it is told from past runs, three at least" in before
    assert "Expected end in 9 minutes" in text_of(pages.get("/ui/runs/r-118"))


def test_a_large_run_stays_readable(pages: httpx.Client, told: httpx.Client) -> None:
    """Steps and incidents by pages, a few sub-tasks of each step, and a link to all of them."""
    put_run(told)
    for number in range(MOST_STEPS + 1):
        put_step(told, f"/runs/r-118/steps/s-{number}", plan=None)
    put_sub_tasks(told, "/runs/r-118/steps/s-0", [f"t-{number}" for number in range(SUB_TASKS + 1)])
    failure = {"run_id": "r-118", "pipeline": "fraud"}
    texts = [f"{SLOW_DOWN} {number}" for number in range(MOST_INCIDENTS + 1)]
    imported(told, (failure | {"text": text, "attempt": number} for number, text in enumerate(texts, start=1)))
    response = pages.get("/ui/runs/r-118")
    more = {each.partition("?")[2].partition("=")[0]: each for each in addresses(response) if "/r-118?" in each}
    later = text_of(pages.get(more["steps"]))
    earlier = pages.get(more["incidents"])

    assert {"steps", "incidents"} == more.keys()
    assert f"All {SUB_TASKS + 1} sub-tasks" in text_of(response)
    assert "101 completed" in text_of(response)
    assert f"s-{MOST_STEPS} " in later
    assert "Step s-0 started" not in later
    assert 1 == len({each for each in addresses(earlier) if each.startswith("/ui/incidents/")})
    assert 120 >= len([each for each in elements(response, "rect") if each.get("class") == "tick"])


def test_all_sub_tasks_of_a_step(pages: httpx.Client, told: httpx.Client) -> None:
    """In order of first write, by pages, with the step's attributes."""
    put_run(told)
    put_step(told, "/runs/r-118/steps/s", plan=None, attributes={"rows": 17})
    put_sub_tasks(told, "/runs/r-118/steps/s", [f"t-{number:03}" for number in range(SUB_TASKS + 1)])
    first = pages.get("/ui/runs/r-118/steps/s")
    (following,) = [str(each["href"]) for each in elements(first, "a") if each.get("rel") == "next"]
    second = text_of(pages.get(following))

    assert '"rows": 17' in text_of(first)
    assert "t-099" in text_of(first)
    assert "t-100" not in text_of(first)
    assert "t-100" in second
    assert "t-099" not in second


def test_a_run_of_another_workspace(pages: httpx.Client, service_url: str) -> None:
    """Is none."""
    answer: Any = httpx.put(f"{service_url}/runs/r-118", json={"pipeline": "p", "status": "running"})
    assert answer.status_code in (200, 201, 428)

    assert 404 == pages.get("/ui/runs/r-118").status_code
