"""The list of incidents, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.api.http.asking import SLOW_DOWN, recorded
from tests.api.web.happening import advised, genuine, outcome, past
from tests.api.web.knowing import failure, resolved
from tests.api.web.reading import elements, text_of

HERE = "/ui/incidents"


def shown(page: httpx.Response) -> list[str]:
    """The ids of the incidents of a page, in its order."""
    links = [str(each.get("href")) for each in elements(page, "a")]
    return [each.rpartition("/")[2] for each in links if each.startswith(f"{HERE}/")]


def found(pages: httpx.Client, **asked: str) -> list[str]:
    """The ids of all pages of a list."""
    page = pages.get(HERE, params=asked)
    ids = shown(page)
    while following := [str(each["href"]) for each in elements(page, "a") if each.get("rel") == "next"]:
        page = pages.get(following[0])
        ids += shown(page)
    return ids


def test_it_begins_empty_and_teaches(pages: httpx.Client) -> None:
    """Says what comes here; a list that is narrowed to nothing leads to all."""
    assert "Nothing has failed yet" in text_of(pages.get(HERE))
    assert "No incident is like that" in text_of(pages.get(HERE, params={"pipeline": "fraud"}))


def test_what_one_remembers_of_it(pages: httpx.Client, told: httpx.Client) -> None:
    """Pipeline, verdict, what was told, time, precedent, run, and who told of it narrow the list."""
    broken = genuine(told, failure("apple"), pipeline="fruit", run_id="r-1")
    old = recorded(told, text=failure("beet"), pipeline="roots", occurred_at=past(10))
    retried = advised(told, SLOW_DOWN, pipeline="fruit", run_id="r-2")["incident_id"]
    asked = pages.post("/ui/ask", data={"text": "Zxqv wblorp ffnord"}).headers["location"].rpartition("/")[2]

    assert [asked, retried, broken["id"], old["id"]] == found(pages)
    assert [retried, broken["id"]] == found(pages, pipeline="fruit")
    assert [broken["id"]] == found(pages, verdict="genuine")
    assert [retried] == found(pages, advised="transient")
    assert [retried] == found(pages, decision="retry")
    assert [old["id"]] == [each for each in found(pages) if each not in found(pages, within="week")]
    assert [broken["id"]] == found(pages, precedent=broken["precedent_id"])
    assert [retried] == found(pages, run="r-2")
    assert [asked] == found(pages, asked="here")
    assert [retried, broken["id"], old["id"]] == found(pages, asked="elsewhere")
    assert [] == found(pages, pipeline="fruit", asked="here")


def test_verdicts_are_those_of_the_api(pages: httpx.Client, told: httpx.Client) -> None:
    """What is known of it; what was told stands beside it, and is never taken for what somebody stated."""
    asked = advised(told, SLOW_DOWN, run_id="r-1")["incident_id"]
    stated = recorded(told, text=failure("corn"), verdict="transient", cause="network")["id"]
    answer = told.get(f"/incidents/{asked}").json()

    assert ("unknown", "transient") == (answer["verdict"], answer["advised"])
    assert (200, None) == ((known := told.get(f"/incidents/{stated}")).status_code, known.json()["advised"])
    for verdict, ids in (("unknown", [asked]), ("transient", [stated]), ("genuine", [])):
        listed = told.get("/incidents", params={"verdict": verdict}).json()["incidents"]
        assert (ids, ids) == ([each["id"] for each in listed], found(pages, verdict=verdict))
    for address in (HERE, "/ui/runs/r-1"):
        assert "? unknown told: transient" in text_of(pages.get(address))
    assert "1 transient 1 told transient 0 unknown" in text_of(pages.get("/ui/overview"))


def test_what_became_of_each(pages: httpx.Client, told: httpx.Client) -> None:
    """The last word on each stands beside it."""
    passed, failed, fixed = (recorded(told, text=failure(word))["id"] for word in ("apple", "beet", "corn"))
    outcome(told, passed, "failed", attempt=2)
    outcome(told, passed, "succeeded", attempt=3)
    outcome(told, failed, "failed", attempt=2)
    resolved(told, fixed, "Glue it")
    text = text_of(pages.get(HERE))
    entries = text.partition("BarnLedgerError")[2].split("BarnLedgerError")

    assert ["fixed", "a retry failed", "a retry passed"] == [
        next(said for said in ("a retry passed", "a retry failed", "fixed") if said in each) for each in entries
    ]


def test_it_goes_by_pages(pages: httpx.Client, told: httpx.Client) -> None:
    """Each incident once."""
    made = [recorded(told, text=failure("apple"), occurred_at=past(1 + n / 100))["id"] for n in range(32)]
    broken = genuine(told, failure("beet"), occurred_at=past(2))["id"]

    assert [*made, broken] == found(pages)
    assert [broken] == found(pages, verdict="genuine")


@pytest.mark.parametrize(
    "asked",
    [{"verdict": "perhaps"}, {"precedent": "x"}, {"within": "decade"}, {"cursor": "x"}, {"pipeline": "x" * 501}],
)
def test_what_cannot_be_asked_for(pages: httpx.Client, asked: dict[str, str]) -> None:
    """Is refused in words, whatever stands in the address."""
    assert 422 == pages.get(HERE, params=asked).status_code


def test_fields_left_empty_narrow_nothing(pages: httpx.Client, told: httpx.Client) -> None:
    """A form sends all of its fields."""
    incident = recorded(told, text=failure("apple"))["id"]
    empty = dict.fromkeys(("pipeline", "verdict", "advised", "decision", "within", "asked"), "")

    assert [incident] == found(pages, **empty)


def test_other_pages_lead_there(pages: httpx.Client, told: httpx.Client) -> None:
    """From Ask to what was asked, from a precedent and an incident to all occurrences."""
    first, _ = (recorded(told, text=failure("apple")) for _ in range(2))
    occurrences = f"{HERE}?precedent={first['precedent_id']}"

    def links(address: str) -> list[str]:
        return [str(each.get("href")) for each in elements(pages.get(address), "a")]

    assert f"{HERE}?asked=here" in links("/ui/")
    assert occurrences in links(f"/ui/precedents/{first['precedent_id']}")
    assert occurrences in links(f"{HERE}/{first['id']}")
    assert 2 == len(found(pages, precedent=first["precedent_id"]))
