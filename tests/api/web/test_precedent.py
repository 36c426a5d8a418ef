"""The page of a precedent over HTTP: what it shows, and what people change by its forms."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from api.web.rendering import percent
from tests.api.http.asking import SLOW_DOWN, recorded
from tests.api.web.correcting import NOBODY, looked_at, merged, taken
from tests.api.web.knowing import failure, indexed, latest_incident, precedent, resolved
from tests.api.web.reading import elements, fields_of_form, text_of


def votes_of(pages: httpx.Client, id: str) -> list[str]:
    """What votes were told, in the order in which resolutions are shown."""
    text = looked_at(pages, id).partition("What fixed it")[2].partition("Latest incidents")[0]
    return [
        part.partition(" Did not ")[0] + "/" + part.partition(" Did not ")[2].split()[0]
        for part in text.split("Helped me ")[1:]
    ]


def voted(pages: httpx.Client, id: str, number: int, helped: str) -> httpx.Response:
    """Press a button of the resolution that is shown in that place."""
    forms = [str(each.get("action")) for each in elements(pages.get(f"/ui/precedents/{id}"), "form")]
    action = [each for each in forms if each.endswith("/vote")][number]
    return pages.post(action, data={"helped": helped})


def test_it_shows_all_that_is_known(pages: httpx.Client, told: httpx.Client) -> None:
    """Verdict, cause, who says so, template with its masks, occurrences, places, incidents."""
    found = precedent(
        told,
        "apple",
        times=3,
        verdict="transient",
        cause="network",
        pipeline="fruit",
        step="press",
        run_id="r-7",
        attempt=2,
        environment={"torch": "2.13", "image": "press:1.8"},
    )
    text = looked_at(pages, found["id"])

    for words in (
        "transient Those who reported it say so: 3 called it transient, 0 genuine.",
        "Cause: network",
        "Occurrences 3",
        "at page <num>",
        "Pipelines fruit 3",
        "torch 2.13 3",
        "image press:1.8 3",
        "fruit press r-7 2",
        "Nobody has said yet",
        "No retry was reported yet",
        "Nobody has corrected it",
    ):
        assert words in text


def test_masks_are_visible(pages: httpx.Client, told: httpx.Client) -> None:
    """And what else has angle brackets stays text."""
    found = precedent(told, "apple <B>bold</B> <")
    html = pages.get(f"/ui/precedents/{found['id']}").text

    assert "<var>&lt;num&gt;</var>" in html
    assert "&lt;B&gt;bold" in html


def test_occurrences_over_time(pages: httpx.Client, told: httpx.Client) -> None:
    """A bar for each stretch in which it occurred, as wide as all of it asks for; the figures as a table."""
    for day, times in ((1, 2), (2, 1), (4, 3)):
        found = precedent(told, "apple", times=times, occurred_at=f"2026-03-0{day}T12:00:00Z")
    response = pages.get(f"/ui/precedents/{found['id']}")
    text = text_of(response)

    assert 3 == len([each for each in elements(response, "rect") if "bar" == each.get("class")])
    assert "Each bar is 6 hours; the highest is 3" in text
    assert "2026-03-01 12:00 2 2026-03-01 18:00 0" in text
    assert "2026-03-04 12:00 3" in text


def test_retries_by_wait(pages: httpx.Client, told: httpx.Client) -> None:
    """Passed and failed, by the wait before them."""
    found = precedent(told, "apple", times=5)
    incidents = told.get("/incidents", params={"precedent": found["id"]}).json()["incidents"]
    for each, (result, waited) in zip(
        incidents,
        [("failed", 5), ("failed", 6), ("succeeded", 100), ("succeeded", 120), ("succeeded", 9_000)],
        strict=True,
    ):
        told.post(f"/incidents/{each['id']}/outcome", json={"result": result, "attempt": 2, "waited_s": waited})
    text = looked_at(pages, found["id"])

    assert "3 passed, 2 failed." in text
    assert "less than 15 s 0 2" in text
    assert "1 min to 4 min 2 0" in text
    assert "1 h or more 1 0" in text


def test_a_documented_precedent(pages: httpx.Client, told: httpx.Client) -> None:
    """Its sources, and what helps; nobody can change it."""
    results = told.get("/search", params={"q": SLOW_DOWN}).json()["results"]
    starter = next(each for each in results if each["source"] == "starter")
    text = looked_at(pages, starter["precedent_id"])

    assert "Its documentation says so." in text
    assert starter["resolution"] in text
    assert "https://" in text
    assert "Correct it" not in text


@pytest.mark.parametrize("address", [NOBODY, "17", "%00", "x" * 300])
def test_what_is_not_there(pages: httpx.Client, address: str) -> None:
    """A page that says so."""

    assert pages.get(f"/ui/precedents/{address}").status_code in (404, 422)


def test_another_workspaces_precedent_is_not_there(pages: httpx.Client, service_url: str) -> None:
    """Nor can it be changed or voted on."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": f"w-{uuid4().hex[:12]}"}) as other:
        found = precedent(other, "apple")
        resolved(other, latest_incident(other, found["id"]), "Glue it")
        resolution = other.get(f"/precedents/{found['id']}").json()["resolutions"][0]["id"]
    form = {"version": "1", "once": uuid4().hex, "verdict": "genuine", "reason": "x"}

    assert 404 == pages.get(f"/ui/precedents/{found['id']}").status_code
    assert 404 == pages.post(f"/ui/precedents/{found['id']}/verdict", data=form).status_code
    vote = f"/ui/precedents/{found['id']}/resolutions/{resolution}/vote"
    assert 404 == pages.post(vote, data={"helped": "true"}).status_code


