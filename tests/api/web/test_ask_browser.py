"""*Ask* in a real browser: its main ways, by mouse and by keyboard alone."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.api.http.asking import SLOW_DOWN, recorded
from tests.api.web.looking import BROWSER, SMALLEST, unfit_on

pytestmark = BROWSER
TORN = "LedgerError: the barn ledger is torn at page 17"


async def ask(page: Page, text: str) -> None:
    """Paste and ask."""
    await page.goto("/ui/")
    await page.get_by_label("Error", exact=True).fill(text)
    await page.get_by_role("button", name="Ask").click()
    await page.wait_for_url("**/ui/incidents/*")


async def test_an_error_is_answered(page: Page) -> None:
    """Verdict, confidence and decision at a glance, and the words that a neighbour shares."""
    await ask(page, SLOW_DOWN)

    advice = page.locator("#advice")
    await expect(advice).to_contain_text("transient")
    await expect(advice).to_contain_text("Retry in")
    await expect(advice.get_by_role("meter", name="Confidence")).to_be_visible()
    await expect(page.locator(".neighbours mark", has_text="SlowDown").first).to_be_visible()


async def test_a_newcomer_needs_one_click(page: Page) -> None:
    """From the bare address: an example, and its answer."""
    await page.goto("/")
    await page.get_by_role("link", name="Storage sheds load").click()

    await expect(page.locator("#advice")).to_contain_text("transient")
    await expect(page.get_by_label("Error", exact=True)).to_have_value(re.compile("SlowDown"))


async def test_a_neighbour_is_shown_beside_the_failure(page: Page) -> None:
    """In place, once asked for."""
    await ask(page, SLOW_DOWN.replace("PutObject", "GetObject"))
    await page.locator("summary", has_text="Side by side").first.click()

    await expect(page.locator(".sides").first).to_contain_text("GetObject")
    await expect(page.locator(".sides ins").first).to_be_visible()


async def test_what_fixed_it_is_said_in_place(page: Page, told: httpx.Client) -> None:
    """The page stays, and shows it."""
    incident = recorded(told, text=TORN)
    await page.goto(f"/ui/incidents/{incident['id']}")
    await page.get_by_text("This fixed it …").click()
    await page.get_by_label("What fixed it").fill("Glue it in the barn")
    await page.get_by_label("What to do next time").select_option("fix_then_rerun")
    await page.get_by_role("button", name="Record what fixed it").click()

    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("Recorded.")
    await expect(page.locator("#answer blockquote", has_text="Glue it in the barn").first).to_be_visible()
    assert "?" not in page.url


async def test_a_wrong_verdict_is_corrected_in_place(page: Page) -> None:
    """The advice is another at once."""
    await ask(page, SLOW_DOWN)
    await page.get_by_text("Wrong verdict …").click()
    await page.get_by_label("It is", exact=True).select_option("genuine")
    await page.get_by_label("Why", exact=True).fill("The bucket is gone for good")
    await page.get_by_role("button", name="Correct the verdict").click()

    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("Corrected.")
    await expect(page.locator("#advice")).to_contain_text("genuine")


async def test_how_a_retry_ended_is_one_click(page: Page) -> None:
    """In place as well."""
    await ask(page, SLOW_DOWN)
    await page.get_by_role("button", name="A retry passed").click()

    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("It counts")
    await expect(page.locator("#answer").get_by_role("status")).to_be_focused()


async def test_who_was_slower_is_told_in_the_form(page: Page, told: httpx.Client) -> None:
    """By whom and what; what was written stays, and can be sent all the same, with the keyboard alone."""
    incident = recorded(told, text=TORN)
    await page.goto(f"/ui/incidents/{incident['id']}")
    told.patch(
        f"/precedents/{incident['precedent_id']}",
        json={"verdict": "transient", "author": "Bea"},
        headers={"If-Match": told.get(f"/precedents/{incident['precedent_id']}").headers["etag"]},
    )
    await page.get_by_text("Wrong verdict …").click()
    await page.get_by_label("Why", exact=True).fill("I say so")
    await page.get_by_role("button", name="Correct the verdict").click()

    await expect(page.get_by_role("alert")).to_contain_text("Somebody was faster")
    await expect(page.get_by_role("alert")).to_contain_text("Bea corrected it")
    await expect(page.get_by_label("Why", exact=True)).to_have_value("I say so")
    await page.keyboard.press("Enter")
    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("Corrected.")
    await expect(page.locator("#answer .history")).to_contain_text("I say so")


async def test_the_keyboard_is_enough(page: Page) -> None:
    """From the address to the answer, to the neighbours, and back, without a mouse."""
    await page.goto("/ui/")
    await expect(page.get_by_label("Error", exact=True)).to_be_focused()
    await page.keyboard.type(SLOW_DOWN)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**/ui/incidents/*")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if "This fixed it" in await page.evaluate("document.activeElement.textContent"):
            break
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("What fixed it")).to_be_focused()
    await page.keyboard.type("Fewer writers")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("Recorded.")
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.wait_for_url("**/ui/")


async def test_keys(page: Page) -> None:
    """`?` opens the help and Escape closes it; `/` leads to the field, where keys are letters; Escape leaves it."""
    await page.goto("/ui/?example=slow-down")
    field = page.get_by_label("Error", exact=True)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    await page.keyboard.press("/")
    await expect(field).to_be_focused()
    await page.keyboard.type("g a ?")
    await expect(field).to_have_value("g a ?")
    await page.keyboard.press("Escape")
    await expect(field).not_to_be_focused()


async def test_keys_without_another_can_be_switched_off(page: Page) -> None:
    """For good, in the help, which a button opens as well; keys with another go on."""
    help, switch = page.get_by_role("dialog", name="Keyboard"), page.get_by_label("Keys without Ctrl")
    field = page.get_by_label("Error", exact=True)
    await page.goto("/ui/?example=slow-down")
    await page.keyboard.press("?")
    await switch.uncheck()
    await page.keyboard.press("Escape")
    await page.goto("/ui/?example=slow-down")
    for key in ("?", "/", "j", "g", "s"):
        await page.keyboard.press(key)
    await expect(help).to_be_hidden()
    await expect(field).not_to_be_focused()
    assert page.url.endswith("/ui/?example=slow-down")

    await page.get_by_role("button", name="Keyboard").click()
    await expect(switch).not_to_be_checked()
    await switch.check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await expect(field).to_be_focused()


async def test_asking_a_service_that_is_away(browser: Browser, service_url: str) -> None:
    """Is told; what was pasted stays, and asked again it is answered."""
    context, away = await browser.new_context(base_url=service_url), "**/ui/ask"
    page = await context.new_page()
    await page.goto("/ui/")
    await page.get_by_label("Error", exact=True).fill(TORN)
    await page.route(away, lambda route: route.abort())
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("#notice")).to_contain_text("The service cannot be reached.")
    await expect(page.get_by_label("Error", exact=True)).to_have_value(TORN)
    await page.unroute(away)
    await page.get_by_role("button", name="Ask").click()
    await page.wait_for_url("**/ui/incidents/*")
    await context.close()


async def test_only_looking_in_place(page: Page) -> None:
    """The answer is seen at once, on a small page too; the form keeps what was pasted; nothing asks for something."""
    await page.set_viewport_size(SMALLEST)
    await page.goto("/ui/")
    await page.get_by_role("button", name="Only look").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    await page.get_by_label("Error", exact=True).fill(SLOW_DOWN)
    await page.get_by_role("button", name="Only look").click()

    await expect(page.get_by_text("You only looked")).to_be_focused()
    await expect(page.locator("#advice .gist")).to_be_in_viewport()
    await expect(page).to_have_title(re.compile("^transient: botocore"))
    await expect(page.get_by_label("Error", exact=True)).to_have_value(SLOW_DOWN)


async def test_the_theme_is_remembered(page: Page) -> None:
    """By the system until it is chosen; then from page to page, whatever the system says."""
    await page.emulate_media(color_scheme="light")
    await page.goto("/ui/")
    light = await background(page)
    await page.emulate_media(color_scheme="dark")
    dark = await background(page)
    await page.get_by_role("button", name="Theme: system").click()
    assert [light, "light"] == [await background(page), await page.locator("html").get_attribute("data-theme")]
    await page.get_by_role("link", name="Storage sheds load").click()
    await page.wait_for_load_state()

    assert dark != light == await background(page)


async def background(page: Page) -> str:
    """The colour behind everything."""
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))


async def test_copying(page: Page, told: httpx.Client) -> None:
    """What was reported, and the address."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    incident = recorded(told, text=TORN)
    await page.goto(f"/ui/incidents/{incident['id']}")
    copied = []
    for name in ("Copy the text", "Copy the link"):
        await page.get_by_role("button", name=name).click()
        await expect(page.locator("#notice")).to_have_text("Copied.")
        copied.append(await page.evaluate("navigator.clipboard.readText()"))

    assert [TORN, page.url] == copied


