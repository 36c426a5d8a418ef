"""What was found, as a page shows it: snippets with the words marked, facets as links, each with its whole address."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from api.web.snippets import snippet
from api.web.words import Segment
from knowledge.documents import Document
from knowledge.facets import Count, Facet
from knowledge.finding import Found

SEARCH = "/ui/search"
#: Precedents of a page: nearest, and in the list.
FOUND, LISTED = 20, 30
COLUMNS = (
    "precedent_id",
    "verdict",
    "cause",
    "similarity",
    "occurrences",
    "last_seen",
    "pipelines",
    "title",
    "template",
    "resolution",
    "retries_succeeded",
    "retries_failed",
    "source",
)
TITLES = {
    Facet.VERDICT: "Verdict",
    Facet.CAUSE: "Cause",
    Facet.PIPELINE: "Pipeline",
    Facet.WITHIN: "Seen last",
    Facet.RESOLVED: "Resolved",
}
WITHIN = {
    "hour": "in the last hour",
    "day": "in the last day",
    "week": "in the last week",
    "month": "in the last 30 days",
    "year": "in the last year",
}
RESOLVED = {"yes": "somebody said what fixed it", "no": "not yet"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet: what it is called, how many it leaves, and the address that chooses it, or lets it go."""

    id: str
    label: str
    number: int
    chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class FacetView:
    """A facet with its values."""

    title: str
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Result:
    """A precedent that was found, its words marked that were asked for."""

    entry: Document
    snippet: Sequence[Segment]
    resolution: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class Looked:
    """All of a page of results. `next` and `first` are addresses; `fields` those of the search."""

    results: Sequence[Result]
    facets: Sequence[FacetView]
    counted: int
    fields: Mapping[str, str]
    next: str | None
    first: str | None
    csv: str
    json: str
    cleared: str
    degraded: Sequence[str]

    @property
    def is_narrowed(self) -> bool:
        """Whether a facet was chosen."""
        return any(name != "q" for name in self.fields)


def looked(found: Found, fields: Mapping[str, str], *, next: str | None, is_first: bool) -> Looked:
    """A page of what was found for these fields; `next` is the cursor of the page that follows."""
    asked = fields.get("q", "")
    return Looked(
        results=[_result(each, asked) for each in found.results],
        facets=[view for facet in Facet if (view := _view(facet, found.facets[facet], fields)).choices],
        counted=found.counted,
        fields=fields,
        next=address_of_search({**fields, "cursor": next}) if next else None,
        first=None if is_first else address_of_search(fields),
        csv=address_of_search(fields, page=f"{SEARCH}.csv"),
        json=address_of_search(fields, page=f"{SEARCH}.json"),
        cleared=address_of_search({"q": asked} if asked else {}),
        degraded=found.degraded,
    )


def address_of_search(fields: Mapping[str, str], *, page: str = SEARCH) -> str:
    """The address of a search with these fields."""
    return f"{page}?{urlencode(fields)}" if fields else page


def row_of(entry: Document) -> dict[str, object]:
    """A precedent as a row of a table."""
    retries = entry["retries"]
    return {
        **{column: entry.get(column) for column in COLUMNS},
        "pipelines": " ".join(entry["pipelines"]),
        "retries_succeeded": retries["succeeded"],
        "retries_failed": retries["failed"],
    }


def _result(entry: Document, asked: str) -> Result:
    return Result(entry, snippet(entry["template"], like=asked), snippet(entry["resolution"] or "", like=asked))


def _view(facet: Facet, values: Sequence[Count], fields: Mapping[str, str]) -> FacetView:
    return FacetView(TITLES[facet], [_choice(facet, each, fields) for each in values])


def _choice(facet: Facet, count: Count, fields: Mapping[str, str]) -> Choice:
    others = {name: value for name, value in fields.items() if name != facet.value}
    address = address_of_search(others if count.chosen else {**others, facet.value: count.value})
    id = f"{facet.value}-{hashlib.sha256(count.value.encode()).hexdigest()[:12]}"
    return Choice(id, _label(facet, count.value), count.number, count.chosen, address)


def _label(facet: Facet, value: str) -> str:
    match facet:
        case Facet.WITHIN:
            return WITHIN[value]
        case Facet.RESOLVED:
            return RESOLVED[value]
        case Facet.PIPELINE:
            return value
        case _:
            return value.replace("_", " ")
