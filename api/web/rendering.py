"""Templates to pages. Every text that is printed is made harmless and escaped, wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi import FastAPI, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse
from starlette.routing import NoMatchFound

from api.untrusted import first_line, harmless
from api.web.in_place import is_in_place
from api.web.static import Assets
from api.web.told import forget
from api.wording import counted, duration

PREFIX = "/ui"


@dataclass(frozen=True, slots=True)
class NavEntry:
    """A page in the navigation: its name, its address, and the letter that follows `g` on the keyboard."""

    name: str
    path: str
    letter: str


class Renderer:
    """The templates, with what all of them may use."""

    def __init__(self, app: FastAPI, *, navigation: Sequence[NavEntry], version: str) -> None:
        self._app = app
        self.assets = Assets(prefix=f"{PREFIX}/static")
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("api.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=printable,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "ago": ago,
            "brief": brief,
            "counted": counted,
            "duration": duration,
            "first_line": first_line,
            "moment": moment,
            "percent": percent,
            "words": words,
        }
        self._templates.globals |= {
            "asset": self.assets.address,
            "address": self.address,
            "navigation": tuple(navigation),
            "version": version,
        }

    def address(self, name: str, **params: object) -> str | None:
        """The address of the route of that name; None where nothing would be found, so that nothing links nowhere.

        That is while no page has that name, and for names of callers' own that an address cannot hold (`a/b`, `..`).
        """
        if not all(_fits_address(str(value)) for value in params.values()):
            return None
        try:
            quoted = {key: quote(str(value), safe="") for key, value in params.items()}
            return PREFIX + str(self._app.url_path_for(name, **quoted))
        except NoMatchFound:
            return None

    def render(self, request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A page, or a part of one."""
        around = {
            "visitor": getattr(request.state, "visitor", None),
            "waiting": getattr(request.state, "waiting", None),
            "here": request.url.path,
            "in_place": is_in_place(request),
            "origin": str(request.base_url.replace(path="")).rstrip("/"),
        }
        html = self._templates.get_template(template).render(around | context)
        return HTMLResponse(html, status_code=status)


def _fits_address(value: str) -> bool:
    return value not in ("", ".", "..") and not {"/", "\0", "\n"} & set(value)


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page (a template that extends `layout.html`) or a part of one (`_name.html`), as the answer of a route."""
    renderer: Renderer = request.app.state.renderer
    answer = renderer.render(request, template, status=status, **context)
    if not is_in_place(request):
        forget(request, answer)
    return answer


def address_of(request: Request, name: str, **params: object) -> str:
    """The address of the route of that name."""
    renderer: Renderer = request.app.state.renderer
    found = renderer.address(name, **params)
    if found is None:
        raise LookupError(f"no page is named {name}")
    return found


def printable(value: Any) -> Any:
    """What is printed: no control characters and marks of direction; nothing for None."""
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def percent(share: float) -> int:
    """A share from 0 to 1 in percent; 100 is only what is certain, and 0 what is impossible."""
    return round(100 * share) if share in (0, 1) else min(99, max(1, round(100 * share)))


def words(name: str | None) -> str:
    """`rate_limit` as people write it."""
    return (name or "").replace("_", " ")


def brief(text: str, length: int) -> str:
    """The text in at most so many characters: cut after a word, or within one that is long itself."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    words_only, _, _ = cut.rpartition(" ")
    return f"{(words_only if len(words_only) > length / 2 else cut).rstrip()}…"


def moment(text: str | None) -> datetime | None:
    """A time as the documents write it."""
    return None if text is None else datetime.fromisoformat(text)


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """`just now`, `5 minutes ago`, `in 2 hours`, `3 days ago`."""
    if at is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if abs(seconds) >= size:
            times = counted(int(abs(seconds) // size), unit)
            return f"{times} ago" if seconds > 0 else f"in {times}"
    return "just now" if seconds >= -1 else "within a minute"
