"""What an advice says beyond verdict and decision, on the page of its incident."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from api.web.advice import DOCUMENTED, NEAR, OWN, ShownNeighbours, neighbours_in
from api.web.rendering import Renderer, percent
from tests.api.http.asking import SLOW_DOWN
from tests.api.http.pipelines import HASH, put_run, put_step, put_sub_task
from tests.api.web.reading import elements, text_of


def advised(told: httpx.Client, pages: httpx.Client, **failure: object) -> httpx.Response:
    """The page of a failure that a pipeline asked about."""
    answer = told.post("/advise", json=failure).json()
    return pages.get(f"/ui/incidents/{answer['incident_id']}")


def test_where_to_resume(told: httpx.Client, pages: httpx.Client) -> None:
    """The last checkpoint of the run, with the hashes of its artifacts."""
    put_run(told), put_step(told)
    put_sub_task(told, "schema-validation", artifacts={"report": {"sha256": HASH}})
    page = advised(told, pages, text=SLOW_DOWN, pipeline="fraud", step="preprocess", run_id="r-118")

    assert "Where to resume Run r-118 goes on in step preprocess , after sub-task schema-validation" in text_of(page)
    assert f"report sha256:{HASH}" in text_of(page)


def test_a_storm(told: httpx.Client, pages: httpx.Client) -> None:
    """Is told as one, with the part that this very run was given in it."""
    shown = [advised(told, pages, text="PlumError: the lease is lost", run_id=f"r-{run}") for run in range(4)]

    assert "A storm" not in text_of(shown[0])
    assert "A storm: an outage, not many failures. Since " in text_of(shown[2])
    assert "UTC, 3 failures in 3 runs; the last just now." in text_of(shown[2])
    assert "This run tries for all" in text_of(shown[2])
    assert "This run tries for all" not in text_of(shown[3])
    assert "for it." in text_of(shown[3])


def test_a_regression(told: httpx.Client, pages: httpx.Client) -> None:
    """What was fixed, and came back in an environment that has the fix."""
    text = "QuinceError: the press is stuck"
    incident = told.post("/incidents", json={"text": text, "environment": {"image": "repo/press:1.7"}}).json()["id"]
    fix = {"summary": "Oil it", "fixed_in": {"image": "repo/press:1.8"}}
    told.post(f"/incidents/{incident}/resolution", json=fix)
    page = advised(told, pages, text=text, environment={"image": "repo/press:1.8"})

    assert "It came back. It was fixed (image repo/press:1.8" in text_of(page)
    assert "this failure has that fix (image repo/press:1.8)" in text_of(page)


def test_farther_neighbours_are_shown_on_demand(pages: httpx.Client) -> None:
    """The nearest stand there at once."""
    page = pages.get("/ui/?example=slow-down")
    lists = [each for each in elements(page, "ol") if each.get("class") == "neighbours"]

    assert 2 == len(lists)
    assert "farther away" in text_of(page)
    assert NEAR < page.text.count("% alike")


def test_what_its_own_history_settles(told: httpx.Client, pages: httpx.Client) -> None:
    """Is told so, with what fixed it once, and beside it what was near when it was asked first."""
    fixed = {"verdict": "genuine", "resolution": {"summary": "Oil the press"}}
    for run in range(3):
        told.post("/incidents", json={"text": "QuinceError: the press is stuck", "run_id": f"r-{run}", **fixed})
    settled = advised(told, pages, text="QuinceError: the press is stuck", run_id="r-4")
    asked = pages.post("/ui/ask", data={"text": SLOW_DOWN}).headers["location"]
    near = text_of(pages.get(asked))
    fields = {"reason": "x", "verdict": "genuine", "once": "o", "version": "1"}
    precedent = told.get(asked.removeprefix("/ui")).json()["precedent_id"]
    version = told.get(f"/precedents/{precedent}").json()["version"]
    corrected = pages.post(f"{asked}/verdict", data=fields | {"precedent": precedent, "version": str(version)})
    after = text_of(pages.get(corrected.headers["location"]))

    assert "Its own history settles it" in text_of(settled)
    assert 1 == text_of(settled).count("Oil the press")
    assert "S3 sheds load on a prefix" in near
    assert "S3 sheds load on a prefix" in after


@pytest.mark.parametrize(("share", "shown"), [(0.996, 99), (0.944, 94), (1.0, 100), (0.5, 50), (0.001, 1), (0.0, 0)])
def test_much_is_not_certainty(share: float, shown: int) -> None:
    """Only what is certain is 100 %."""

    assert shown == percent(share)


@pytest.mark.parametrize(
    ("run_id", "address"),
    [
        ("r-118", "/ui/runs/r-118"),
        ("a b?c#d", "/ui/runs/a%20b%3Fc%23d"),
        ("ключ", "/ui/runs/%D0%BA%D0%BB%D1%8E%D1%87"),
        ("a/b", None),
        ("..", None),
        ("", None),
    ],
)
def test_names_of_callers_in_addresses(run_id: str, address: str | None) -> None:
    """Quoted; where an address cannot hold one, nothing links there."""
    app = FastAPI()
    app.add_api_route("/runs/{run_id}", lambda: None, name="run")
    renderer = Renderer(app, navigation=[], version="1")

    assert address == renderer.address("run", run_id=run_id)
    assert renderer.address("nothing", run_id=run_id) is None


def entry(id: str, similarity: float, source: str = "incident") -> dict[str, object]:
    """As evidence has it."""
    return {"precedent_id": id, "similarity": similarity, "source": source, "template": id}


def near_of(neighbours: ShownNeighbours) -> list[str]:
    """The ids of those that are shown at once."""
    return [each.entry["precedent_id"] for each in neighbours.near]


def test_what_is_nearest_is_seen_first() -> None:
    """Evidence has the own ones first; a documented one that is far more alike is not hidden behind them."""
    far = [entry(f"own {number}", 0.4 - number / 100) for number in range(3)]
    advice = {"evidence": [*far, entry("documented", 0.9, "starter")]}
    shown = {each.title: near_of(each) for each in neighbours_in(advice, text="")}
    (alone,) = neighbours_in({"evidence": far}, text="", own="own 1")

    assert [(DOCUMENTED, ["documented"]), (OWN, ["own 0", "own 1"])] == list(shown.items())
    assert ["own 0", "own 2"] == near_of(alone)
