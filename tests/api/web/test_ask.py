"""*Ask*, and the page of an incident, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.web.examples import EXAMPLES
from api.web.pages.ask import AskForm
from tests.api.http.asking import SLOW_DOWN, listed, recorded
from tests.api.web.reading import elements, fields_of_form, text_of
from tests.hostile import MUCH

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TORN = "LedgerError: the barn ledger is torn at page 17"


def asked(pages: httpx.Client, **fields: str) -> httpx.Response:
    """The page that an answer leads to."""
    response = pages.post("/ui/ask", data=fields)
    assert 303 == response.status_code, text_of(response)
    return pages.get(response.headers["location"])


def said_of(pages: httpx.Client, incident: str, what: str, **fields: str) -> httpx.Response:
    """What a form of the incident's page is answered with, sent by a browser without script."""
    action = f"/ui/incidents/{incident}/{what}"
    hidden = fields_of_form(pages.get(f"/ui/incidents/{incident}"), action)
    return pages.post(action, data=hidden | fields)


def test_it_begins_empty_and_teaches(pages: httpx.Client) -> None:
    """Says what to paste and what comes of it, and has examples to look at."""
    home = pages.get("/ui/")

    assert "Paste an error" in text_of(home)
    assert [f"/ui/?example={each.key}" for each in EXAMPLES] == [
        each["href"] for each in elements(home, "a") if "example=" in str(each["href"])
    ]


@pytest.mark.parametrize(
    ("key", "gist"),
    [
        ("slow-down", "transient: rate limit."),
        ("missing-column", "genuine: data quality."),
        ("out-of-memory", "genuine: resource limit."),
    ],
)
def test_examples_are_answered_and_not_recorded(pages: httpx.Client, told: httpx.Client, key: str, gist: str) -> None:
    """Each teaches something else."""
    example = pages.get("/ui/", params={"example": key})

    assert gist in text_of(example).partition("Confidence")[0].rpartition("nothing was recorded")[2]
    assert [] == listed(told)


def test_an_unknown_example_is_refused(pages: httpx.Client) -> None:
    """With the names of those that there are; an empty one is none."""
    refused = pages.get("/ui/", params={"example": "<b>"})

    assert 422 == refused.status_code
    assert "example=<b> : it is one of slow-down," in text_of(refused)
    assert text_of(pages.get("/ui/")) == text_of(pages.get("/ui/", params={"example": ""}))


def test_an_error_is_answered_under_an_address_of_its_own(pages: httpx.Client, told: httpx.Client) -> None:
    """The advice of the API, for people, with all that was said of the failure."""
    page = asked(pages, text=SLOW_DOWN, pipeline="fraud", step="export", run_id="r-1", attempt="2", max_attempts="4")
    (incident,) = listed(told)

    assert f"/ui/incidents/{incident['id']}" == page.url.path
    assert ("fraud", "export", "r-1", 2, 4) == tuple(
        incident[each] for each in ("pipeline", "step", "run_id", "attempt", "max_attempts")
    )
    for words in (
        "transient",
        "Retry in",
        "Confidence",
        "Why",
        "This looks like a rate limit",
        "Nearest precedents",
    ):
        assert words in text_of(page)


def test_pasting_twice_counts_once(pages: httpx.Client, told: httpx.Client) -> None:
    """It leads to the same page, also where the browser ends lines otherwise; another run's failure is another."""
    first = asked(pages, text=f"{TORN}\nin the barn")
    again = asked(pages, text=f"  {TORN}\r\nin the barn\r\n")
    other = asked(pages, text=f"{TORN}\nin the barn", run_id="r-2")

    assert first.url == again.url != other.url
    assert 2 == len(listed(told))


def test_pasting_next_week_is_another_occurrence() -> None:
    """Within the hour it is the same failure, told twice; later it has happened again."""
    form = AskForm(text=TORN, pipeline="fraud")
    now, before = form.external_ids(now=NOON)

    assert (now, before) == form.external_ids(now=NOON + timedelta(minutes=59))
    assert now == form.external_ids(now=NOON + timedelta(minutes=60))[1]
    assert not {now, before} & {*form.external_ids(now=NOON + timedelta(days=7))}
    assert not {now, before} & {*AskForm(text=TORN, pipeline="churn").external_ids(now=NOON)}
    assert (now, before) == AskForm(text=TORN, pipeline="fraud", only_look="yes").external_ids(now=NOON)


def test_what_was_asked_in_the_hour_before_is_the_same(pages: httpx.Client, told: httpx.Client) -> None:
    """A reload at the full hour counts nothing twice."""
    before = AskForm(text=TORN).external_ids(now=datetime.now(UTC))[1]
    incident = recorded(told, text=TORN, external_id=before)["id"]

    assert f"/ui/incidents/{incident}" == asked(pages, text=TORN).url.path


