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
from tests.api.web.reading import fields_of_form, text_of

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


def test_writes_ask_for_a_key(anybody: httpx.Client) -> None:
    """Nothing is recorded; a part of a page leads the whole page there."""
    whole = anybody.post("/ui/ask", data={"text": "boom"})
    part = anybody.post("/ui/ask", data={"text": "boom"}, headers={"HX-Request": "true"})

    assert (303, 401) == (whole.status_code, part.status_code)
    assert "/ui/sign-in" == part.headers["hx-redirect"]


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
    """To the page that was looked for, and out again; who follows a link of another site stays signed in."""
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
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("API key")).to_be_visible()
    problems = [each for each in await watch.problems() if "outside address: http://localhost:" not in each]
    await context.close()

    assert [] == problems


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