async def test_pages_are_fit_for_everybody(page: Page) -> None:
    """Empty, with an example, and with an answer; in light and dark, at 360 px."""
    await ask(page, SLOW_DOWN + " " + "unbroken" * 60)
    answered = page.url
    addresses = ("/ui/", "/ui/?example=slow-down", answered, "/ui/nothing", "/ui/incidents")

    assert [] == [fault for address in addresses for fault in await unfit_on(page, address)]


async def test_open_forms_are_fit_for_everybody(page: Page, told: httpx.Client) -> None:
    """With all that can be opened open, the difference too."""
    incident = recorded(told, text=SLOW_DOWN)
    address = f"/ui/incidents/{incident['id']}"
    await page.goto(address)
    difference = await page.locator(".side-by-side a").first.get_attribute("href")
    faults = await unfit_on(page, str(difference))
    await page.goto(address)
    await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    await page.set_viewport_size(SMALLEST)

    assert [] == faults
    assert not await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_without_script_all_of_it_works(browser: Browser, service_url: str, scheme: str) -> None:
    """Asking, the difference, what fixed it and the verdict, by forms and links alone."""
    options = {"base_url": service_url, "java_script_enabled": False, "color_scheme": scheme}
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    page = await context.new_page()
    await ask(page, f"{TORN} in {scheme}")
    await page.get_by_text("This fixed it …").click()
    await page.get_by_label("What fixed it").fill("Glue it")
    await page.get_by_role("button", name="Record what fixed it").click()
    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("Recorded.")
    await page.get_by_text("Wrong verdict …").click()
    await page.get_by_label("Why", exact=True).fill("I say so")
    await page.get_by_role("button", name="Correct the verdict").click()
    await expect(page.locator("#answer").get_by_role("status")).to_contain_text("Corrected.")
    await context.close()