def test_who_only_looks_records_nothing(pages: httpx.Client, told: httpx.Client) -> None:
    """The answer comes first, gives the page its title, and says that it has no address; no empty field is opened."""
    page = pages.post("/ui/ask", data={"text": SLOW_DOWN, "pipeline": "", "only_look": "yes"})
    part = pages.post("/ui/ask", data={"text": SLOW_DOWN, "only_look": "yes"}, headers={"HX-Request": "true"})
    more = pages.post("/ui/ask", data={"text": SLOW_DOWN, "pipeline": "fraud", "only_look": "yes"})

    assert 200 == page.status_code
    assert page.text.index('id="advice"') < page.text.index("<textarea")
    for each in (page, part):
        assert "<title>transient: botocore" in each.text
    assert ["open" in elements(each, "details")[-1] for each in (page, more)] == [False, True]
    assert "You only looked: nothing was recorded" in text_of(page)
    assert "This looks like a rate limit" in text_of(page)
    assert [] == listed(told)


def test_a_person_who_asks_takes_no_part_in_a_storm(pages: httpx.Client, told: httpx.Client) -> None:
    """The page tells of the storm; the run that tries for all is one that a pipeline asks for."""
    for run in range(2):
        told.post("/advise", json={"text": TORN, "run_id": f"r-{run}"})
    third = text_of(asked(pages, text=TORN, run_id="r-2"))
    canary = told.post("/advise", json={"text": TORN, "run_id": "r-3"}).json()["storm"]
    fourth = text_of(asked(pages, text=TORN, run_id="r-4"))

    assert "A storm:" not in third
    assert "canary" == canary["role"]
    assert "A storm:" in fourth
    assert "This run tries for all" not in fourth


def test_the_address_that_forms_are_sent_to(pages: httpx.Client) -> None:
    """Leads whoever looks at it to the form."""
    led = pages.get("/ui/ask")

    assert (303, "/ui/") == (led.status_code, led.headers["location"])


def test_what_nobody_can_see_is_left_out(pages: httpx.Client, told: httpx.Client) -> None:
    """Logs hold NUL characters, which whoever pastes them cannot take out."""
    asked(pages, text=f"{TORN}\0", pipeline="fr\0aud")
    (incident,) = listed(told)

    assert (TORN, "fraud") == (incident["text"], incident["pipeline"])


@pytest.mark.parametrize("fields", [{}, {"text": " \n\t"}, {"pipeline": "fraud"}])
def test_nothing_pasted(pages: httpx.Client, fields: dict[str, str]) -> None:
    """The form again, with what is missing and what was written."""
    response = pages.post("/ui/ask", data=fields)

    assert 422 == response.status_code
    assert "Paste an error first" in text_of(response)
    assert fields.get("pipeline", "") == next(
        each["value"] for each in elements(response, "input") if each["name"] == "pipeline"
    )


def test_a_field_that_cannot_be_taken_is_named(pages: httpx.Client) -> None:
    """And what was pasted stays."""
    response = pages.post("/ui/ask", data={"text": TORN, "attempt": "many"})

    fields = [*elements(response, "input"), *elements(response, "textarea")]

    assert 422 == response.status_code
    assert "Attempt that failed: it should be a whole number." in text_of(response)
    assert TORN in text_of(response)
    assert ["attempt"] == [each["name"] for each in fields if "aria-invalid" in each]


def test_an_answer_is_called_by_what_failed(pages: httpx.Client) -> None:
    """Not by how the log begins."""
    log = f'2026-11-20 10:00:00 INFO begun\nTraceback (most recent call last):\n  File "a.py", line 1, in b\n{TORN}'
    response = pages.post("/ui/ask", data={"text": log, "only_look": "yes"})

    assert ": LedgerError: the barn ledger is torn" in response.text.partition("</title>")[0]
    assert '<h1 class="text">LedgerError: the barn ledger is torn' in response.text


def test_secrets_are_not_shown(pages: httpx.Client) -> None:
    """What was removed before it was kept is not on the page."""
    page = asked(pages, text=f"{TORN} password=hunter2hunter2")

    assert TORN in text_of(page)
    assert "hunter2hunter2" not in page.text


def test_a_failure_nobody_knows(pages: httpx.Client) -> None:
    """Says so, and what to do."""
    page = asked(pages, text="Zxqv wblorp ffnord")

    assert "unknown" in text_of(page)
    assert "Keep your own retry policy" in text_of(page)
    assert "This very failure is here for the first time." in text_of(page)


