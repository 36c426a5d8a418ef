"""What may stand in an address behind its `?`: one rule for all pages.

A part is refused that the page does not know, that stands there twice, or that has a value which the page does not
know. The page that says so names the part and leads to the same page without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request

from api.problems import LONGEST_FIELD, Problem
from api.web.visitors import HOME, safe_next

#: What others add to links, to know who followed them; it says nothing of what is shown.
TRACKING = frozenset(b"fbclid gclid dclid gbraid wbraid gad_source msclkid mc_cid mc_eid _hsenc _hsmi _ga".split())
TRACKING_BEGINS = b"utm_"
#: Characters of a value that are repeated.
_LONGEST_VALUE = 40


@dataclass(frozen=True, slots=True)
class WayBack:
    """The same page without the part that is wrong; `part` is None where all that stands behind the `?` is left out."""

    address: str
    part: str | None
    shown: str


def without_tracking(query: bytes) -> bytes:
    """What stands behind the `?`, without what others have added to the link; the rest as it was sent."""
    return b"&".join(each for each in query.split(b"&") if not _is_tracking(each.partition(b"=")[0].lower()))


def _is_tracking(name: bytes) -> bool:
    return name in TRACKING or name.startswith(TRACKING_BEGINS)


async def known_query(request: Request) -> None:
    """Refuse parts that the page does not know: left aside, they would seem to have narrowed what is shown."""
    if not request.query_params:
        return
    path = getattr(request.scope.get("route"), "path", None)
    operation = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    refuse_unknown(request, [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"])


def refuse_unknown(request: Request, known: Sequence[str]) -> None:
    """Raise a 422 problem for the first part that is not known, or stands there twice."""
    for name in request.query_params:
        if name not in known:
            knows = f"It knows {', '.join(known)}." if known else "It knows none."
            raise Problem(422, f"this page knows no part of that name. {knows}", field=name)
        if len(request.query_params.getlist(name)) > 1:
            raise Problem(422, "it stands there more than once.", field=name)


def way_back(request: Request, part: str | None) -> WayBack | None:
    """Where to go on from an address of which a part is wrong; None where there is nothing to leave out."""
    given = request.query_params.multi_items()
    if not given or request.method != "GET":
        return None
    kept = [(name, value) for name, value in given if name != part]
    if len(kept) == len(given):
        return WayBack(path_of(request), None, "")
    wrong = next(value for name, value in given if name == part)
    shown = f"{(part or '')[:LONGEST_FIELD]}={wrong[:_LONGEST_VALUE]}{'…' if len(wrong) > _LONGEST_VALUE else ''}"
    return WayBack(path_of(request) + (f"?{urlencode(kept)}" if kept else ""), part, shown)


def path_of(request: Request) -> str:
    """The path as it was asked for: a name in it may have any character, encoded."""
    raw = request.scope.get("raw_path")
    return raw.decode("latin-1") if raw else quote(request.url.path)


def whole_of(request: Request) -> str:
    """Path and query as they were asked for."""
    query = request.scope.get("query_string", b"").decode("latin-1")
    return path_of(request) + (f"?{query}" if query else "")


def page_of(request: Request) -> str:
    """The page that a browser has open while it sends this, as far as it says; else the first one."""
    try:
        said = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer") or HOME)
    except ValueError:  # an address that nobody can read: its sender has made it up
        return HOME
    return safe_next(said.path + (f"?{said.query}" if said.query else ""))
