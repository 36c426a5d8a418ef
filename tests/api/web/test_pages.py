"""What all pages have in common: the way there, headers, errors in plain words, and no writes from elsewhere."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request

from api.web.address import page_of
from api.web.app import make_pages
from api.web.fences import HEADERS, is_foreign
from tests.api.http.asking import SLOW_DOWN, listed, recorded
from tests.api.web.reading import addresses, elements, text_of

#: The id of nothing; the same in every process, for it stands in names of tests.
NOBODY = "8f14e45f-ceea-467f-a0e6-2d3c4b5a6978"


@pytest.mark.parametrize("address", ["/", "/ui"])
def test_the_way_there(pages: httpx.Client, address: str) -> None:
    """The address without more leads to Ask."""
    response = pages.get(address)

    assert (303, "/ui/") == (response.status_code, response.headers["location"])


def test_navigation_leads_only_to_what_is_there(pages: httpx.Client) -> None:
    """And says where one is."""
    home = pages.get("/ui/")
    links = [each for each in elements(home, "a") if each.get("data-letter")]

    assert ["/ui/"] == [each["href"] for each in links if each.get("aria-current") == "page"]
    assert [200] * len(links) == [pages.get(str(each["href"])).status_code for each in links]


@pytest.mark.parametrize("address", ["/ui/", "/ui/nothing", "/ui/static/nothing.css", "/ui/incidents/x", "/ui/a%00b"])
def test_every_answer_is_fenced(pages: httpx.Client, address: str) -> None:
    """Whatever it is: the policy allows nothing but what comes from here, and nothing written into the page."""
    headers = pages.get(address).headers
    policy = headers["content-security-policy"]

    assert HEADERS == {name: headers[name] for name in HEADERS}
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_no_page_names_an_outside_address(pages: httpx.Client, told: httpx.Client) -> None:
    """Nothing is loaded from or sent to anywhere else; nothing is written into the page that the policy would stop."""
    incident = recorded(told)
    for address in ("/ui/", "/ui/?example=slow-down", f"/ui/incidents/{incident['id']}", "/ui/nothing"):
        response = pages.get(address)

        assert [] == [each for each in addresses(response) if not each.startswith(("/", "#"))]
        assert [] == [each for each in elements(response, "script") if "src" not in each]
        assert [] == elements(response, "style")
        assert " style=" not in response.text


def test_pages_are_not_kept_and_assets_are(pages: httpx.Client) -> None:
    """An asset's address changes with its content."""
    home = pages.get("/ui/")
    (style,) = [str(each["href"]) for each in elements(home, "link") if each["rel"] == "stylesheet"]
    asset = pages.get(style)

    assert "no-store" == home.headers["cache-control"]
    assert "public, max-age=31536000, immutable" == asset.headers["cache-control"]
    assert "text/css; charset=utf-8" == asset.headers["content-type"]


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/ui/nothing", 404, "There is nothing at this address"),
        (f"/ui/incidents/{NOBODY}", 404, "There is no such thing"),
        ("/ui/incidents/17", 404, "There is nothing at this address"),
        ("/ui/%00", 422, "NUL"),
        ("/ui/%ff", 400, "not valid UTF-8"),
    ],
)
def test_errors_are_pages_in_plain_words(pages: httpx.Client, address: str, status: int, said: str) -> None:
    """They say what is wrong and what to do, and lead on."""
    response = pages.get(address)

    assert status == response.status_code
    assert said in text_of(response)
    assert "/ui/" in addresses(response)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "strange"])
