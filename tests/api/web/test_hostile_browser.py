"""Hostile texts in a real browser: all are shown, none does anything (see `Watch`, which every page is under)."""

from __future__ import annotations

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from api.web.fences import POLICY
from tests.api.http.asking import recorded
from tests.api.http.pipelines import put_run, put_step
from tests.api.web.knowing import imported, resolved
from tests.api.web.looking import BROWSER, CANARY, Watch, is_too_wide
from tests.hostile import CHARACTERS, MUCH, SCRIPTS, TEXTS

pytestmark = BROWSER
#: In each place where a page shows what a stranger wrote.
OPEN = "(all) => all.forEach((each) => { each.open = true; })"
SHORT = [name for name in TEXTS if name not in MUCH]


@pytest.mark.parametrize("group", [SHORT[start::4] for start in range(4)], ids=range(4))
async def test_texts_do_nothing(page: Page, told: httpx.Client, group: list[str]) -> None:
    """As error, names of pipeline, step and run, as what fixed it, by whom; many on a page."""
    texts = [TEXTS[name] for name in group]
    names = [{field: text.strip()[:500] for field in ("pipeline", "step", "run_id")} for text in texts]
    last = imported(
        told, ({"text": "\n".join([text, *texts]), **name} for text, name in zip(texts, names, strict=True))
    )[0]
    resolved(told, last["id"], "\n".join(["Fixed thus:", *texts]), author="\n".join(texts).strip()[:500])
    for address, shown in ((f"/ui/incidents/{last['id']}", "Fixed thus:"), ("/ui/incidents", "ago")):
        await page.goto(address)
        await page.locator("details").evaluate_all(OPEN)

        assert 1 <= await page.get_by_text(shown).count()
        assert 2 == await page.locator("script").count()  # our own, and htmx


async def test_what_is_pasted_does_nothing(page: Page) -> None:
    """Also where the form comes back with it, in its text and in its fields, put in place and as a page."""
    pasted, named = "\n".join(SCRIPTS.values()), " ".join(SCRIPTS.values())
    for send in ("(form) => form.requestSubmit()", "(form) => form.submit()"):
        await page.goto("/ui/")
        await page.get_by_text("More about it").click()
        await page.get_by_label("Error", exact=True).fill(pasted)
        await page.get_by_label("Pipeline").fill(named)
        await page.get_by_label("Attempt that failed").fill("many")
        await page.locator("main form").evaluate(send)
        await expect(page.get_by_role("alert")).to_be_visible()

        assert pasted == await page.get_by_label("Error", exact=True).input_value()
        assert " ".join(named.split()) == " ".join((await page.get_by_label("Pipeline").input_value()).split())
        assert 2 == await page.locator("script").count()


@pytest.mark.parametrize("name", MUCH)
async def test_much_is_shown(page: Page, told: httpx.Client, name: str) -> None:
    """In time, and not wider than the screen."""
    incident = recorded(told, text=MUCH[name])["id"]
    await page.goto(f"/ui/incidents/{incident}")

    assert not await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


async def test_characters_that_mislead_are_not_shown(page: Page, told: httpx.Client) -> None:
    """Marks of direction and controls are replaced; letters stay."""
    incident = recorded(told, text="\n".join(f"barn {each} barn" for each in CHARACTERS.values()))["id"]
    await page.goto(f"/ui/incidents/{incident}")
    shown = await page.locator("#report").text_content() or ""

    assert not set(shown) & set("\x1b\x07\x08\x9b\u202e\u2066\u2028\ufeff")
    assert [(True, True)] * len(CHARACTERS) == [
        (each.startswith("barn "), each.endswith(" barn")) for each in shown.split("\n")
    ]


@pytest.mark.parametrize("name", ["script", "image that fails", "image from elsewhere", "svg that loads"])
@pytest.mark.parametrize("fenced", [True, False], ids=["fenced", "unfenced"])
async def test_the_watch_sees_what_it_must(browser: Browser, service_url: str, name: str, fenced: bool) -> None:
    """A page that does not escape is noticed: by the policy's report, or, without one, by what ran or was asked."""
    context = await browser.new_context(base_url=service_url)
    watch = await Watch.of(context, origin=service_url)
    page = await context.new_page()

    async def leak(route: Route) -> None:
        headers = {"Content-Security-Policy": POLICY} if fenced else {}
        await route.fulfill(body=f"<!doctype html>{SCRIPTS[name]}", content_type="text/html", headers=headers)

    await page.route("**/ui/leak", leak)
    await page.goto("/ui/leak")
    await page.wait_for_timeout(200)
    problems = await watch.problems()
    ran = await page.evaluate(f"'{CANARY}' in window")
    await context.close()

    assert problems
    assert not (fenced and ran)


async def test_names_without_a_space_fit_a_telephone(page: Page, told: httpx.Client) -> None:
    """Wherever a page names a run, a step, a pipeline, an author or a version."""
    long = "W" * 200
    put_run(told, long, pipeline=long)
    put_step(told, f"/runs/{long}/steps/{long}", owner=long)
    incident = recorded(told, text=f"WideError: {long}", pipeline=long, step=long, run_id=long)
    said = {"incident_id": incident["id"], "summary": long, "author": long, "fixed_in": {"image": long}}
    assert 201 == told.post("/resolutions", json=said).status_code
    resolved(told, incident["id"], long, author=long, fixed_in={"image": long})
    precedent = f"/ui/precedents/{incident['precedent_id']}"
    wide = []
    for address in (
        f"/ui/search?pipeline={long}",
        f"/ui/runs/{long}",
        "/ui/proposals",
        f"/ui/incidents/{incident['id']}",
        precedent,
        f"{precedent}/merge?other={long}",
    ):
        await page.goto(address)
        await page.locator("details").evaluate_all(OPEN)
        wide += [address] if await is_too_wide(page) else []

    assert [] == wide
