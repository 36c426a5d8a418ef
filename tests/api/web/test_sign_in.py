"""Pages of a service that has API keys."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.api.durability.process import ServiceProcess, started
from tests.api.web.knowing import latest_incident, precedent, resolved
from tests.api.web.looking import BROWSER, Watch, faults, unfit_on
from tests.api.web.reading import addresses, elements, fields_of_form, text_of

COOKIE = "seenbefore_key"


@pytest.fixture(scope="module")
def data(new_data: Callable[[], Path]) -> Path:
    """The data folder of the service."""
    return new_data()


@pytest.fixture(scope="module")
def secret(data: Path) -> str:
    """An API key of the workspace `pears`."""
    return str(json.loads(keys(data, "create", "--workspace", "pears", "--name", "Mo's browser", "--json"))["secret"])


def keys(data: Path, *words: str) -> bytes:
    """What `seenbefore keys` prints."""
    command = [sys.executable, "-m", "api", "keys", *words, "--data", str(data)]
    return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def guarded(data: Path, secret: str) -> Iterator[ServiceProcess]:
    """A service that found a key when it started."""
    with started(data) as service:
        yield service


@pytest.fixture
def anybody(guarded: ServiceProcess) -> Iterator[httpx.Client]:
    """A browser that is not signed in."""
    with httpx.Client(base_url=guarded.url, timeout=30.0) as client:
        yield client


@pytest.fixture
def somebody(anybody: httpx.Client, secret: str) -> httpx.Client:
    """A browser that is."""
    assert 303 == sign_in(anybody, secret).status_code
    return anybody


def sign_in(client: httpx.Client, secret: str, **fields: str) -> httpx.Response:
    """Send the form."""
    return client.post("/ui/sign-in", data={"key": secret, **fields})


def test_corrections_and_votes_are_the_keys(guarded: ServiceProcess, somebody: httpx.Client, secret: str) -> None:
    """Nobody is asked for a name, and a second browser of the same key has no second vote."""
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=guarded.url, headers=headers, timeout=30.0) as told:
        found = precedent(told, "apple")
        resolved(told, latest_incident(told, found["id"]), "Glue it")
        resolution = told.get(f"/precedents/{found['id']}").json()["resolutions"][0]["id"]
    here = f"/ui/precedents/{found['id']}"
    hidden = fields_of_form(somebody.get(here), f"{here}/verdict")
    somebody.post(f"{here}/verdict", data=hidden | {"verdict": "genuine", "reason": "x"})
    with httpx.Client(base_url=guarded.url, timeout=30.0) as another:
        sign_in(another, secret)
        for client in (somebody, another):
            client.post(f"{here}/resolutions/{resolution}/vote", data={"helped": "true"})
    page = text_of(somebody.get(here))

    assert "genuine API key Mo's browser says so." in page
    assert "Helped me 1 Did not 0" in page
    assert "Your name" not in page


@pytest.mark.parametrize(
    "address", ["/ui/", "/ui/?example=slow-down", "/ui/incidents/01a20840-09fd-7fad-8eeb-34432be3478e"]
)
def test_pages_ask_for_a_key(anybody: httpx.Client, address: str) -> None:
    """And lead back to what was looked for."""
    response = anybody.get(address)
    page = anybody.get(response.headers["location"])

    assert 303 == response.status_code
    assert address == httpx.URL(response.headers["location"]).params["next"]
    assert "Sign in" in text_of(page)


TEXT = 'PearError: "soft" <b>\n\n  at line 1 & ü\n'


def hidden(page: httpx.Response) -> dict[str, str]:
    """All hidden fields of a page."""
    return {str(each["name"]): str(each["value"]) for each in elements(page, "input") if each.get("type") == "hidden"}


def test_what_was_written_is_kept(anybody: httpx.Client, secret: str) -> None:
    """A form that is sent signed out comes back after signing in, also after a wrong key, and goes where it should."""
    here = {"Referer": f"{anybody.base_url}/ui/?example=slow-down"}
    asking = anybody.post("/ui/ask", data={"text": TEXT, "pipeline": "p"}, headers=here)
    wrong = anybody.post("/ui/sign-in", data=hidden(asking) | {"key": "sb_wrong"})
    signed_in = anybody.post("/ui/sign-in", data=hidden(wrong) | {"key": secret})
    sent = anybody.post("/ui/ask", data=hidden(signed_in))

    assert [401, 401, 200, 303] == [each.status_code for each in (asking, wrong, signed_in, sent)]
    assert "What you wrote is kept" in text_of(asking)
    assert {"text": TEXT, "pipeline": "p"} == hidden(signed_in)
    assert "/ui/ask" in addresses(signed_in)
    assert "/ui/?example=slow-down" in addresses(signed_in)
    assert "goes to workspace pears" in text_of(signed_in)
    assert "PearError" in text_of(anybody.get(sent.headers["location"]))


def test_a_form_in_place_stays_open(anybody: httpx.Client) -> None:
    """It says so in the form itself, and leads to the sign-in page beside it, and from there to the page."""
    page = "/ui/incidents/01a20840-09fd-7fad-8eeb-34432be3478e"
    headers = {"HX-Request": "true", "HX-Current-URL": f"{anybody.base_url}{page}"}
    note = anybody.post(f"{page}/resolution", data={"summary": "x", "once": "x"}, headers=headers)
    (link,) = elements(note, "a")

    assert (401, "find .form-problem") == (note.status_code, note.headers["hx-retarget"])
    assert ("_blank", page) == (link["target"], httpx.URL(str(link["href"])).params["next"])


def test_what_is_read_in_place_leads_to_the_sign_in_page(anybody: httpx.Client) -> None:
    """And back to the page that was open."""
    headers = {"HX-Request": "true", "HX-Current-URL": f"{anybody.base_url}/ui/search?q=x"}
    response = anybody.get("/ui/search?q=x&verdict=genuine", headers=headers)

    assert 401 == response.status_code
    assert "/ui/search?q=x" == httpx.URL(response.headers["hx-redirect"]).params["next"]


@pytest.mark.parametrize("carried", ["", "x", "{}", '[["a"]]', "[[1, 2]]"])
def test_what_was_kept_and_changed_on_the_way(anybody: httpx.Client, secret: str, carried: str) -> None:
    """Is refused in words, or is nothing; never a 5xx."""
    response = sign_in(anybody, secret, again="/ui/ask", kept=carried)

    assert (422 if carried else 303) == response.status_code


def test_a_kept_form_goes_nowhere_else(anybody: httpx.Client, secret: str) -> None:
    """It is sent to pages of ours alone."""
    response = sign_in(anybody, secret, again="https://evil.example/", kept='[["text", "x"]]')

    assert "evil" not in response.text


def test_what_is_too_long_to_keep(anybody: httpx.Client) -> None:
    """The page says what to do instead."""
    response = anybody.post("/ui/ask", data={"text": "x" * 1_500_000})

    assert "too long to be kept here" in text_of(response)
    assert len(response.content) < 100_000


def test_signed_out_there_is_no_navigation(anybody: httpx.Client) -> None:
    """It would lead to nothing but this page."""

    assert [] == elements(anybody.get("/ui/sign-in"), "nav")


def test_signing_in(anybody: httpx.Client, secret: str) -> None:
    """The cookie goes to our pages only, in requests of our pages only, and no script reads it."""
    response = sign_in(anybody, secret, next="/ui/?example=slow-down")
    attributes = response.headers["set-cookie"].split("; ")[1:]

    assert (303, "/ui/?example=slow-down") == (response.status_code, response.headers["location"])
    assert ["HttpOnly", "Path=/ui/", "SameSite=strict"] == attributes
    assert "Workspace pears Sign out" in text_of(anybody.get("/ui/"))


def test_behind_tls_the_cookie_goes_no_other_way(anybody: httpx.Client, secret: str) -> None:
    """As the proxy says."""
    headers = {"X-Forwarded-Proto": "https"}
    response = anybody.post("/ui/sign-in", data={"key": secret}, headers=headers)

    assert response.headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("wrong", ["sb_wrong", "x" * 500, "ключ", "a b", "Bearer x"])
def test_a_wrong_key(anybody: httpx.Client, wrong: str) -> None:
    """Is not taken, and said so."""
    response = sign_in(anybody, wrong)

    assert 401 == response.status_code
    assert "This API key is not known or was revoked." in text_of(response)
    assert "set-cookie" not in response.headers
    assert wrong not in response.text


def test_a_wrong_cookie(anybody: httpx.Client) -> None:
    """Is none."""
    response = anybody.get("/ui/", headers={"Cookie": f"{COOKIE}=sb_wrong"})

    assert 303 == response.status_code


def test_signing_in_from_another_site(anybody: httpx.Client, secret: str) -> None:
    """Nobody is signed in unasked."""
    response = anybody.post("/ui/sign-in", data={"key": secret}, headers={"Sec-Fetch-Site": "cross-site"})

    assert 403 == response.status_code
    assert "set-cookie" not in response.headers


def test_a_link_from_elsewhere_keeps_who_is_signed_in(anybody: httpx.Client) -> None:
    """Its request comes without the cookie: a page that reloads itself brings it."""
    response = anybody.get("/ui/", headers={"Sec-Fetch-Site": "cross-site"})

    assert 200 == response.status_code
    assert '<meta http-equiv="refresh" content="0">' in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_key_says_which_workspace(somebody: httpx.Client) -> None:
    """No other can be chosen, by form, header or cookie."""
    chosen = somebody.post("/ui/workspace", data={"workspace": "plums"})
    somebody.cookies.set("seenbefore_workspace", "plums")

    assert 403 == chosen.status_code
    assert "Workspace pears" in text_of(somebody.get("/ui/", headers={"X-Workspace": "plums"}))


def test_what_is_said_is_signed_by_the_key(somebody: httpx.Client, secret: str) -> None:
    """Who corrects need not write a name."""
    place = somebody.post("/ui/ask", data={"text": "PearError: the pear is soft"}).headers["location"]
    fields = {"summary": "Eat it", "once": "once"}

    assert "Your name" not in text_of(somebody.get(place))
    assert 303 == somebody.post(f"{place}/resolution", data=fields).status_code
    assert "API key Mo's browser" in text_of(somebody.get(place))


def test_signing_out(somebody: httpx.Client) -> None:
    """The cookie goes."""
    response = somebody.post("/ui/sign-out")

    assert "Max-Age=0" in response.headers["set-cookie"]
    assert 303 == somebody.get("/ui/").status_code


@BROWSER
async def test_signing_in_with_a_browser(browser: Browser, guarded: ServiceProcess, secret: str) -> None:
    """To the page that was looked for, and out again; who follows a link of another site stays signed in, and whoever
    was signed out meanwhile sends what they wrote after all."""
    context = await browser.new_context()
    watch = await Watch.of(context, origin=guarded.url)
    page = await context.new_page()
    await page.goto(f"{guarded.url}/ui/?example=slow-down")
    await page.get_by_label("API key").fill(secret)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#advice")).to_contain_text("transient")
    elsewhere = await context.new_page()
    await elsewhere.goto(guarded.url.replace("127.0.0.1", "localhost") + "/ui/sign-in")
    await elsewhere.evaluate(f"location.href = '{guarded.url}/ui/'")
    await expect(elsewhere.get_by_role("button", name="Sign out")).to_be_visible()
    await elsewhere.close()
    another = await context.new_page()
    await another.goto(f"{guarded.url}/ui/")
    await another.get_by_label("Error", exact=True).fill("PearError: the pear of the browser")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("API key")).to_be_visible()
    await another.get_by_role("button", name="Ask", exact=True).click()
    await expect(another.get_by_role("alert")).to_contain_text("What you wrote is still here.")
    await another.locator("main form").evaluate("(form) => form.submit()")  # as without script
    await another.get_by_label("API key").fill(secret)
    await another.get_by_role("button", name="Sign in").click()
    unfit = await faults(another)
    await another.get_by_role("button", name="Send it").click()
    await expect(another.locator("#report")).to_contain_text("the pear of the browser")
    problems = [each for each in await watch.problems() if "outside address: http://localhost:" not in each]
    await context.close()

    assert [] == [*problems, *unfit]


@BROWSER
async def test_the_sign_in_page_is_fit_for_everybody(browser: Browser, guarded: ServiceProcess) -> None:
    """In light and dark, at 360 px, also with what is wrong."""
    page = await browser.new_page()
    empty = await unfit_on(page, f"{guarded.url}/ui/sign-in")
    await page.get_by_label("API key").fill("sb_wrong")
    await page.get_by_label("API key").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("not known")
    refused = await faults(page)
    await page.close()

    assert [] == [*empty, *refused]


def test_the_cookie_opens_the_pages_only(somebody: httpx.Client, secret: str) -> None:
    """The API asks for the key itself."""

    assert 401 == somebody.get("/incidents", headers={"Cookie": f"{COOKIE}={secret}"}).status_code
