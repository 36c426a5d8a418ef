"""The page of a precedent in a real browser: correcting in place, votes, merging, and the keyboard."""

from __future__ import annotations

import httpx
from playwright.async_api import Page, expect

from tests.api.web.knowing import Document, latest_incident, precedent, resolved
from tests.api.web.looking import BROWSER, unfit_on

pytestmark = BROWSER
#: Everything that can be opened.
OPEN = """addEventListener("DOMContentLoaded", () => {
  for (const each of document.querySelectorAll("main details")) each.open = true;
})"""


def lively(told: httpx.Client, word: str = "apple") -> Document:
    """A precedent with incidents on several days, retries, resolutions and places."""
    for day in range(1, 13):
        found = precedent(
            told,
            word,
            occurred_at=f"2026-03-{day:02}T12:00:00Z",
            pipeline=f"fruit-{day % 3}",
            step="press",
            run_id=f"r-{day}",
            environment={"torch": f"2.{day % 4}"},
        )
    incidents = told.get("/incidents", params={"precedent": found["id"]}).json()["incidents"]
    for number, each in enumerate(incidents[:6]):
        told.post(
            f"/incidents/{each['id']}/outcome",
            json={"result": "succeeded" if number % 2 else "failed", "attempt": 2, "waited_s": 20 * 4**number},
        )
    for summary in ("Glue it", "Burn it"):
        resolved(told, incidents[0]["id"], summary, author="Ada")
    return found


async def test_the_verdict_is_corrected_in_place(page: Page, told: httpx.Client) -> None:
    """Told at once, and the history has it; taken back in place as well."""
    found = lively(told)
    await page.goto(f"/ui/precedents/{found['id']}")
    await page.get_by_text("It is something else …").click()
    await page.get_by_label("It is", exact=True).select_option("genuine")
    await page.get_by_label("Why").fill("It is ours")
    await page.get_by_label("Your name").first.fill("Ada")
    await page.get_by_role("button", name="Correct the verdict").click()
    await expect(page.get_by_role("status").first).to_contain_text("Corrected.")
    await expect(page.get_by_role("status").first).to_be_focused()
    await expect(page.locator("#precedent")).to_contain_text("Ada says so.")
    await page.get_by_role("button", name="Take back: corrected it").click()

    await expect(page.get_by_role("status").first).to_contain_text("Taken back.")
    await expect(page.locator("#history")).to_contain_text("taken back")


async def test_somebody_was_faster(page: Page, told: httpx.Client) -> None:
    """It is said in the form, and what was written stays."""
    found = precedent(told, "apple")
    await page.goto(f"/ui/precedents/{found['id']}")
    told.patch(
        f"/precedents/{found['id']}", json={"verdict": "transient"}, headers={"If-Match": f'"{found["version"]}"'}
    )
    await page.get_by_text("It is something else …").click()
    await page.get_by_label("It is", exact=True).select_option("genuine")
    await page.get_by_label("Why").fill("I say so")
    await page.get_by_role("button", name="Correct the verdict").click()

    await expect(page.get_by_role("alert")).to_contain_text("Somebody was faster")
    await expect(page.get_by_label("Why")).to_have_value("I say so")


async def test_somebody_was_faster_than_a_merge_or_a_split(page: Page, told: httpx.Client) -> None:
    """It is said in the form as well; sent once more, it is done."""
    apple, beet = precedent(told, "apple"), precedent(told, "beet")

    async def late(button: str) -> None:
        version = told.get(f"/precedents/{apple['id']}").headers["etag"]
        told.patch(f"/precedents/{apple['id']}", json={"verdict": "transient"}, headers={"If-Match": version})
        await page.get_by_label("Why").last.fill("I say so")
        await page.get_by_role("button", name=button).click()
        await expect(page.get_by_role("alert")).to_contain_text("Somebody was faster")
        await expect(page.get_by_label("Why").last).to_have_value("I say so")
        await page.get_by_role("button", name=button).click()

    await page.goto(f"/ui/precedents/{apple['id']}/merge?other={beet['id']}")
    await late("Merge them")
    await expect(page.get_by_role("status").first).to_contain_text("Merged.")
    await page.get_by_text("Not all of it is the same …").click()
    await page.get_by_role("checkbox", name="beet").check()
    await late("Split it")
    await expect(page.get_by_role("status").first).to_contain_text("Split.")


