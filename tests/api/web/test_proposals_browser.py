"""The page of proposals in a real browser: decided by keyboard, in place; fit for everybody; texts that do nothing."""

from __future__ import annotations

import httpx
from playwright.async_api import Page, expect

from api.web.pages.proposals import SHOWN
from tests.api.web.knowing import imported
from tests.api.web.looking import BROWSER, unfit_on
from tests.api.web.test_proposals import PROPOSALS, proposed
from tests.hostile import MUCH, TEXTS

pytestmark = BROWSER


async def test_decided_by_keyboard_in_place(page: Page, told: httpx.Client) -> None:
    """There by letters; what was decided is told where it stood, and has the focus."""
    proposed(told)
    proposed(told, summary="Ask for a higher limit")
    await page.goto("/ui/")
    await page.locator("main").focus()
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await page.wait_for_url(f"**{PROPOSALS}")
    await page.get_by_label("Your name").first.fill("Grace Hopper")
    await page.get_by_role("button", name="Accept").first.focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_text("It is a resolution now")).to_be_focused()
    await expect(page.get_by_role("button", name="Accept")).to_have_count(1)
    await expect(page.get_by_role("link", name="Proposals 1 waiting")).to_be_visible()
    assert ["Ask for a higher limit"] == [
        each["summary"] for each in told.get("/resolutions?state=accepted").json()["resolutions"]
    ]


async def test_a_refusal_stands_in_its_form(page: Page, told: httpx.Client) -> None:
    """What was written stays."""
    proposed(told, by="ana")
    await page.goto(PROPOSALS)
    await page.get_by_label("Your name").fill("ana")
    await page.get_by_label("Note").fill("my own")
    await page.get_by_role("button", name="Accept").click()

    await expect(page.locator("li .form-problem")).to_contain_text("another person does")
    await expect(page.get_by_label("Note")).to_have_value("my own")


async def test_hostile_texts_do_nothing_and_everybody_can_read_it(page: Page, told: httpx.Client) -> None:
    """As what fixed it, as who says so and as the failure: none runs, and axe finds nothing wrong."""
    short = [TEXTS[name].replace("\x00", "")[:2_000] for name in TEXTS if name not in MUCH]
    texts = ["\n".join(short[start::SHOWN]) for start in range(SHOWN)]
    incidents = imported(told, ({"text": f"HostileError: {text}"} for text in texts))
    for incident, text in zip(incidents, texts, strict=True):
        body = {"incident_id": incident["id"], "summary": text.strip(), "author": text.strip()[:200]}
        assert 201 == told.post("/resolutions", json=body).status_code

    assert [] == await unfit_on(page, PROPOSALS)
    assert SHOWN == await page.locator("main li blockquote").count()
