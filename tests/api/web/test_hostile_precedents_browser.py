"""Hostile texts on *Search* and on the page of a precedent: all are shown, none does anything (see `Watch`)."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Page

from tests.api.http.asking import recorded
from tests.api.web.knowing import Document, imported, resolved
from tests.api.web.looking import BROWSER
from tests.hostile import MUCH, TEXTS

pytestmark = BROWSER
SHORT = [name for name in TEXTS if name not in MUCH]
OPEN = "(all) => all.forEach((each) => { each.open = true; })"


def strange(told: httpx.Client, texts: list[str]) -> str:
    """A precedent that says all of them wherever strangers say something; its id."""
    names = [text.strip()[:500] for text in texts]
    incidents = imported(told, (_incident(text, name) for text, name in zip(texts, names, strict=True)))
    first, *others = dict.fromkeys(str(each["precedent_id"]) for each in incidents)
    for incident, text, name in zip(incidents, texts, names, strict=True):
        resolved(told, incident["id"], f"x {text}", author=name)
    etag = told.get(f"/precedents/{first}").headers["etag"]
    etag = _changed(told.post(f"/precedents/{first}/merge", json={"precedents": others}, headers={"If-Match": etag}))
    for text, name in zip(texts, names, strict=True):
        said = {"verdict": "genuine", "reason": f"x {text}", "author": name}
        etag = _changed(told.patch(f"/precedents/{first}", json=said, headers={"If-Match": etag}))
    return first


def _incident(text: str, name: str) -> Document:
    return {
        "text": f"BarnError: {text}",
        "environment": {name[:100]: name},
        **dict.fromkeys(("pipeline", "step", "run_id"), name),
    }


def _changed(answer: httpx.Response) -> str:
    assert 200 == answer.status_code, answer.text
    return str(answer.headers["etag"])


@pytest.mark.parametrize("group", [SHORT[start::7] for start in range(7)], ids=range(7))
async def test_texts_do_nothing(page: Page, told: httpx.Client, group: list[str]) -> None:
    """As template, names, values of the environment, resolution, author, reason; as result, facet and question.

    Many on a page: those of a group are merged, so that they are templates of one precedent.
    """
    texts = [TEXTS[name] for name in group]
    precedent_id = strange(told, texts)
    for address in (f"precedents/{precedent_id}", f"search?q={quote(' '.join(texts))}", "search"):
        await page.goto(f"/ui/{address}")
        await page.locator("details").evaluate_all(OPEN)

        assert 2 == await page.locator("script").count()  # our own, and htmx
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
