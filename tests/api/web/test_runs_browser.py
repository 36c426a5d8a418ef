"""Runs and the overview in a real browser: their main ways, by keyboard too, and hostile texts, none of which runs."""

from __future__ import annotations

from urllib.parse import quote, unquote

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.api.http.asking import SLOW_DOWN, recorded
from tests.api.http.pipelines import HASH, put_run, put_step, put_sub_task
from tests.api.web.happening import PLUM, advised, genuine, made, outcome
from tests.api.web.knowing import imported
from tests.api.web.looking import BROWSER, unfit_on
from tests.hostile import MUCH, TEXTS

pytestmark = BROWSER
SHORT = [name for name in TEXTS if name not in MUCH]


async def test_from_the_list_to_an_incident(page: Page, told: httpx.Client) -> None:
    """What is looked for is in the address; the run leads to its incident, and that back to the run."""
    made(told)
    put_run(told, "other", pipeline="churn")
    await page.goto("/ui/")
    await page.get_by_role("link", name="Runs").click()
    await page.get_by_label("Pipeline").fill("fraud")
    await page.get_by_label("Status").select_option("failed")
    await page.get_by_role("button", name="Show").click()
    await expect(page).to_have_url("/ui/runs?pipeline=fraud&status=failed&within=")
    await page.get_by_role("link", name="r-118").click()
    await page.locator("#incidents a").first.click()
    await page.locator("dl").get_by_role("link", name="r-118").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Run r-118")
    await expect(page.get_by_text("after schema-validation")).to_be_visible()


async def test_runs_by_keyboard_alone(page: Page, told: httpx.Client) -> None:
    """There by letters, into a run and to what happened in it."""
    made(told)
    await page.goto("/ui/")
    await page.locator("main").focus()
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await page.wait_for_url("**/ui/runs")
    await page.keyboard.press("/")
    await page.keyboard.type("fraud")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/ui/runs?pipeline=fraud*")
    await page.get_by_role("link", name="r-118").focus()
    await page.keyboard.press("Enter")
    await page.locator("summary", has_text="What happened").focus()
    await page.keyboard.press("Enter")

    await expect(page.locator(".events")).to_contain_text("The run ended: failed.")


async def test_the_time_line_leads_to_its_step(page: Page, told: httpx.Client) -> None:
    """A step is told in its lane, and all of it below."""
    made(told)
    await page.goto("/ui/runs/r-118")
    await page.locator(".lanes").get_by_role("link", name="preprocess").click()

    await expect(page).to_have_url("/ui/runs/r-118#step-1")
    await expect(page.get_by_role("region", name="Sub-tasks of preprocess")).to_be_in_viewport()
    assert 1 == await page.locator(".lanes .mark-resume").count()
    assert 1 <= await page.locator(".lanes .mark-incident").count()


async def test_the_overview_by_keyboard(page: Page, told: httpx.Client) -> None:
    """There by letters, to another span, and its figures."""
    recorded(told, text=PLUM, verdict="transient", cause="network")
    await page.goto("/ui/")
    await page.locator("main").focus()
    await page.keyboard.press("g")
    await page.keyboard.press("o")
    await page.wait_for_url("**/ui/overview")
    await page.get_by_role("link", name="24 hours").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/ui/overview?over=day")
    await page.locator("summary", has_text="As a table").focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("row").nth(1)).to_contain_text("0011")


async def test_empty_pages_are_fit(page: Page) -> None:
    """For all: axe in light and dark, 360 px."""

    assert [] == [fault for address in ("/ui/runs", "/ui/overview") for fault in await unfit_on(page, address)]


async def test_pages_are_fit(page: Page, told: httpx.Client) -> None:
    """With something of everything on them."""
    made(told)
    genuine(told)
    for run in range(4):
        advised(told, PLUM, run_id=f"r-{run}", attempt=1, max_attempts=3, spent={"gpu_hours": 1})
    answer = advised(told, SLOW_DOWN, run_id="s")
    outcome(told, answer["incident_id"], "succeeded", attempt=2)
    addresses = ("/ui/runs", "/ui/runs/r-118", "/ui/runs/r-118/steps/preprocess", "/ui/overview")

    assert [] == [fault for address in addresses for fault in await unfit_on(page, address)]


def begun(told: httpx.Client, text: str) -> str | None:
    """A run of that name, which it has in its attributes too; its address, or None where no address can hold it."""
    name = quote(text.replace("/", "%2F")[:150], safe="")
    said = {"pipeline": text[:150], "status": "running", "attributes": {text[:150]: text}}
    run = told.put(f"/runs/{name}", json=said)
    return f"/runs/{name}" if run.status_code == 201 and "\n" not in text[:150] else None


def happened(told: httpx.Client, run: str, text: str) -> bool:
    """Whether the text could be said in all other places of the run: as step, as sub-task and as decision."""
    name = quote(text.replace("/", "%2F")[:150], safe="")
    step = put_step(told, f"{run}/steps/{name}", owner=text[:150], plan=None, attributes={"x": text[:500]})
    artifacts = {text[:150]: {"sha256": HASH, "uri": text[:500]}}
    task = put_sub_task(told, name, step=f"{run}/steps/{name}", owner=text[:150], artifacts=artifacts)
    reason = {"metric": text[:100], "observed": 1.0, "comparison": "below", "threshold": 2.0}
    said = {"agent": text[:150], "kind": text[:150], "choice": {"x": text[:500]}, "rationale": f"x {text}"}
    decision = told.post(f"{run}/decisions", json=said | {"reasons": [reason], "step": text[:150]})
    return [201] * 3 == [each.status_code for each in (step, task, decision)]


@pytest.mark.parametrize("group", [SHORT[start::4] for start in range(4)], ids=range(4))
async def test_texts_do_nothing(page: Page, told: httpx.Client, group: list[str]) -> None:
    """As names of runs, steps, sub-tasks, owners, artifacts and agents, in rationales, attributes; many on a page."""
    texts = [TEXTS[name].strip() for name in group]
    run, *others = [address for text in texts if (address := begun(told, text))]
    kept = [text for text in texts if happened(told, run, text)]
    run_id = unquote(run.removeprefix("/runs/"))
    imported(told, ({"text": f"x {text}", "run_id": run_id, "pipeline": text[:150]} for text in texts))
    for address in ["/runs", "/overview", run, f"{run}/steps/{run.removeprefix('/runs/')}"]:
        response = await page.goto(f"/ui{address}")
        await page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")

        assert response is not None
        assert 200 == response.status
        assert 2 == await page.locator("script").count()  # our own, and htmx
    assert len(group) // 2 <= min(len(kept), len(others))
    assert 1 == await page.locator("tbody tr").count()
