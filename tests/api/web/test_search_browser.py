"""*Search* in a real browser: narrowing in place, going back, and the keyboard."""

from __future__ import annotations

import httpx
from playwright.async_api import Browser, Page, ViewportSize, expect

from api.web.fences import POLICY
from api.web.visitors import WORKSPACE_COOKIE
from tests.api.web.knowing import indexed, latest_incident, precedent, resolved
from tests.api.web.looking import BROWSER, SMALLEST, unfit_on

pytestmark = BROWSER
WIDE: ViewportSize = {"width": 1200, "height": 900}
#: An error of the service's own, as it comes in place.
PROBLEM = '<div id="found" class="note bad" role="alert">PostgreSQL cannot be reached.</div>'
PAGE = {"Content-Type": "text/html", "Content-Security-Policy": POLICY}


def fruit(told: httpx.Client) -> dict[str, str]:
    """Three precedents that facets tell apart; their ids."""
    made = {
        "apple": {"pipeline": "fruit", "verdict": "transient", "cause": "network"},
        "beet": {"pipeline": "roots", "verdict": "genuine", "cause": "code_defect"},
        "cherry": {"pipeline": "fruit"},
    }
    ids = {word: str(precedent(told, word, **fields)["id"]) for word, fields in made.items()}
    resolved(told, latest_incident(told, ids["beet"]), "Boil the beet")
    indexed(told)
    return ids


async def test_facets_narrow_in_place(page: Page, told: httpx.Client) -> None:
    """The address says so, going back widens again, and the focus stays where it was."""
    fruit(told)
    await page.goto("/ui/search")
    await page.evaluate("window.sameDocument = true")
    await page.get_by_role("link", name="fruit 2").click()
    await expect(page.locator(".results li")).to_have_count(2)
    await expect(page.locator(".choice[aria-current]")).to_be_focused()
    assert page.url.endswith("/ui/search?pipeline=fruit")
    await page.get_by_role("link", name="transient 1").click()
    await expect(page.locator(".results li")).to_have_count(1)
    assert page.url.endswith("/ui/search?pipeline=fruit&verdict=transient")
    assert await page.evaluate("window.sameDocument")

    await page.go_back()
    await expect(page.locator(".results li")).to_have_count(2)
    await page.go_back()
    await expect(page.locator(".results li")).to_have_count(3)


async def test_a_question_keeps_the_facets(page: Page, told: httpx.Client) -> None:
    """Asked in place, among what was chosen; the words are marked."""
    fruit(told)
    await page.goto("/ui/search?pipeline=fruit")
    await page.get_by_role("searchbox").fill("apple ledger")
    await page.get_by_role("button", name="Search").click()

    await expect(page.locator(".results li").first.locator("mark", has_text="apple")).to_be_visible()
    assert page.url.endswith("/ui/search?q=apple%20ledger&pipeline=fruit")


async def test_the_keyboard_is_enough(page: Page, told: httpx.Client) -> None:
    """From anywhere to the field, to a question, to a facet, to the precedent."""
    ids = fruit(told)
    await page.goto("/ui/")
    await page.locator("body").press("Escape")
    await page.keyboard.press("Escape")
    await page.keyboard.press("g")
    await page.keyboard.press("s")
    await page.wait_for_url("**/ui/search")
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("boil the beet")
    await page.keyboard.press("Enter")
    await expect(page.locator(".results li").first).to_contain_text("Boil the beet")
    await page.keyboard.press("Escape")
    links = page.locator(".results h3 a")
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0)):
        await page.keyboard.press(key)
        await expect(links.nth(place)).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/ui/precedents/{ids['beet']}")


async def test_a_service_that_is_away_is_told(
    browser: Browser, service_url: str, workspace: str, told: httpx.Client
) -> None:
    """In words, where it does not answer and where a proxy does in its place; what was there stays, and goes on."""
    fruit(told)
    context = await browser.new_context(base_url=service_url)
    await context.add_cookies([{"name": WORKSPACE_COOKIE, "value": workspace, "url": f"{service_url}/ui/"}])
    page = await context.new_page()
    await page.goto("/ui/search")
    choice, told_of, seen = page.get_by_role("link", name="fruit 2"), page.locator("#notice"), "**/ui/search?*"
    for away in (lambda route: route.abort(), lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>")):
        await page.route(seen, away)
        await choice.click()
        await expect(told_of).to_contain_text("The service cannot be reached.")
        await expect(page.locator(".results li")).to_have_count(3)
        await page.unroute(seen)
        await page.evaluate("document.getElementById('notice').textContent = ''")
    await page.route(seen, lambda route: route.fulfill(status=503, body=PROBLEM, headers=PAGE))
    await choice.click()
    await expect(page.locator("#found")).to_contain_text("PostgreSQL cannot be reached.")
    await context.close()


async def test_a_search_is_kept_and_deleted(page: Page, told: httpx.Client) -> None:
    """By its name, beside the form."""
    fruit(told)
    await page.goto("/ui/search?pipeline=fruit")
    await page.get_by_text("Save this search …").click()
    await page.get_by_label("Name").fill("All the fruit")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status").first).to_contain_text("Saved.")
    await page.goto("/ui/search")
    await page.get_by_role("link", name="All the fruit").click()
    await page.wait_for_url("**/ui/search?pipeline=fruit")
    await page.get_by_text("Delete …").click()
    await page.get_by_role("button", name="Delete the saved search All the fruit").click()

    await expect(page.get_by_role("link", name="All the fruit")).to_have_count(0)


async def test_without_script(browser: Browser, service_url: str, workspace: str, told: httpx.Client) -> None:
    """The same ways; facets fold away where there is no room beside the results."""
    fruit(told)
    context = await browser.new_context(base_url=service_url, java_script_enabled=False)
    await context.add_cookies([{"name": WORKSPACE_COOKIE, "value": workspace, "url": f"{service_url}/ui/"}])
    page = await context.new_page()
    await page.goto("/ui/search")
    await page.set_viewport_size(SMALLEST)
    await expect(page.get_by_role("link", name="fruit 2")).to_be_hidden()  # facets push no result down
    await page.get_by_text("Narrow the search", exact=True).first.click()
    await expect(page.get_by_role("link", name="fruit 2")).to_be_visible()
    await page.set_viewport_size(WIDE)
    await page.goto("/ui/search")
    await page.get_by_role("link", name="fruit 2").click()
    await page.get_by_role("searchbox").fill("apple ledger")
    await page.get_by_role("button", name="Search").click()
    address, first = page.url, await page.locator(".results li").first.text_content()
    await context.close()

    assert address.endswith("/ui/search?q=apple+ledger&pipeline=fruit")
    assert "apple" in (first or "")


async def test_files_are_downloaded(page: Page, told: httpx.Client) -> None:
    """And the page stays."""
    fruit(told)
    await page.goto("/ui/search?pipeline=fruit")
    for kind in ("CSV", "JSON"):
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name=kind).click()
        download = await downloading.value
        assert f"precedents.{kind.lower()}" == download.suggested_filename


async def test_everybody_can_use_it(page: Page, told: httpx.Client) -> None:
    """Empty, as a list, with a question, narrowed to nothing, with kept searches."""
    faults = await unfit_on(page, "/ui/search")
    fruit(told)
    for address in ("", "?q=apple+ledger", "?verdict=genuine&pipeline=fruit", "?pipeline=fruit"):
        faults += await unfit_on(page, f"/ui/search{address}")
    await page.get_by_text("Save this search …").click()
    await page.get_by_label("Name").fill("A" * 100)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    faults += await unfit_on(page, "/ui/search?pipeline=fruit")

    assert [] == faults
