"""Hostile texts on *Search* and on the page of a precedent: all are shown, none does anything (see `Watch`)."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Page

from tests.api.http.asking import recorded
from tests.api.web.knowing import resolved
from tests.api.web.looking import BROWSER
from tests.hostile import MUCH, TEXTS

pytestmark = BROWSER
SHORT = [name for name in TEXTS if name not in MUCH]
OPEN = "(all) => all.forEach((each) => { each.open = true; })"


def strange(told: httpx.Client, text: str) -> str:
    """A precedent that says it wherever strangers say something; its id."""
    name = text.strip()[:500]
    said = {"pipeline": name, "step": name, "run_id": name, "environment": {name[:100]: name}}
    incident = recorded(told, text=f"BarnError: {text}", **said)
    resolved(told, incident["id"], f"x {text}", author=name)
    precedent_id = str(incident["precedent_id"])
    version = told.get(f"/precedents/{precedent_id}").headers["etag"]
    body = {"verdict": "genuine", "reason": f"x {text}", "author": name}
    answer = told.patch(f"/precedents/{precedent_id}", json=body, headers={"If-Match": version})
    assert 200 == answer.status_code, answer.text
    return precedent_id


@pytest.mark.parametrize("group", [SHORT[start::4] for start in range(4)], ids=range(4))
async def test_texts_do_nothing(page: Page, told: httpx.Client, group: list[str]) -> None:
    """As template, names, values of the environment, resolution, author, reason; as result, facet and question."""
    for name in group:
        precedent_id = strange(told, TEXTS[name])
        await page.goto(f"/ui/precedents/{precedent_id}")
        await page.locator("details").evaluate_all(OPEN)

        assert 1 == await page.locator("#precedent #history").count()
        assert 2 == await page.locator("script").count()  # our own, and htmx
    for name in group[::6]:
        await page.goto(f"/ui/search?q={quote(TEXTS[name])}")
        assert 2 == await page.locator("script").count()
    await page.goto("/ui/search")
    await page.locator("details").evaluate_all(OPEN)

    assert 2 == await page.locator("script").count()
    assert not await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


async def test_names_of_searches_do_nothing(page: Page, pages: httpx.Client) -> None:
    """Nor does what they ask, or choose."""
    for name in SHORT:
        text = TEXTS[name].strip()
        form = {"name": text[:100], "q": text[:5_000], "pipeline": text[:500]}
        assert 303 == pages.post("/ui/search/saved", data=form).status_code
    await page.goto("/ui/search")

    assert len(SHORT) - 2 <= await page.locator(".saved a").count()
    assert 2 == await page.locator("script").count()


@pytest.mark.parametrize("name", MUCH)
async def test_much_is_shown(page: Page, told: httpx.Client, name: str) -> None:
    """In time, and not wider than the screen."""
    precedent_id = recorded(told, text=MUCH[name])["precedent_id"]
    for address in (f"/ui/precedents/{precedent_id}", "/ui/search"):
        await page.goto(address)

        assert not await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