def test_the_verdict_is_corrected(pages: httpx.Client, told: httpx.Client) -> None:
    """With who, why, and how to take it back."""
    found = precedent(told, "apple", verdict="transient")
    answer = taken(
        pages, found["id"], "verdict", verdict="genuine", cause="code_defect", reason="It is ours", author="Ada"
    )
    text = looked_at(pages, found["id"])

    assert f"/ui/precedents/{found['id']}" == answer.headers["location"]
    assert "genuine Ada says so. Cause: code defect" in text
    assert "It is ours" in text
    assert "Ada corrected it just now" in text
    assert "verdict: as counted → genuine" in text
    assert "cause: as counted → code defect" in text


def test_what_was_taken_back_tells_only_what_changed(pages: httpx.Client, told: httpx.Client) -> None:
    """What fixed it was there before and after."""
    found = precedent(told, "apple")
    resolved(told, latest_incident(told, found["id"]), "Glue it")
    taken(pages, found["id"], "verdict", verdict="genuine", reason="It is ours")
    taken(pages, found["id"], "undo")
    history = looked_at(pages, found["id"]).partition("History")[2]

    assert "verdict: genuine → as counted" in history
    assert "resolution:" not in history


def test_a_persons_word_is_taken_away(pages: httpx.Client, told: httpx.Client) -> None:
    """What was counted counts again."""
    found = precedent(told, "apple", verdict="transient", cause="network")
    taken(pages, found["id"], "verdict", verdict="genuine", cause="code_defect", reason="x")
    taken(pages, found["id"], "verdict", verdict="counted", cause="counted", reason="y")
    now = told.get(f"/precedents/{found['id']}").json()

    assert ("transient", "network", False) == (now["verdict"], now["cause"], now["verdict_overridden"])


def test_what_fixes_it_is_said_of_the_whole(pages: httpx.Client, told: httpx.Client) -> None:
    """Whoever meets it next is told."""
    found = precedent(told, "apple")
    taken(pages, found["id"], "resolution", summary="Glue it", action="fix_then_rerun", author="Ada")
    now = told.get(f"/precedents/{found['id']}").json()

    assert [("Glue it", "fix_then_rerun", "Ada")] == [
        (each["summary"], each["action"], each["author"]) for each in now["resolutions"]
    ]
    assert "Glue it" in looked_at(pages, found["id"])


