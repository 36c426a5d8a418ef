"""*Search* over HTTP: questions, lists, facets, kept searches, and files."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from api.web.pages.search import both_ends
from tests.api.web.knowing import failure, imported, indexed, latest_incident, precedent, resolved
from tests.api.web.reading import addresses, elements, text_of
from tests.hostile import FORMULAS, TEXTS

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def found_by(pages: httpx.Client, **fields: str) -> list[str]:
    """The ids of the precedents that a search shows, in order."""
    response = pages.get("/ui/search", params=fields)
    assert 200 == response.status_code, text_of(response)
    links = [str(each.get("href")) for each in elements(response, "a")]
    return [each.rpartition("/")[2] for each in links if each.startswith("/ui/precedents/")]


def choices(pages: httpx.Client, facet: str, **fields: str) -> dict[str, str]:
    """The addresses of a facet's values, by the number of the precedents that they leave."""
    response = pages.get("/ui/search", params=fields)
    links = [each for each in elements(response, "a") if "choice" == each.get("class")]
    return {str(each["id"]): str(each["href"]) for each in links if str(each["id"]).startswith(facet)}


def deletions(page: httpx.Response) -> list[str]:
    """The addresses that delete kept searches."""
    return [action for each in elements(page, "form") if "/delete" in (action := str(each.get("action")))]


def rows_of(response: httpx.Response) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    assert "text/csv; charset=utf-8" == response.headers["content-type"]
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_an_empty_workspace_is_taught(pages: httpx.Client) -> None:
    """How it fills, and what is there to search already."""
    text = text_of(pages.get("/ui/search"))

    assert "Nothing was recorded in this workspace yet" in text
    assert found_by(pages, q="storage sheds load")


def test_without_a_question_those_seen_last(pages: httpx.Client, told: httpx.Client) -> None:
    """First those seen last, whatever the order in which they came."""
    old = precedent(told, "old", occurred_at="2026-01-02T00:00:00Z")["id"]
    new = precedent(told, "new", occurred_at="2026-03-02T00:00:00Z")["id"]
    middle = precedent(told, "middle", occurred_at="2026-02-02T00:00:00Z")["id"]

    assert [new, middle, old] == found_by(pages)