async def test_votes(page: Page, told: httpx.Client) -> None:
    """Pressed in place; what helped comes first, also after the page is loaded anew."""
    found = lively(told)
    await page.goto(f"/ui/precedents/{found['id']}")
    glue = page.locator(".votes li", has_text="Glue it")
    await glue.get_by_role("button", name="Helped me").click()
    await expect(glue.get_by_role("button", name="Helped me 1")).to_have_attribute("aria-pressed", "true")
    await page.reload()

    await expect(page.locator(".votes li").first).to_contain_text("Glue it")
    await expect(glue.get_by_role("button", name="Helped me 1")).to_have_attribute("aria-pressed", "true")
    await glue.get_by_role("button", name="Take my vote back").click()
    await expect(glue.get_by_role("button", name="Helped me 0")).to_be_visible()


async def test_merge_and_split(page: Page, told: httpx.Client) -> None:
    """Both are shown, then joined; what was ticked is parted again."""
    apple, beet = precedent(told, "apple", times=2), precedent(told, "beet")
    await page.goto(f"/ui/precedents/{apple['id']}")
    await page.get_by_text("Same as another …").click()
    await page.get_by_label("Words of the other").fill(f"/ui/precedents/{beet['id']}")
    await page.get_by_role("button", name="Look for it").click()
    await expect(page.locator(".sides ins", has_text="apple")).to_be_visible()
    await page.get_by_role("button", name="Merge them").click()
    await expect(page.get_by_role("status").first).to_contain_text("Merged.")
    await page.get_by_text("Not all of it is the same …").click()
    await page.get_by_role("checkbox", name="beet").check()
    await page.get_by_role("button", name="Split it").click()

    await expect(page.get_by_role("status").first).to_contain_text("Split.")
    await expect(page.locator("h1")).to_contain_text("beet")


async def test_the_link_and_the_template_are_copied(page: Page, told: httpx.Client) -> None:
    """By buttons that are there where script runs."""
    found = precedent(told, "apple")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"/ui/precedents/{found['id']}")
    await page.get_by_role("button", name="Copy the link").click()
    await expect(page.locator("#notice")).to_contain_text("Copied.")
    assert (await page.evaluate("navigator.clipboard.readText()")).endswith(f"/ui/precedents/{found['id']}")
    await page.get_by_role("button", name="Copy the text").click()
    await page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('<num>')")


async def test_the_keyboard_is_enough(page: Page, told: httpx.Client) -> None:
    """To the form, and through it."""
    found = precedent(told, "apple")
    await page.goto(f"/ui/precedents/{found['id']}")
    await page.get_by_text("Say what fixes it …").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("What fixes it", exact=True)).to_be_focused()
    await page.keyboard.type("Glue it")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("status").first).to_contain_text("Recorded.")
    await expect(page.locator(".votes")).to_contain_text("Glue it")


async def test_everybody_can_use_it(page: Page, told: httpx.Client) -> None:
    """New, lively, merged, documented, and the look at two before a merge; with all that can be opened open."""
    new, full = precedent(told, "beet"), lively(told)
    starter = told.get("/search", params={"q": "storage sheds load"}).json()["results"][0]["precedent_id"]
    faults = [fault for id in (new["id"], starter) for fault in await unfit_on(page, f"/ui/precedents/{id}")]
    faults += await unfit_on(page, f"/ui/precedents/{full['id']}/merge?other={new['id']}")
    faults += await unfit_on(page, f"/ui/precedents/{full['id']}/merge")
    await page.goto(f"/ui/precedents/{full['id']}/merge?other={new['id']}")
    await page.get_by_role("button", name="Merge them").click()
    await expect(page.get_by_text("Merged.")).to_be_visible()
    await page.add_init_script(OPEN)
    faults += await unfit_on(page, f"/ui/precedents/{full['id']}")

    assert [] == faults
    assert latest_incident(told, full["id"])