def test_an_incident_of_another_workspace_is_not_there(pages: httpx.Client, service_url: str) -> None:
    """Its address tells nothing."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": "elsewhere"}) as elsewhere:
        incident = recorded(elsewhere)

    assert 404 == pages.get(f"/ui/incidents/{incident['id']}").status_code


def test_what_fixed_it_is_recorded(pages: httpx.Client, told: httpx.Client) -> None:
    """With action, cause and who says so; the page shows it, and so does the next advice."""
    incident = recorded(told, text=TORN)["id"]
    response = said_of(
        pages, incident, "resolution", summary="Glue it", action="fix_then_rerun", cause="data_quality", author="Mo"
    )
    page = pages.get(response.headers["location"])
    (said,) = told.get(f"/precedents/{precedent_of(told, incident)}").json()["resolutions"]

    assert ("Glue it", "fix_then_rerun", "data_quality", "Mo") == tuple(
        said[each] for each in ("summary", "action", "cause", "author")
    )
    assert "Recorded. Whoever meets this next is told what fixed it." in text_of(page)
    assert "Glue it" in text_of(page)


def precedent_of(told: httpx.Client, incident: str) -> str:
    """The precedent of an incident."""
    return str(told.get(f"/incidents/{incident}").json()["precedent_id"])


def test_a_verdict_is_corrected(pages: httpx.Client, told: httpx.Client) -> None:
    """Durably, with who says so and why; the page answers otherwise at once, and tells what it said before."""
    page = asked(pages, text=SLOW_DOWN)
    incident = page.url.path.rpartition("/")[2]
    response = said_of(
        pages, incident, "verdict", verdict="genuine", cause="configuration", reason="The bucket is gone", author="Mo"
    )
    after = text_of(pages.get(response.headers["location"]))
    history = told.get(f"/precedents/{precedent_of(told, incident)}/history").json()["changes"]

    assert "Corrected." in after
    assert "People say it is" in after
    assert "genuine" in after.partition("Confidence")[0]
    assert "When it was asked, the advice was" in after
    assert ("Mo", "The bucket is gone") == (history[0]["author"], history[0]["reason"])


@pytest.mark.parametrize(("result", "counts"), [("succeeded", (1, 0)), ("failed", (0, 1))])
def test_how_a_retry_ended(pages: httpx.Client, told: httpx.Client, result: str, counts: tuple[int, int]) -> None:
    """Is the outcome of the next attempt."""
    incident = recorded(told, text=TORN, attempt=2)["id"]
    response = said_of(pages, incident, "outcome", result=result)
    retries = told.get(f"/precedents/{precedent_of(told, incident)}").json()["retries"]

    assert "It counts in what is advised next." in text_of(pages.get(response.headers["location"]))
    assert counts == (retries["succeeded"], retries["failed"])
    assert [3] == [each["attempt"] for each in retries["by_attempt"]]


def test_a_correction_of_what_has_changed_meanwhile(pages: httpx.Client, told: httpx.Client) -> None:
    """Is refused: its author has not seen what is there now."""
    incident = recorded(told, text=TORN)["id"]
    action = f"/ui/incidents/{incident}/verdict"
    hidden = fields_of_form(pages.get(f"/ui/incidents/{incident}"), action)
    assert 303 == said_of(pages, incident, "verdict", verdict="genuine", reason="first").status_code
    response = pages.post(action, data=hidden | {"verdict": "transient", "reason": "second"})

    assert 412 == response.status_code
    assert "Somebody corrected it after you had looked at it" in text_of(response)


def test_a_correction_of_what_was_merged_away_meanwhile(pages: httpx.Client, told: httpx.Client) -> None:
    """Its author is told so in the form, and sent again it goes to the precedent that the failure belongs to now."""
    incident, other = (recorded(told, text=text) for text in (TORN, f"{TORN} by a goat"))
    action = f"/ui/incidents/{incident['id']}/verdict"
    hidden = fields_of_form(pages.get(f"/ui/incidents/{incident['id']}"), action)
    fields = {"verdict": "genuine", "reason": "torn is torn"}
    into = f"/precedents/{other['precedent_id']}"
    version = {"If-Match": told.get(into).headers["ETag"]}
    assert (
        200 == told.post(f"{into}/merge", json={"precedents": [incident["precedent_id"]]}, headers=version).status_code
    )
    note = pages.post(action, data=hidden | fields, headers={"HX-Request": "true"})
    whole = pages.post(action, data=hidden | fields)
    now = {str(each["name"]): str(each["value"]) for each in elements(note, "input")}
    again = pages.post(action, data=hidden | fields | now)

    assert (409, "find .form-problem") == (note.status_code, note.headers["hx-retarget"])
    assert "This precedent was merged into another meanwhile." in text_of(note)
    assert (409, True) == (whole.status_code, "merged others into it after you had looked at it" in text_of(whole))
    assert (303, "genuine") == (again.status_code, told.get(into).json()["verdict"])


def test_asked_in_place_it_leads_to_the_answer(pages: httpx.Client) -> None:
    """By a header, for htmx would put that page into this one; what cannot be taken is told in the form."""
    asked = pages.post("/ui/ask", data={"text": TORN}, headers={"HX-Request": "true"})
    much = pages.post("/ui/ask", data={"text": "x" * 9_000_000}, headers={"HX-Request": "true"})

    assert (204, 200) == (asked.status_code, pages.get(asked.headers["hx-redirect"]).status_code)
    assert (413, "find .form-problem") == (much.status_code, much.headers["hx-retarget"])
    assert [] == elements(much, "html")


def test_a_form_sent_twice_is_done_once(pages: httpx.Client, told: httpx.Client) -> None:
    """By the key that came with it."""
    incident = recorded(told, text=TORN)["id"]
    action = f"/ui/incidents/{incident}/resolution"
    fields = fields_of_form(pages.get(f"/ui/incidents/{incident}"), action) | {"summary": "Glue it"}
    answers = [pages.post(action, data=fields).status_code for _ in range(2)]

    assert [303, 303] == answers
    assert 1 == len(told.get(f"/precedents/{precedent_of(told, incident)}").json()["resolutions"])


@pytest.mark.parametrize(
    ("what", "fields", "said"),
    [
        ("resolution", {}, "What fixed it: is needed"),
        ("resolution", {"summary": "x", "action": "dance"}, "Action:"),
        ("resolution", {"summary": "x", "cause": "bad luck"}, "Cause:"),
        ("outcome", {"result": "perhaps"}, "Result:"),
        ("verdict", {"verdict": "genuine"}, "Why: is needed"),
        ("verdict", {"reason": "x", "verdict": "perhaps"}, "Verdict:"),
        ("verdict", {"reason": "x", "verdict": "genuine", "version": "99999999999999999999"}, "Version:"),
    ],
)
def test_forms_that_cannot_be_taken(
    pages: httpx.Client, told: httpx.Client, what: str, fields: dict[str, str], said: str
) -> None:
    """The field is named; where htmx asks, the note lands in the form, and what was written stays."""
    incident = recorded(told, text=TORN)["id"]
    action = f"/ui/incidents/{incident}/{what}"
    hidden = fields_of_form(pages.get(f"/ui/incidents/{incident}"), action)
    whole = pages.post(action, data=hidden | fields)
    part = pages.post(action, data=hidden | fields, headers={"HX-Request": "true"})

    assert (422, 422) == (whole.status_code, part.status_code)
    assert said in text_of(whole)
    assert said in text_of(part)
    assert "<html" not in part.text
    assert "find .form-problem" == part.headers["hx-retarget"]


def test_in_place_the_answer_is_a_part(pages: httpx.Client, told: httpx.Client) -> None:
    """What htmx puts in place of the old one."""
    incident = recorded(told, text=TORN)["id"]
    action = f"/ui/incidents/{incident}/resolution"
    hidden = fields_of_form(pages.get(f"/ui/incidents/{incident}"), action)
    part = pages.post(action, data=hidden | {"summary": "Glue it"}, headers={"HX-Request": "true"})

    assert 200 == part.status_code
    assert "<html" not in part.text
    assert {"id": "answer"} == elements(part, "div")[0]
    assert "Glue it" in text_of(part)


def test_the_difference_to_a_neighbour(pages: httpx.Client, told: httpx.Client) -> None:
    """Whole under its address, a part in place; what the other has not is marked."""
    incident, other = (recorded(told, text=text)["id"] for text in (TORN, f"{TORN} by a goat"))
    address = f"/ui/incidents/{incident}/difference/{precedent_of(told, other)}"
    whole, part = pages.get(address), pages.get(address, headers={"HX-Request": "true"})

    assert "<html" not in part.text
    assert [1, 0] == [len(elements(part, "del")), len(elements(part, "ins")) - 1]  # one tells what is marked
    assert text_of(part) in text_of(whole)


def test_the_own_precedent_is_no_neighbour(pages: httpx.Client, told: httpx.Client) -> None:
    """It says how often it was seen, and is not its own evidence."""
    for run in ("r-1", "r-2", "r-3"):
        incident = recorded(told, text=TORN, run_id=run)["id"]
    page = pages.get(f"/ui/incidents/{incident}")

    assert "was seen 3 times" in text_of(page)
    assert f"/difference/{precedent_of(told, incident)}" not in page.text


@pytest.mark.parametrize("name", MUCH)
def test_texts_that_are_much(pages: httpx.Client, name: str) -> None:
    """Are answered; the page stays small."""
    page = asked(pages, text=MUCH[name])

    assert 200 == page.status_code
    assert len(page.content) < 600_000