def test_a_list_goes_by_pages(pages: httpx.Client, told: httpx.Client) -> None:
    """Each precedent once, none left out, also of the same time."""
    lines = b"".join(
        b'{"text": "BarnError: %s is torn", "occurred_at": "2026-03-02T00:00:00Z"}\n'
        % (chr(97 + n % 26) * (n // 26 + 3)).encode()
        for n in range(65)
    )
    told.post("/incidents/import", content=lines, headers={"Content-Type": "application/x-ndjson"})
    seen: list[str] = []
    address: str | None = "/ui/search"
    while address:
        response = pages.get(address)
        links = elements(response, "a")
        seen += [str(each["href"]) for each in links if str(each.get("href")).startswith("/ui/precedents/")]
        address = next((str(each["href"]) for each in links if each.get("rel") == "next"), None)

    assert (65, 65) == (len(seen), len(set(seen)))
    assert [200, 422] == [pages.get("/ui/search", params={"cursor": each}).status_code for each in ("", "x")]


def test_by_word_and_with_the_words_marked(pages: httpx.Client, told: httpx.Client) -> None:
    """The one that was asked for first, what fixed it beside it."""
    torn = precedent(told, "velvet")
    precedent(told, "other")
    resolved(told, latest_incident(told, torn["id"]), "Glue the velvet page")
    indexed(told)
    response = pages.get("/ui/search", params={"q": "velvet ledger"})

    assert torn["id"] == found_by(pages, q="velvet ledger")[0]
    assert "<mark>velvet</mark>" in response.text
    assert "Glue the velvet page" in text_of(response)


@pytest.mark.parametrize("question", [{}, {"q": "barn ledger torn"}], ids=["list", "question"])
def test_facets_narrow(pages: httpx.Client, told: httpx.Client, question: dict[str, str]) -> None:
    """By verdict, cause, pipeline, time and whether it was resolved; each alone and together."""
    apple = precedent(told, "apple", pipeline="fruit", verdict="transient", cause="network")["id"]
    beet = precedent(told, "beet", pipeline="roots", verdict="genuine", cause="code_defect")["id"]
    cherry = precedent(told, "cherry", pipeline="fruit", occurred_at="2025-01-02T00:00:00Z")["id"]
    resolved(told, latest_incident(told, beet), "Boil it")
    indexed(told)

    def own(**fields: str) -> set[str]:
        return set(found_by(pages, **question, **fields)) & {apple, beet, cherry}

    assert {apple} == own(verdict="transient")
    assert {beet} == own(cause="code_defect")
    assert {apple, cherry} == own(pipeline="fruit")
    assert {apple, beet} == own(within="week")
    assert {beet} == own(resolved="yes")
    assert {apple, cherry} == own(resolved="no")
    assert {cherry} == own(pipeline="fruit", verdict="unknown", resolved="no")
    assert set() == own(pipeline="fruit", verdict="genuine")


def test_facets_count_what_they_would_leave(pages: httpx.Client, told: httpx.Client) -> None:
    """Among what the other choices leave; what is chosen can be let go, and its neighbours taken instead."""
    for word, verdict, pipeline in (("a", "transient", "p"), ("b", "transient", "q"), ("c", "genuine", "q")):
        precedent(told, word * 5, verdict=verdict, pipeline=pipeline)
    page = pages.get("/ui/search", params={"pipeline": "q", "verdict": "genuine"})
    text = text_of(page)

    assert "Verdict ✓ genuine 1 transient 1" in text
    assert "Pipeline ✓ q 1" in text
    letting_go = choices(pages, "verdict", pipeline="q", verdict="genuine")
    assert "/ui/search?pipeline=q" in letting_go.values()
    assert "/ui/search?pipeline=q&verdict=transient" in letting_go.values()


def test_a_pipeline_of_any_name_is_a_choice(pages: httpx.Client, told: httpx.Client) -> None:
    """Its address finds it, whatever it is made of."""
    name = "a&b=c d/é?#%"
    torn = precedent(told, "apple", pipeline=name)["id"]
    (address,) = choices(pages, "pipeline").values()
    links = [str(each.get("href")) for each in elements(pages.get(address), "a")]

    assert f"/ui/precedents/{torn}" in links


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "maybe"},
        {"cause": "weather"},
        {"within": "decade"},
        {"resolved": "perhaps"},
        {"misspelt": "x"},
        {"cursor": "%%%"},
    ],
)
def test_what_no_search_has_is_refused(pages: httpx.Client, fields: dict[str, str]) -> None:
    """In words."""
    response = pages.get("/ui/search", params=fields)

    assert 422 == response.status_code
    assert "cannot be taken" in text_of(response)


def test_a_long_paste_is_searched_by_both_ends(pages: httpx.Client, told: httpx.Client) -> None:
    """The innermost error stands at the end of a traceback; the page says that the middle is left out."""
    torn = precedent(told, "velvet")["id"]
    indexed(told)
    question = "Traceback:" + " frame" * 1_500 + f" {failure('velvet')}"
    page = pages.get("/ui/search", params={"q": question})

    assert torn in found_by(pages, q=question)
    assert "found by its beginning and its end" in text_of(page)
    assert "found by its beginning" not in text_of(pages.get("/ui/search", params={"q": "x" * 5_000}))
    assert 5_000 >= len(both_ends("x" * 5_001)) > 4_990


def test_empty_fields_count_as_not_given(pages: httpx.Client, told: httpx.Client) -> None:
    """As browsers send them."""
    torn = precedent(told, "apple")["id"]

    assert [torn] == found_by(pages, q=" ", verdict="", cause="", pipeline="", within="", resolved="")


