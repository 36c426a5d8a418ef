"""Looking at pages in a browser: what they must never do, who can use them, whether they fit."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Page, Request

#: The mark of a module of browser tests: they share the session's browser, and so its event loop.
BROWSER = pytest.mark.asyncio(loop_scope="session")
SMALLEST = {"width": 360, "height": 740}
#: What the texts of the corpus set where one of them runs.
CANARY = "seenbeforeCanary"
_REPORT = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
#: Refusals (404, 422) that tests ask for are errors to the console as well.
_EXPECTED = "Failed to load resource: the server responded with a status of 4"


class Watch:
    """Notes what no page of ours may do, whatever text it shows."""

    def __init__(self, context: BrowserContext, *, origin: str) -> None:
        self._context = context
        self._origin = origin
        self._seen: list[str] = []

    @classmethod
    async def of(cls, context: BrowserContext, *, origin: str) -> Watch:
        """Watch all pages of a context, from their first script on."""
        watch = cls(context, origin=origin)
        context.on("console", watch._console)
        context.on("weberror", lambda error: watch._seen.append(f"error: {error.error}"))
        context.on("dialog", watch._dialog)
        context.on("request", watch._request)
        await context.add_init_script(_REPORT)
        return watch

    async def problems(self) -> list[str]:
        """All that was noted, and pages on which a text of the corpus ran."""
        for page in self._context.pages:
            if await page.evaluate(f"'{CANARY}' in window"):
                self._seen.append(f"a text ran at {page.url}")
        return self._seen

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_EXPECTED):
            self._seen.append(f"{message.type}: {message.text}")

    async def _dialog(self, dialog: Dialog) -> None:
        self._seen.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self._origin}/", "data:", "about:")):
            self._seen.append(f"outside address: {request.url}")


async def faults(page: Page) -> list[str]:
    """What axe finds in light and in dark: the rule, and where."""
    found = []
    # Only rules of colour can find something else in dark.
    colour = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
    schemes: dict[Literal["light", "dark"], dict[str, Any]] = {"light": {}, "dark": colour}
    for scheme, rules in schemes.items():
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour between two
        results: dict[str, Any] = (await Axe().run(page, options={"resultTypes": ["violations"], **rules})).response
        for rule in results["violations"]:
            found += [f"{scheme}: {rule['id']} {node['html'][:200]}" for node in rule["nodes"]]
    return found


async def is_too_wide(page: Page) -> bool:
    """Whether it scrolls sideways at 360 px."""
    before = page.viewport_size
    await page.set_viewport_size(SMALLEST)
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    if before is not None:
        await page.set_viewport_size(before)
    return wide


async def unfit_on(page: Page, address: str) -> list[str]:
    """All that is wrong with a page: what axe finds, and that it is too wide."""
    await page.goto(address)
    return [*await faults(page), *(["too wide at 360 px"] if await is_too_wide(page) else [])]