@pytest.mark.parametrize("what", ["verdict", "resolution", "split", "undo"])
def test_who_comes_late_changes_nothing(pages: httpx.Client, told: httpx.Client, what: str) -> None:
    """A form of an older version is refused in plain words."""
    found = merged(pages, told)
    fields = {
        "verdict": {"verdict": "genuine", "reason": "late"},
        "resolution": {"summary": "late"},
        "split": {"fingerprint": found["signatures"][0]["fingerprint"]},
        "undo": {},
    }[what]
    action = f"/ui/precedents/{found['id']}/{what}"
    hidden = fields_of_form(pages.get(f"/ui/precedents/{found['id']}"), action)
    taken(pages, found["id"], "verdict", verdict="transient", reason="first")
    before = told.get(f"/precedents/{found['id']}").json()
    answer = pages.post(action, data=hidden | fields)
    in_place = pages.post(action, data=hidden | fields, headers={"HX-Request": "true"})

    assert 412 == answer.status_code
    assert "Somebody was faster" in text_of(answer)
    assert (412, "find .form-problem") == (in_place.status_code, in_place.headers["hx-retarget"])
    assert before == told.get(f"/precedents/{found['id']}").json()


def test_what_nobody_has_confirmed(pages: httpx.Client, told: httpx.Client) -> None:
    """Is told with what was advised, and without retries that nobody made."""
    silent = precedent(told, "apple")["id"]
    advice = told.post("/advise", json={"text": SLOW_DOWN}).json()
    asked = told.get(f"/incidents/{advice['incident_id']}").json()["precedent_id"]
    sure = percent(advice["confidence"])

    assert "Nobody has said what it is." in looked_at(pages, silent)
    assert f"Nobody has confirmed what it is; it was told transient, {sure} %." in looked_at(pages, asked)


def test_changes_are_taken_back(pages: httpx.Client, told: httpx.Client) -> None:
    """And brought back by taking that back; the history keeps all of it."""
    found = merged(pages, told)

    taken(pages, found["id"], "undo")
    assert "Taken back." in looked_at(pages, found["id"])
    assert 2 == told.get(f"/precedents/{found['id']}").json()["occurrences"]
    assert "taken back" in looked_at(pages, found["id"]).partition("History")[2]
    taken(pages, found["id"], "undo")
    assert 5 == told.get(f"/precedents/{found['id']}").json()["occurrences"]


def test_a_form_sent_twice_is_done_once(pages: httpx.Client, told: httpx.Client) -> None:
    """A double click is one correction."""
    found = precedent(told, "apple")
    action = f"/ui/precedents/{found['id']}/verdict"
    hidden = fields_of_form(pages.get(f"/ui/precedents/{found['id']}"), action)
    answers = [pages.post(action, data=hidden | {"verdict": "genuine", "reason": "x"}) for _ in range(2)]

    assert [303, 303] == [each.status_code for each in answers]
    assert 1 == len(told.get(f"/precedents/{found['id']}/history").json()["changes"])


def test_the_history_goes_by_pages(pages: httpx.Client, told: httpx.Client) -> None:
    """Who set the verdict is told on each."""
    found = precedent(told, "apple")
    for number in range(12):
        taken(pages, found["id"], "verdict", verdict="genuine", reason=f"reason {number};", author="Ada")
    first = pages.get(f"/ui/precedents/{found['id']}")
    (following,) = [str(each["href"]) for each in elements(first, "a") if each.get("rel") == "next"]
    second = text_of(pages.get(following.partition("#")[0]))

    assert "reason 2;" in text_of(first)
    assert "reason 1;" not in text_of(first)
    assert "reason 1;" in second
    assert "genuine Ada says so." in second


def test_incidents_go_by_pages(pages: httpx.Client, told: httpx.Client) -> None:
    """Each once, the latest first."""
    for day in range(1, 13):
        found = precedent(told, "apple", occurred_at=f"2026-03-{day:02}T12:00:00Z")
    address: str | None = f"/ui/precedents/{found['id']}"
    times: list[str] = []
    while address:
        page = pages.get(address.partition("#")[0])
        times += [str(each["datetime"])[:10] for each in elements(page, "time")][2:]
        links = [str(each["href"]) for each in elements(page, "a") if each.get("rel") == "next"]
        address = links[0] if links else None

    assert [f"2026-03-{day:02}" for day in range(12, 0, -1)] == times


