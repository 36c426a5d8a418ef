"""Pictures of the pages for `docs/`, in light and dark, of a workspace that is filled for them.

Run against a service that has no API keys, and has the development dependencies beside it:

    seenbefore serve --data /tmp/pictures &
    python -m benchmarks.screenshots --url http://127.0.0.1:8000 --out docs/images
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import httpx
from PIL import Image
from playwright.async_api import Page, ViewportSize, async_playwright

from api.web.examples import EXAMPLES
from api.web.visitors import WORKSPACE_COOKIE

VIEW: ViewportSize = {"width": 1200, "height": 1000}
SMALL: ViewportSize = {"width": 360, "height": 780}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
RUN = "fraud-2026-11-20"
#: The run of the pictures: its steps with their sub-tasks, and how many minutes before its end each was done.
STEPS: dict[str, dict[str, int | None]] = {
    "preprocess": {"validate": 170, "impute": 150, "scale": 118},
    "export": {"shard": 40, "upload": None},
}
BEGUN_MIN, ENDED_MIN = 180, 10
#: Failures of a week: what, in which pipeline, how many, and how retries ended.
WEEK = (
    (EXAMPLES[0].text, "fraud-training", 9, "succeeded"),
    ("RuntimeError: NCCL communicator was aborted on rank 3: watchdog timeout", "llm-finetune", 5, "succeeded"),
    ("psycopg.OperationalError: server closed the connection unexpectedly", "features-daily", 6, "succeeded"),
    (EXAMPLES[1].text, "features-daily", 4, "failed"),
    (EXAMPLES[2].text, "fraud-training", 3, None),
    ("ReleaseRefused: recall 0.71 is below the bound of 0.80 on the holdout", "fraud-training", 2, None),
)


def main() -> None:
    """Fill a workspace, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    workspace = f"pictures-{uuid4().hex[:8]}"
    with httpx.Client(base_url=given.url, headers={"X-Workspace": workspace}, timeout=60.0) as client:
        _remember_a_run(client)
        incident = _fill(client)
    for picture in asyncio.run(_take(given.url, given.out, workspace=workspace, incident=incident)):
        print(picture)


def _fill(client: httpx.Client) -> dict[str, Any]:
    """The failures of a week with what became of them; the advice about one that is like them, and new."""
    now = datetime.now(UTC)
    for number, (text, pipeline, count, result) in enumerate(WEEK):
        for each in range(count):
            at = now - timedelta(hours=5 + 17 * each + number)
            where = {
                "pipeline": pipeline,
                "step": "train",
                "run_id": f"{pipeline}-{each}",
                "attempt": 1,
                "max_attempts": 4,
            }
            said = {"text": text, "occurred_at": at.isoformat(), "spent": {"gpu_hours": 4}}
            incident = _post(client, "/advise", where | said)["incident_id"]
            if result is not None:
                _post(client, f"/incidents/{incident}/outcome", {"result": result, "attempt": 2, "waited_s": 60})
    asked = {"pipeline": "fraud-training", "step": "export", "run_id": RUN, "attempt": 1}
    known = _post(client, "/advise", asked | {"text": EXAMPLES[0].text})
    fix = {
        "summary": "Spread the shards over 16 prefixes and halve the writers.",
        "author": "Ana",
        "cause": "rate_limit",
    }
    _post(client, f"/incidents/{known['incident_id']}/resolution", fix | {"action": "retry_with_backoff"})
    again = _post(client, "/advise", asked | {"text": EXAMPLES[0].text.replace("PutObject", "UploadPart")})
    thought = {"summary": "Let the bucket grow before the export: warm the prefixes up.", "author": "oncall-agent"}
    _post(client, "/resolutions", {"incident_id": again["incident_id"], "action": "retry_with_backoff", **thought})
    return again