def test_writes_from_other_sites_are_refused(pages: httpx.Client, told: httpx.Client, site: str) -> None:
    """By what the browser says of where they come from; nothing is recorded."""
    response = pages.post("/ui/ask", data={"text": SLOW_DOWN}, headers={"Sec-Fetch-Site": site})

    assert 403 == response.status_code
    assert "another site" in text_of(response)
    assert [] == listed(told)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "null"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://here:80"}, True),
        ({"origin": "http://here:80"}, False),
        ({"origin": "http://there"}, True),
        ({"origin": "http://here:81"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://["}, True),
        ({}, False),
    ],
)
def test_what_counts_as_foreign(headers: dict[str, str], foreign: bool) -> None:
    """Browsers that do not say the site name the origin; what names neither is none."""

    assert foreign is is_foreign(Headers({"host": "here:80", **headers}))


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("referer", "http://[", "/ui/"),
        ("hx-current-url", "//[", "/ui/"),
        ("hx-current-url", "http://there/ui/runs?status=failed", "/ui/runs?status=failed"),
    ],
)
def test_the_page_that_is_open(name: str, address: str, expected: str) -> None:
    """As far as the browser says it in a way that can be read."""
    request = Request({"type": "http", "headers": [(name.encode(), address.encode())]})

    assert expected == page_of(request)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"text=a%00b", 200),
        (b"text=a\0b", 200),
        (b"text=%00", 422),
        (b"text=a%ffb", 400),
        (b"text=a%ed%a0%80b", 400),
        (b"text=%", 200),
        (b"text=a&text=b", 200),
        (b"", 422),
        (b"&&&=&=x", 422),
        (b"text=a&attempt=x", 422),
        (b"text=a&unknown=x", 422),
        (b"&".join(b"a%d=b" % each for each in range(200)), 400),
    ],
)
def test_hostile_forms(pages: httpx.Client, body: bytes, status: int) -> None:
    """A page that says what is wrong, or an answer; never a 5xx."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    response = pages.post("/ui/ask", content=body, headers=kind, follow_redirects=True)

    assert status == response.status_code
    assert text_of(response)


def part(text: bytes, *, more: bytes = b"") -> bytes:
    """A form of one field, as browsers send it in parts."""
    return b'--x\r\nContent-Disposition: form-data; name="text"%s\r\n\r\n%s\r\n--x--\r\n' % (more, text)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", part(b"a\0b"), 200),
        ("multipart/form-data; boundary=x", part(b"a\xff"), 400),
        ("multipart/form-data; boundary=x", part(b"a", more=b'; filename="f"'), 400),
        ("multipart/form-data; boundary=x", b"--y\r\n", 400),
        ("multipart/form-data", b"--x\r\n", 400),
        ("application/json", b'{"text": "x"}', 415),
        ("text/plain", b"text=x", 415),
    ],
)
def test_hostile_bodies(pages: httpx.Client, kind: str, body: bytes, status: int) -> None:
    """Of whatever type they say that they are."""
    response = pages.post("/ui/ask", content=body, headers={"Content-Type": kind}, follow_redirects=True)

    assert status == response.status_code
    assert text_of(response)


def test_a_form_that_is_too_large(pages: httpx.Client) -> None:
    """The page says how to do it."""
    response = pages.post("/ui/ask", data={"text": "x" * 2_100_000})

    assert 413 == response.status_code
    assert "at most 2000000 bytes" in text_of(response)
    assert "Leave out the middle of the log" in text_of(response)


@pytest.mark.parametrize("name", ["fruit", "a" * 64])
def test_a_workspace_is_chosen(pages: httpx.Client, name: str) -> None:
    """It stays, and leads back to the page; scripts and other sites' writes cannot read or choose it."""
    response = pages.post("/ui/workspace", data={"workspace": name, "next": "/ui/?example=slow-down"})
    cookie = response.headers["set-cookie"]

    assert (303, "/ui/?example=slow-down") == (response.status_code, response.headers["location"])
    assert f"seenbefore_workspace={name}; HttpOnly;" in cookie
    assert "Path=/ui/; SameSite=lax" in cookie
    assert name in text_of(httpx.get(f"{pages.base_url}/ui/", cookies={"seenbefore_workspace": name}))


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "../x", "<b>"])
def test_what_is_no_workspace(pages: httpx.Client, name: str) -> None:
    """Is refused, and counts as none where a cookie holds it."""
    cookie = {"Cookie": f"seenbefore_workspace={name}"}

    assert 422 == pages.post("/ui/workspace", data={"workspace": name}).status_code
    assert "Workspace default" in text_of(httpx.get(f"{pages.base_url}/ui/", headers=cookie))


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/", "/ui//evil.example", "/docs", "/ui/\\x", "/ui/\t/x", ""]
)
def test_choosing_leads_nowhere_else(pages: httpx.Client, address: str) -> None:
    """`next` is a page of ours, whatever it says."""
    response = pages.post("/ui/workspace", data={"workspace": "fruit", "next": address})

    assert "/ui/" == response.headers["location"]


def test_nobody_signs_in_where_nobody_is_asked(pages: httpx.Client) -> None:
    """The page leads on."""
    response = pages.get("/ui/sign-in", params={"next": "/ui/?example=slow-down"})

    assert (303, "/ui/?example=slow-down") == (response.status_code, response.headers["location"])


def test_other_hosts_are_refused_in_plain_words(pages: httpx.Client) -> None:
    """A page of another site whose name is made to lead here sees nothing."""
    response = pages.get("/ui/", headers={"Host": "evil.example"})

    assert 421 == response.status_code
    assert "Use the address that the service printed" in text_of(response)


