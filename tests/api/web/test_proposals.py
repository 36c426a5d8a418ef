"""The page of proposals: what waits, who decides, and that nothing of it is advice before."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.api.http.asking import SLOW_DOWN, recorded
from tests.api.web.reading import addresses, elements, fields_of_form, text_of

PROPOSALS = "/ui/proposals"


def proposed(told: httpx.Client, *, summary: str = "Spread the keys over 16 prefixes", by: str = "export agent") -> str:
    """The id of a proposal for a failure that was just recorded."""
    incident = recorded(told, text=SLOW_DOWN)["id"]
    body = {"incident_id": incident, "summary": summary, "author": by, "action": "retry_with_backoff"}
    answer = told.post("/resolutions", json=body)
    assert 201 == answer.status_code, answer.text
    return str(answer.json()["id"])


def decide(pages: httpx.Client, id: str, **fields: str) -> httpx.Response:
    """The form as a browser without script sends it."""
    return pages.post(f"{PROPOSALS}/{id}", data={"once": uuid4().hex} | fields)


def test_what_waits_is_shown_with_what_it_is_about(pages: httpx.Client, told: httpx.Client) -> None:
    """What was proposed, by whom, and for which precedent with its template."""
    id = proposed(told)
    shown = pages.get(PROPOSALS)
    precedent = told.get("/resolutions").json()["resolutions"][0]["precedent_id"]

    assert "Spread the keys over 16 prefixes" in text_of(shown)
    assert "Proposed by export agent" in text_of(shown)
    assert "SlowDown" in text_of(shown)
    assert {f"/ui/precedents/{precedent}", f"{PROPOSALS}/{id}"} <= set(addresses(shown))
    assert "once" in fields_of_form(shown, f"{PROPOSALS}/{id}")


def test_accepted_it_is_a_resolution_and_advice_shows_it(pages: httpx.Client, told: httpx.Client) -> None:
    """And not before; the page tells it once, the name is remembered, and the note is kept."""
    id = proposed(told)
    before = told.post("/advise?dry_run=true", json={"text": SLOW_DOWN}).json()["evidence"]
    answer = decide(pages, id, decision="accept", author="Grace Hopper", reason="it held for a week")
    then = pages.get(answer.headers["location"])
    after = told.post("/advise?dry_run=true", json={"text": SLOW_DOWN}).json()["evidence"]
    kept = told.get("/resolutions", params={"state": "accepted"}).json()["resolutions"]

    assert 303 == answer.status_code
    assert "It is a resolution now" in text_of(then)
    assert "Nothing waits" in text_of(then)
    assert [False, True] == [any(each["resolution"] == kept[0]["summary"] for each in seen) for seen in (before, after)]
    assert [("Grace Hopper", "it held for a week")] == [(each["decided_by"], each["reason"]) for each in kept]
    assert "Accepted by Grace Hopper" in text_of(pages.get(f"{PROPOSALS}?state=accepted"))


def test_the_next_decision_is_one_press(pages: httpx.Client, told: httpx.Client) -> None:
    """The name that was given once stands in the form."""
    first, second = proposed(told), proposed(told, summary="Ask for a higher limit")
    decide(pages, first, decision="reject", author="Ana M\u00fcller")
    shown = pages.get(PROPOSALS)

    assert ["Ana M\u00fcller"] == [each["value"] for each in elements(shown, "input") if each.get("name") == "author"]
    assert "Rejected by Ana M\u00fcller" in text_of(pages.get(f"{PROPOSALS}?state=rejected"))
    assert f"{PROPOSALS}/{second}" in addresses(shown)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"decision": "accept", "author": "export agent"}, 409, "another person does"),
        ({"decision": "accept"}, 422, "Say who decides"),
        ({"decision": "perhaps", "author": "ana"}, 422, "Decision"),
        ({"author": "ana"}, 422, "Decision"),
    ],
)
def test_not_everything_decides(
    pages: httpx.Client, told: httpx.Client, fields: dict[str, str], status: int, words: str
) -> None:
    """Who proposed it, nobody, and what is no decision; it waits on."""
    id = proposed(told)
    answer = decide(pages, id, **fields)

    assert status == answer.status_code
    assert words in text_of(answer)
    assert [id] == [each["id"] for each in told.get("/resolutions").json()["resolutions"]]


def test_another_sites_page_decides_nothing(pages: httpx.Client, told: httpx.Client) -> None:
    """As everywhere under the fences."""
    id = proposed(told)
    fields = {"once": "1", "decision": "accept", "author": "ana"}
    answer = pages.post(f"{PROPOSALS}/{id}", data=fields, headers={"Sec-Fetch-Site": "cross-site"})

    assert 403 == answer.status_code
    assert "Nothing waits" not in text_of(pages.get(PROPOSALS))


def test_sent_twice_it_is_decided_once(pages: httpx.Client, told: httpx.Client) -> None:
    """The same form; and another decision comes too late."""
    id = proposed(told)
    form = {"once": "twice", "decision": "accept", "author": "ana"}
    statuses = [pages.post(f"{PROPOSALS}/{id}", data=form).status_code for _ in range(2)]
    late = decide(pages, id, decision="reject", author="ben")

    assert [303, 303] == statuses
    assert (409, True) == (late.status_code, "It was accepted already." in text_of(late))


def test_how_many_wait_stands_in_the_navigation(pages: httpx.Client, told: httpx.Client) -> None:
    """On every page, and in place beside the decision; nothing where nothing waits."""
    none = text_of(pages.get("/ui/"))
    first, second, third = (proposed(told, summary=f"way {number}") for number in range(3))
    decide(pages, first, decision="reject", author="ana")
    shown = [text_of(pages.get(address)) for address in ("/ui/", "/ui/search", PROPOSALS)]
    form = {"once": uuid4().hex, "decision": "reject", "author": "ana"}
    answer = pages.post(f"{PROPOSALS}/{second}", data=form, headers={"HX-Request": "true"})
    decide(pages, third, decision="reject", author="ana")

    assert [True] * 3 == ["Proposals 2 waiting" in each for each in shown]
    assert [("waiting", "true")] == [
        (each["id"], each["hx-swap-oob"]) for each in elements(answer, "span") if "hx-swap-oob" in each
    ]
    assert "1 waiting" in text_of(answer)
    assert [False, False] == ["waiting" in each for each in (none, text_of(pages.get("/ui/")))]


def test_a_precedent_tells_what_waits(pages: httpx.Client, told: httpx.Client) -> None:
    """Some of it, by whom, and the way to accept or reject it; nothing on others' pages, nor once it is decided."""
    other = recorded(told, text="KeyError: 'plum' is no column")["precedent_id"]
    ids = [proposed(told, summary=f"way {number} <b>") for number in range(4)]
    precedent = told.get("/resolutions").json()["resolutions"][0]["precedent_id"]
    shown, apart = (pages.get(f"/ui/precedents/{each}") for each in (precedent, other))
    for id in ids:
        decide(pages, id, decision="reject", author="ana")
    after = pages.get(f"/ui/precedents/{precedent}")

    assert f"{PROPOSALS}?precedent={precedent}" in addresses(shown)
    assert [False, True, True, True] == [f"way {number} <b> export agent" in text_of(shown) for number in range(4)]
    assert [False, False] == [f"{PROPOSALS}?precedent=" in each.text for each in (apart, after)]


def test_pages_go_on_by_keyset_and_by_precedent(pages: httpx.Client, told: httpx.Client) -> None:
    """Twenty a page; of one precedent where it is named."""
    incident = recorded(told, text=SLOW_DOWN)
    other = recorded(told, text="KeyError: 'plum' is no column")
    for number in range(21):
        told.post("/resolutions", json={"incident_id": incident["id"], "summary": f"way {number}", "author": "agent"})
    told.post("/resolutions", json={"incident_id": other["id"], "summary": "the last", "author": "agent"})
    first = pages.get(PROPOSALS)
    [following] = [each["href"] for each in elements(first, "a") if each.get("rel") == "next"]
    second = pages.get(str(following))
    of_one = pages.get(PROPOSALS, params={"precedent": other["precedent_id"]})

    assert 20 == len([each for each in elements(first, "form") if str(each.get("action")).startswith(f"{PROPOSALS}/")])
    assert "way 0" in text_of(second) and "way 1" in text_of(second) and "the last" in text_of(first)
    assert "the last" in text_of(of_one) and "way" not in text_of(of_one)
    assert 422 == pages.get(PROPOSALS, params={"cursor": "x"}).status_code
