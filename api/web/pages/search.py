"""*Search*: precedents by meaning and by word, narrowed by facets; without a question those seen last.

All of a search is in the address, so that it can be kept, sent and gone back to. Files of the results have the same
fields: `/ui/search.csv?q=…`.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from api.context import JsonAnswer
from api.cursors import read_cursor, write_cursor
from api.web.address import refuse_unknown
from api.web.downloads import attached, csv_file
from api.web.forms import Form, checked, read_form
from api.web.in_place import is_in_place
from api.web.rendering import NavEntry, page
from api.web.search import COLUMNS, FOUND, LISTED, Looked, address_of_search, looked, row_of
from api.web.told import led_to, told
from api.web.visitors import Visiting, Visitor
from ingest.records import Name
from knowledge.errors import NotFound
from knowledge.facets import Chosen
from knowledge.failures import Cause, Verdict
from knowledge.finding import Finding, Found
from knowledge.lookup import STORE
from knowledge.saved_searches import SavedSearches
from knowledge.store.saved_searches import SavedSearch
from knowledge.within import Within

NAV = NavEntry("Search", "/ui/search", "s")
router = APIRouter()
#: Precedents of a file: as many as an index answers, or of a list as one can look through.
MOST_NEAR, MOST_LISTED = 100, 1_000
#: Characters of a question, and between the two ends of a longer one, which are kept: what failed stands at either.
LONGEST, LEFT_OUT = 5_000, "\n…\n"
SAID = {
    "saved": "Saved. It stands beside the form, for everybody in this workspace.",
    "back": "It is back, for everybody in this workspace.",
}
#: Told with the id of the one that was, so that the page can bring it back.
DELETED = "deleted."


class SearchAddress(Form):
    """The fields of a search, as the address has them."""

    q: Annotated[str, StringConstraints(max_length=LONGEST)] | None = None
    verdict: Verdict | None = None
    cause: Cause | None = None
    pipeline: Name | None = None
    within: Within | None = None
    resolved: Literal["yes", "no"] | None = None
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None

    def chosen(self) -> Chosen:
        """What was chosen of each facet."""
        resolved = None if self.resolved is None else self.resolved == "yes"
        return Chosen(self.verdict, self.cause, self.pipeline, self.within, resolved)

    def fields(self) -> dict[str, str]:
        """What makes the search, without where one is in its list."""
        names = ("q", "verdict", "cause", "pipeline", "within", "resolved")
        return {name: str(value) for name in names if (value := getattr(self, name)) is not None}


class SavingForm(SearchAddress):
    """A search, and the name that it is kept under."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class DeletingForm(SearchAddress):
    """A search that one is at while another is deleted, or brought back."""


@router.get("/search", name="search")
async def search(request: Request, visitor: Visiting) -> Response:
    """The form, facets and results; in place the facets and results."""
    asked = _asked(request)
    found = await _found(request, visitor, asked)
    shown = looked(found, asked.fields(), next=_next(found), is_first=asked.cursor is None)
    if is_in_place(request):
        return page(request, "_found.html", **_context(request, asked, shown))
    # While PostgreSQL is away the index answers, and nobody knows what was kept.
    is_away = STORE in found.degraded
    saved = [] if is_away else await _saved_searches(request).all_of(visitor.workspace)
    return page(
        request,
        "search.html",
        saved=[(each, address_of_search(each.fields)) for each in saved],
        said=SAID.get(told(request)),
        deleted=None if is_away else await _deleted(request, visitor),
        **_context(request, asked, shown),
    )


@router.get("/search.csv", name="search-csv")
async def as_csv(request: Request, visitor: Visiting) -> Response:
    """The results as a table."""
    found = await _all_found(request, visitor)
    return await asyncio.to_thread(_table, found)