def test_in_place_come_facets_and_results_alone(pages: httpx.Client, told: httpx.Client) -> None:
    """And the fields of the form that go with them."""
    precedent(told, "apple", pipeline="fruit")
    response = pages.get("/ui/search", params={"pipeline": "fruit"}, headers={"HX-Request": "true"})

    assert [] == elements(response, "html")
    assert "<title>Search · Seen Before</title>" in response.text
    assert ["pipeline"] == [each["name"] for each in elements(response, "input") if each.get("form") == "search-form"]


def test_a_search_is_kept(pages: httpx.Client, told: httpx.Client) -> None:
    """By its name, for the whole workspace, until it is deleted; twice it is the same, and no other takes its name."""
    precedent(told, "apple", pipeline="fruit")
    fields = {"q": "apple", "pipeline": "fruit", "verdict": "unknown", "name": "Fruit"}
    kept, again = (pages.post("/ui/search/saved", data=fields) for _ in range(2))
    refused = pages.post("/ui/search/saved", data=fields | {"verdict": "genuine"}, headers={"HX-Request": "true"})
    assert [303, 303, 409] == [each.status_code for each in (kept, again, refused)]
    assert "“Fruit” was saved already, for q apple, verdict unknown, pipeline fruit." in text_of(refused)
    page = pages.get(kept.headers["location"])
    links = [str(each["href"]) for each in elements(page, "a")]

    assert "Saved." in text_of(page)
    assert "/ui/search?q=apple&verdict=unknown&pipeline=fruit" in links
    assert not [each for each in links if "verdict=genuine&pipeline=fruit" in each and each.startswith("/ui/search?q")]
    (delete,) = deletions(page)
    deleted = pages.post(delete, data={"q": "apple"})
    assert "/ui/search?q=apple" == deleted.headers["location"]
    assert "None yet." in text_of(pages.get(deleted.headers["location"]))
    assert 404 == pages.post(delete).status_code


def test_a_deleted_search_is_brought_back(pages: httpx.Client) -> None:
    """By the form of the page that says so, pressed once or twice; not where another has its name meanwhile."""
    kept = {"q": "apple", "pipeline": "fruit", "name": "Fruit"}
    pages.post("/ui/search/saved", data=kept)
    (delete,) = deletions(pages.get("/ui/search"))
    at = pages.post(delete, data={"q": "pear"}).headers["location"]
    page = pages.get(at)
    (back,) = [action for each in elements(page, "form") if "/bring-back" in (action := str(each.get("action")))]
    answers = [pages.post(back, data={"q": "pear"}) for _ in range(2)]
    shown = pages.get(at)

    assert "“Fruit” is deleted, for everybody in this workspace." in text_of(page)
    assert [(303, at)] * 2 == [(each.status_code, each.headers["location"]) for each in answers]
    assert "It is back" in text_of(shown)
    assert "/ui/search?q=apple&pipeline=fruit" in addresses(shown)
    pages.post(delete)
    pages.post("/ui/search/saved", data=kept | {"q": "another"})
    assert "“Fruit” was saved already" in text_of(taken := pages.post(back))
    assert 409 == taken.status_code


def test_kept_searches_are_the_workspaces_own(pages: httpx.Client, service_url: str) -> None:
    """Others neither see nor delete them."""
    pages.post("/ui/search/saved", data={"q": "apple", "name": "Fruit"})
    page = pages.get("/ui/search")
    (delete,) = deletions(page)
    with httpx.Client(base_url=service_url, cookies={"seenbefore_workspace": "another"}) as other:
        assert "Fruit" not in text_of(other.get("/ui/search"))
        assert 404 == other.post(delete).status_code
        pages.post(delete)
        told = {"Cookie": f"seenbefore_workspace=another; seenbefore_told=deleted.{delete.split('/')[-2]}"}
        assert "Fruit" not in text_of(other.get("/ui/search", headers=told))
        assert 404 == other.post(delete.replace("delete", "bring-back")).status_code
    assert 303 == pages.post(delete.replace("delete", "bring-back")).status_code

    assert "Fruit" in text_of(pages.get("/ui/search"))