def test_votes_order_resolutions(pages: httpx.Client, told: httpx.Client, service_url: str, workspace: str) -> None:
    """One of each browser: what helped most comes first; a second vote replaces the first, and can be taken back."""
    found = precedent(told, "apple")
    incident = latest_incident(told, found["id"])
    for summary in ("Glue it", "Burn it"):
        resolved(told, incident, summary)

    assert ["0/0", "0/0"] == votes_of(pages, found["id"])
    voted(pages, found["id"], 1, "true")
    assert ["1/0", "0/0"] == votes_of(pages, found["id"])
    assert looked_at(pages, found["id"]).find("Glue it") < looked_at(pages, found["id"]).find("Burn it")
    voted(pages, found["id"], 0, "true")
    assert ["1/0", "0/0"] == votes_of(pages, found["id"])
    voted(pages, found["id"], 0, "false")
    assert ["0/0", "0/1"] == votes_of(pages, found["id"])
    with httpx.Client(base_url=service_url, cookies={"seenbefore_workspace": workspace}) as other:
        voted(other, found["id"], 1, "false")
    assert ["0/0", "0/2"] == votes_of(pages, found["id"])
    voted(pages, found["id"], 1, "")
    assert ["0/0", "0/1"] == votes_of(pages, found["id"])


def test_the_same_words_are_one_resolution(pages: httpx.Client, told: httpx.Client) -> None:
    """However often they were said; votes for any of them are votes for them."""
    found = precedent(told, "apple", times=2)
    incidents = told.get("/incidents", params={"precedent": found["id"]}).json()["incidents"]
    resolved(told, incidents[0]["id"], "Glue it")
    voted(pages, found["id"], 0, "true")
    resolved(told, incidents[1]["id"], "Glue it")
    text = looked_at(pages, found["id"])

    assert ["1/0"] == votes_of(pages, found["id"])
    assert "said 2 times" in text
    voted(pages, found["id"], 0, "")
    assert ["0/0"] == votes_of(pages, found["id"])


@pytest.mark.parametrize("cookie", ["", "x" * 65])
def test_a_voter_is_remembered(pages: httpx.Client, told: httpx.Client, cookie: str) -> None:
    """By a cookie that scripts cannot read, and which says nothing else; no other is taken for one."""
    found = precedent(told, "apple")
    resolved(told, latest_incident(told, found["id"]), "Glue it")
    pages.cookies.set("seenbefore_voter", cookie)
    answer = voted(pages, found["id"], 0, "true")

    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]


def test_in_place_comes_the_content_alone(pages: httpx.Client, told: httpx.Client) -> None:
    """With what was done said at its head; a refusal goes into the form."""
    found = precedent(told, "apple")
    action = f"/ui/precedents/{found['id']}/verdict"
    hidden = fields_of_form(pages.get(f"/ui/precedents/{found['id']}"), action)
    fields = hidden | {"verdict": "genuine", "reason": "x"}
    done = pages.post(action, data=fields, headers={"HX-Request": "true"})
    late = pages.post(action, data=fields | {"once": "another"}, headers={"HX-Request": "true"})

    assert [] == elements(done, "html")
    assert "Corrected." in text_of(done)
    assert (412, "find .form-problem") == (late.status_code, late.headers["hx-retarget"])


def test_it_is_found_and_leads_on(pages: httpx.Client, told: httpx.Client) -> None:
    """From Search and from an incident to it, and from it to its incidents and its pipeline's precedents."""
    found = precedent(told, "apple", pipeline="fruit")
    indexed(told)
    here = f"/ui/precedents/{found['id']}"
    incident = f"/ui/incidents/{latest_incident(told, found['id'])}"

    def links(address: str, **query: str) -> list[str]:
        return [str(each.get("href")) for each in elements(pages.get(address, params=query), "a")]

    assert here in links("/ui/search", q=failure("apple"))
    assert here in links(incident)
    assert {incident, "/ui/search?pipeline=fruit"} <= set(links(here))


def test_very_long_templates_are_cut(pages: httpx.Client, told: httpx.Client) -> None:
    """A page is no dump."""
    found = recorded(told, text="BarnError: " + "torn <b> " * 20_000)

    assert len(pages.get(f"/ui/precedents/{found['precedent_id']}").content) < 200_000