def test_a_head_is_answered_as_a_get(pages: httpx.Client) -> None:
    """Pages, files, and what is not there: the same status and length, without a body."""
    style = next(str(each["href"]) for each in elements(pages.get("/ui/"), "link") if each["rel"] == "stylesheet")
    for address in ("/ui/", "/ui/overview", style, "/ui/search.csv", "/ui/nothing", "/ui/runs?status=gone"):
        read, asked = pages.get(address), pages.head(address)

        assert (read.status_code, b"") == (asked.status_code, asked.content)
        assert read.headers["content-type"] == asked.headers["content-type"]
        assert asked.headers["content-security-policy"] == read.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("address", "shown", "back"),
    [
        (
            "/ui/?exmaple=slow-down",
            "exmaple=slow-down : this page knows no part of that name. It knows example.",
            "/ui/",
        ),
        (
            "/ui/runs?within=decade&pipeline=p",
            "within=decade : it should be 'hour', 'day', 'week', 'month' or 'year'.",
            "?pipeline=p",
        ),
        ("/ui/runs?cursor=x", "cursor=x : This is no cursor of this list.", "/ui/runs"),
        ("/ui/runs?pipeline=a&pipeline=b", "pipeline=a : it stands there more than once.", "/ui/runs"),
        (
            "/ui/overview?over=century",
            "over=century : it should be 'day', 'week',",
            "/ui/overview",
        ),
        ("/ui/search?verdict=maybe&q=x", "verdict=maybe : Verdict: it should be 'transient',", "/ui/search?q=x"),
        ("/ui/search?foo=1", "foo=1 : this page knows no part of that name. It knows q, verdict,", "/ui/search"),
        (f"/ui/precedents/{NOBODY}?said=verdict", "said=verdict : this page knows no part", f"/ui/precedents/{NOBODY}"),
        (f"/ui/incidents/{NOBODY}?said=verdict", "said=verdict : this page knows no part", f"/ui/incidents/{NOBODY}"),
    ],
)
def test_a_wrong_part_of_an_address(pages: httpx.Client, address: str, shown: str, back: str) -> None:
    """The page says which part it is and why, and leads to the same page without it: one rule for all."""
    response = pages.get(address)
    ways = [str(each["href"]) for each in elements(response, "a") if each.get("class") == "button main"]

    assert 422 == response.status_code
    assert shown in text_of(response)
    assert [True] == [each.endswith(back) and each.startswith("/ui/") for each in ways]


@pytest.mark.parametrize("address", ["/ui/", "/ui/search", "/ui/runs", f"/ui/incidents/{NOBODY}"])
def test_what_others_add_to_links_is_left_aside(pages: httpx.Client, address: str) -> None:
    """It is no part of the page, nor of its links. What reads alike is refused, and by the API all of it."""
    added = "utm_source=slack&UTM_Medium=im&fbclid=1&gclid=2&gclid=3"
    plain, page = pages.get(address), pages.get(f"{address}?{added}")
    refused = pages.get(f"{address}?utm=1&{added}")

    assert (plain.status_code, 422) == (page.status_code, refused.status_code)
    assert "utm_source" not in page.text + refused.text
    assert 422 == pages.get("/incidents", params={"utm_source": "slack"}).status_code


def test_the_way_in_keeps_what_narrows(pages: httpx.Client) -> None:
    """Where something was added to the link as well; the first page says itself what it does not know."""
    led = [pages.get(f"{address}?utm_source=slack", follow_redirects=True) for address in ("/", "/ui")]
    refused = pages.get("/?exmaple=x&gclid=1", follow_redirects=True)

    assert "“p&q”" in text_of(pages.get("/ui/runs?utm_source=slack&pipeline=p%26q&fbclid=x"))
    assert [200, 200] == [each.status_code for each in led]
    assert "exmaple=x : this page knows no part of that name" in text_of(refused)


def test_what_was_done_is_told_once_and_by_no_link(pages: httpx.Client, told: httpx.Client) -> None:
    """By a cookie of that one page, which is gone when it was shown."""
    place = f"/ui/incidents/{recorded(told)['id']}"
    answer = pages.post(f"{place}/resolution", data={"summary": "Eat it", "once": "x"})
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("seenbefore_told="))
    first, second = pages.get(answer.headers["location"]), pages.get(place)

    assert f"{place}#answer" == answer.headers["location"]
    assert f"HttpOnly; Max-Age=60; Path={place}; SameSite=strict" in cookie
    assert "Recorded." in text_of(first)
    assert "Recorded." not in text_of(second)


async def test_what_breaks_is_a_page_too(caplog: pytest.LogCaptureFixture) -> None:
    """In plain words and fenced; neither it nor the log quotes what the error says."""
    main = FastAPI(version="1")
    main.state.parts = main.state.gate = None
    broken, text = make_pages(main), "what a stranger wrote"

    @broken.get("/broken")
    async def _() -> None:
        raise RuntimeError(text)

    transport = httpx.ASGITransport(app=broken, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        response = await client.get("/broken")

    assert 500 == response.status_code
    assert "an error of its own" in text_of(response)
    assert HEADERS == {name: response.headers[name] for name in HEADERS}
    assert text not in response.text + caplog.text


def test_pages_count_by_their_route(pages: httpx.Client) -> None:
    """Told apart from the calls of the API that read alike."""
    pages.get(f"/ui/incidents/{uuid4()}")
    pages.get("/")

    assert 'route="/ui/incidents/{incident_id}",status="404"' in pages.get("/metrics").text
    assert 'route="/",status="303"' in pages.get("/metrics").text


def test_pages_are_not_in_the_document(pages: httpx.Client) -> None:
    """The document of the API is for programs."""

    assert [] == [path for path in pages.get("/openapi.json").json()["paths"] if path.startswith("/ui")]