def test_a_kept_search_has_no_secrets(pages: httpx.Client) -> None:
    """Pasted errors may have."""
    secret = "ghp_" + "a1B2c3D4" * 5
    pages.post("/ui/search/saved", data={"q": f"token {secret} is bad", "name": f"x {secret}"})

    assert secret not in pages.get("/ui/search").text


def test_too_many_kept_searches_are_refused(pages: httpx.Client) -> None:
    """In words; what is there already is no other."""
    statuses = [pages.post("/ui/search/saved", data={"q": "x", "name": f"{n}"}).status_code for n in range(101)]

    assert [303] * 100 + [409] == statuses
    assert 303 == pages.post("/ui/search/saved", data={"q": "x", "name": "7"}).status_code


def test_files_have_what_the_page_has(pages: httpx.Client, told: httpx.Client) -> None:
    """CSV and JSON, kept by the browser and not shown, with the fields of the search."""
    apple = precedent(told, "apple", pipeline="fruit", verdict="transient", times=3)["id"]
    precedent(told, "beet", pipeline="roots")
    table = pages.get("/ui/search.csv", params={"pipeline": "fruit"})
    document = pages.get("/ui/search.json", params={"pipeline": "fruit"})

    assert [(apple, "transient", "3", "fruit")] == [
        (each["precedent_id"], each["verdict"], each["occurrences"], each["pipelines"]) for each in rows_of(table)
    ]
    found: dict[str, Any] = document.json()
    assert {"pipeline": "fruit"} == found["query"]
    assert [apple] == [each["precedent_id"] for each in found["results"]]
    for response, name in ((table, "precedents.csv"), (document, "precedents.json")):
        assert f'attachment; filename="{name}"' == response.headers["content-disposition"]
        assert "nosniff" == response.headers["x-content-type-options"]


def test_files_of_a_question(pages: httpx.Client, told: httpx.Client) -> None:
    """The nearest first."""
    apple = precedent(told, "apple")["id"]
    indexed(told)

    assert apple == rows_of(pages.get("/ui/search.csv", params={"q": failure("apple")}))[0]["precedent_id"]
    assert apple == pages.get("/ui/search.json", params={"q": failure("apple")}).json()["results"][0]["precedent_id"]


def test_no_cell_is_a_formula(pages: httpx.Client, told: httpx.Client) -> None:
    """Whatever strangers wrote: as template, name of a pipeline, resolution; also after a separator within a cell."""
    texts = TEXTS | {f"late {key}": f'x;{text}",{text}' for key, text in FORMULAS.items()}
    imported(
        told,
        (
            {
                "text": f"{text}\n{name}"[:50_000],
                "pipeline": text.strip()[:500],
                "resolution": {"summary": text[:5_000]},
            }
            for name, text in texts.items()
        ),
    )
    response = pages.get("/ui/search.csv")
    rows = rows_of(response)

    assert len(rows) > 20
    for text in response.content.decode("utf-8-sig").splitlines():
        for row in (next(csv.reader([text], delimiter=each)) for each in (",", ";", "\t", "|")):
            assert [] == [cell for cell in row if cell.strip(' "').startswith(FORMULA_SIGNS)]


def test_search_is_a_page_of_the_navigation(pages: httpx.Client) -> None:
    """`g s` leads there, and `/` to its field."""
    response = pages.get("/ui/search")
    letters = {each["data-letter"]: each["href"] for each in elements(response, "a") if each.get("data-letter")}

    assert "/ui/search" == letters["s"]
    assert ["q"] == [each["id"] for each in elements(response, "input") if "data-search" in each]