def _remember_a_run(client: httpx.Client) -> None:
    """A run of three hours with two steps, checkpoints and a decision."""
    run = f"/runs/{RUN}"
    about = {"pipeline": "fraud-training"}
    _put(client, run, about | {"status": "running"}, minutes=BEGUN_MIN)
    for step, sub_tasks in STEPS.items():
        path, begun = f"{run}/steps/{step}", max(done or 0 for done in sub_tasks.values()) + 10
        _put(client, path, {"owner": "ana", "status": "running", "plan": [*sub_tasks]}, minutes=begun)
        for name, done in sub_tasks.items():
            if done is not None:
                made = {name: {"sha256": sha256(name.encode()).hexdigest(), "uri": f"s3://runs/{RUN}/{name}"}}
                body = {"owner": "ana", "status": "completed", "artifacts": made}
                _put(client, f"{path}/sub-tasks/{name}", body, minutes=done)
        ended = {"owner": "ana", "status": "succeeded" if all(sub_tasks.values()) else "failed"}
        last = min(done or ENDED_MIN for done in sub_tasks.values())
        _put(client, path, ended, minutes=last, version=1)
    chosen = {"choice": {"learning_rate": "3e-5 to 1e-4"}, "rationale": "Above 3e-4, five of six trials diverged."}
    _post(client, f"{run}/decisions", {"agent": "tuner", "kind": "hyperparameters", **chosen})
    _put(client, run, about | {"status": "failed"}, minutes=ENDED_MIN, version=1)


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = client.post(path, json=body).raise_for_status().json()
    return document


def _put(client: httpx.Client, path: str, body: dict[str, Any], *, minutes: float, version: int | None = None) -> None:
    """Said so many minutes ago."""
    headers = {"Seenbefore-Age": str(minutes * 60)} | ({} if version is None else {"If-Match": f'"{version}"'})
    client.put(path, json=body, headers=headers).raise_for_status()


async def _take(url: str, folder: Path, *, workspace: str, incident: dict[str, Any]) -> list[Path]:
    """One picture a page and theme, and what a telephone shows."""
    taken = []
    async with async_playwright() as playwright:
        options = ["--headless", "--no-sandbox"]
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        for scheme in SCHEMES:
            context = await browser.new_context(base_url=url, viewport=VIEW, color_scheme=scheme)
            await context.add_cookies([{"name": WORKSPACE_COOKIE, "value": workspace, "url": f"{url}/ui/"}])
            page = await context.new_page()
            for name, address in (await _addresses(page, incident)).items():
                await page.goto(address)
                taken.append(folder / f"{name}-{scheme}.png")
                await _picture(page, taken[-1])
            await page.set_viewport_size(SMALL)
            await page.goto(f"/ui/incidents/{incident['incident_id']}")
            taken.append(folder / f"small-{scheme}.png")
            await _picture(page, taken[-1])
        await browser.close()
    return taken


async def _picture(page: Page, path: Path) -> None:
    """In 96 colours: pages have few."""
    picture = Image.open(BytesIO(await page.screenshot())).convert("RGB")
    picture.quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)


async def _addresses(page: Page, incident: dict[str, Any]) -> dict[str, str]:
    """Every page that the navigation leads to, and one of each thing."""
    await page.goto("/ui/")
    links = page.locator("nav a[data-letter]")
    found = {
        (await each.inner_text()).split()[0].lower(): str(await each.get_attribute("href"))
        for each in await links.all()
    }
    precedent, other = (f"{each['precedent_id']}" for each in incident["evidence"][:2])
    things = {
        "run": f"/ui/runs/{RUN}",
        "step": f"/ui/runs/{RUN}/steps/preprocess",
        "precedent": f"/ui/precedents/{precedent}",
        "merge": f"/ui/precedents/{precedent}/merge?other={other}",
    }
    return {
        **found,
        "advice": f"/ui/incidents/{incident['incident_id']}",
        **({"search": "/ui/search?q=the+store+sheds+load"} if "search" in found else {}),
        **{name: address for name, address in things.items() if (await page.request.get(address)).ok},
    }


if __name__ == "__main__":
    main()