@router.get("/search.json", name="search-json")
async def as_json(request: Request, visitor: Visiting) -> Response:
    """The results as they are, and what was asked."""
    found = await _all_found(request, visitor)
    document = {"query": _asked(request).fields(), "results": list(found.results), "degraded": list(found.degraded)}
    answer = JsonAnswer(document)
    answer.headers.update(attached("precedents.json"))
    return answer


@router.post("/search/saved", name="search-save")
async def save(request: Request, visitor: Visiting) -> Response:
    """Keep a search under a name."""
    form = await read_form(request, SavingForm)
    fields = form.fields()
    await _saved_searches(request).save(visitor.workspace, name=form.name, fields=fields, by=visitor.author)
    return led_to(request, address_of_search(fields), telling="saved")


@router.post("/search/saved/{search_id}/delete", name="search-delete")
async def delete(search_id: UUID, request: Request, visitor: Visiting) -> Response:
    """Delete a search that was kept; the next page offers to bring it back."""
    form = await read_form(request, DeletingForm)
    await _saved_searches(request).remove(visitor.workspace, search_id, by=visitor.author)
    return led_to(request, address_of_search(form.fields()), telling=f"{DELETED}{search_id}")


@router.post("/search/saved/{search_id}/bring-back", name="search-bring-back")
async def bring_back(search_id: UUID, request: Request, visitor: Visiting) -> Response:
    """Undo that a search was deleted, for a day."""
    form = await read_form(request, DeletingForm)
    await _saved_searches(request).bring_back(visitor.workspace, search_id)
    return led_to(request, address_of_search(form.fields()), telling="back")


def _asked(request: Request) -> SearchAddress:
    """The fields of the address; those that are empty count as not given, and a question that is long has its ends."""
    refuse_unknown(request, list(SearchAddress.model_fields))
    given = {name: value for name, value in request.query_params.items() if value.strip()}
    if "q" in given:
        given["q"] = both_ends(given["q"])
    return checked(given, SearchAddress)


def both_ends(question: str) -> str:
    """The question, or where it is too long its beginning and its end."""
    if len(question) <= LONGEST:
        return question
    half = (LONGEST - len(LEFT_OUT)) // 2
    return question[:half] + LEFT_OUT + question[-half:]


def _table(found: Found) -> Response:
    return csv_file(COLUMNS, [row_of(each) for each in found.results], name="precedents")


async def _found(request: Request, visitor: Visitor, asked: SearchAddress) -> Found:
    finding: Finding = request.app.state.parts.finding
    if asked.q:
        return await finding.nearest(visitor.workspace, asked.q, asked.chosen(), limit=FOUND)
    after = read_cursor(asked.cursor) if asked.cursor else None
    return await finding.latest(visitor.workspace, asked.chosen(), after=after, limit=LISTED)


async def _all_found(request: Request, visitor: Visitor) -> Found:
    finding: Finding = request.app.state.parts.finding
    asked = _asked(request)
    if asked.q:
        return await finding.all_nearest(visitor.workspace, asked.q, asked.chosen(), limit=MOST_NEAR)
    return await finding.all_latest(visitor.workspace, asked.chosen(), limit=MOST_LISTED)


def _next(found: Found) -> str | None:
    return write_cursor(found.next[0].isoformat(), found.next[1]) if found.next else None


async def _deleted(request: Request, visitor: Visitor) -> SavedSearch | None:
    """The search that was deleted on the page before, where it was."""
    said = told(request)
    if not said.startswith(DELETED):
        return None
    try:
        return await _saved_searches(request).removed(visitor.workspace, UUID(said.removeprefix(DELETED)))
    except (ValueError, NotFound):
        return None


def _saved_searches(request: Request) -> SavedSearches:
    saved: SavedSearches = request.app.state.parts.saved_searches
    return saved


def _context(request: Request, asked: SearchAddress, shown: Looked) -> dict[str, Any]:
    is_cut = len(request.query_params.get("q", "")) > LONGEST
    return {"asked": asked, "looked": shown, "is_away": STORE in shown.degraded, "is_cut": is_cut, "longest": LONGEST}
