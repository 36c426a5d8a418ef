"""The pages over HTTP, and in a real browser.

Over HTTP: `pages` is a client of the test's own workspace (`pages.get("/ui/")`), `told` one of the API in the same
workspace, to arrange what pages show: `recorded(told, text=…)` (`tests.api.http.asking`) records a failure.

In a browser (`test_…_browser.py`), with what `tests.api.web.looking` has:

    pytestmark = BROWSER

    async def test_something(page: Page, told: httpx.Client) -> None:
        await page.goto("/ui/search?q=slow")

`page` is of the test's own workspace, and its addresses are those of the service. Whatever the test does, it fails
where the page opened a dialog, reported a breach of its policy or an error, asked an outside address, or ran a text of
the corpus (`tests.hostile`). `await unfit_on(page, address)` is all that is wrong with a page for some: what axe finds
in light and in dark (`faults`), and whether it scrolls sideways at 360 px (`is_too_wide`).

Chromium is Debian's, or that of `SEENBEFORE_TEST_CHROMIUM`; without it these tests are skipped, except where `CI=true`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from api.web.visitors import WORKSPACE_COOKIE
from tests.api.http.asking import LIMIT_S
from tests.api.web.looking import Watch

#: Browsers are slow where all cores are at work.
PATIENCE_MS = 30_000


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> str:
    """The name of a workspace that no other test uses."""
    return f"{request.node.originalname[:30]}-{uuid4().hex[:16]}"


@pytest.fixture
def pages(service_url: str, workspace: str) -> Iterator[httpx.Client]:
    """What a browser without script sees, in the test's own workspace."""
    cookies = {WORKSPACE_COOKIE: workspace}
    with httpx.Client(base_url=service_url, cookies=cookies, timeout=LIMIT_S) as client:
        yield client


@pytest.fixture
def told(service_url: str, workspace: str) -> Iterator[httpx.Client]:
    """The API in the test's own workspace."""
    with httpx.Client(base_url=service_url, headers={"X-Workspace": workspace}, timeout=LIMIT_S) as client:
        yield client


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is."""
    found = os.environ.get("SEENBEFORE_TEST_CHROMIUM") or shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: .ci/run installs it")
        pytest.skip("chromium is not there; SEENBEFORE_TEST_CHROMIUM names another place")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser a session."""
    async with async_playwright() as playwright:
        options = ["--headless", "--no-sandbox"]
        expect.set_options(timeout=PATIENCE_MS)
        launched = await playwright.chromium.launch(executable_path=chromium, args=options)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, service_url: str, workspace: str) -> AsyncIterator[Page]:
    """A page in the test's own workspace, watched to its end."""
    context = await browser.new_context(base_url=service_url, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    cookie = {"name": WORKSPACE_COOKIE, "value": workspace, "url": f"{service_url}/ui/"}
    await context.add_cookies([cookie])  # type: ignore[list-item]
    watch = await Watch.of(context, origin=service_url)
    opened = await context.new_page()
    yield opened
    problems = await watch.problems()
    await context.close()

    assert [] == problems
