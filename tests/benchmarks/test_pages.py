"""The parts of the benchmark of pages that need no service."""

from __future__ import annotations

import re
from dataclasses import fields

import httpx
import pytest
from rich.console import Console

from benchmarks.addresses import ADDRESSES, World
from benchmarks.pages import ASKED_MS, NAMES, Point, Times, request_of, table_of, too_slow
from benchmarks.writes import WRITES
from tests.routes import routes

WORLD = World(**{field.name: field.name for field in fields(World)})


def test_questions_differ() -> None:
    """So that nothing that was remembered is measured; and they fit an address."""
    questions = [WORLD.question(number) for number in range(50)]

    assert 50 == len(set(questions))
    assert [] == [each for each in questions if set(each) & set(" &?#")]


#: What is not measured, and why.
UNMEASURED = {
    "can be done once to what it is done to": (
        ("POST", "/precedents/{precedent_id}/merge"),
        ("POST", "/precedents/{precedent_id}/split"),
        ("POST", "/precedents/{precedent_id}/undo"),
        ("POST", "/ui/precedents/{precedent_id}/merge"),
        ("POST", "/ui/precedents/{precedent_id}/split"),
        ("POST", "/ui/precedents/{precedent_id}/undo"),
        ("POST", "/resolutions/{resolution_id}/accept"),
        ("POST", "/resolutions/{resolution_id}/reject"),
        ("POST", "/ui/proposals/{proposal_id}"),
        ("POST", "/ui/search/saved/{search_id}/bring-back"),
        ("POST", "/ui/search/saved/{search_id}/delete"),
        ("PUT", "/schemas/{domain}/versions/{version}"),
    ),
    "is the PATCH of a precedent, as a form of the version that was read": (
        ("POST", "/ui/incidents/{incident_id}/verdict"),
        ("POST", "/ui/precedents/{precedent_id}/verdict"),
        ("POST", "/ui/precedents/{precedent_id}/resolution"),
    ),
    "answers where a secret is set up": (
        ("POST", "/chat/mattermost/commands"),
        ("POST", "/chat/slack/actions"),
        ("POST", "/chat/slack/commands"),
        ("POST", "/chat/slack/events"),
        ("POST", "/doors/github"),
        ("POST", "/doors/sentry"),
        ("POST", "/ui/sign-in"),
    ),
    "is a file, or leads elsewhere": (
        ("GET", "/"),
        ("GET", "/docs/assets/"),
        ("GET", "/ui"),
        ("GET", "/ui/ask"),
        ("GET", "/ui/static/{name}"),
        ("POST", "/mcp/"),
    ),
}


def test_every_route_is_measured() -> None:
    """But for a few, each for a reason; a route that is added is added to the table, or here."""
    asked = {("GET", address) for address in ADDRESSES.values()}
    asked |= {tuple(write.address.split(" ", 1)) for write in WRITES.values()}
    paths = {(method, address.partition("?")[0]) for method, address in asked}
    excused = {route for group in UNMEASURED.values() for route in group}
    measured = {route for route in routes() if any(is_of(path, route) for path in paths)}

    assert excused == routes() - measured
    assert set() == {path for path in paths if not any(is_of(path, route) for route in routes())}


def is_of(path: tuple[str, str], route: tuple[str, str]) -> bool:
    """Whether that route is asked; what is in braces in either is one name."""
    taken = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route[1]))
    return path[0] == route[0] and bool(re.fullmatch(taken, path[1])) and _is_named(path[1], route[1])


def _is_named(path: str, route: str) -> bool:
    """`/incidents/import` is no incident: a route's own word is taken for no name."""
    others = [other for _, other in routes() if other != route and "{" not in other]
    return path not in others


@pytest.mark.parametrize("name", NAMES)
def test_addresses_name_what_the_world_has(name: str) -> None:
    """Each is a page or an endpoint, and has a limit; what is versioned is asked with its version."""
    version = httpx.MockTransport(lambda _: httpx.Response(200, headers={"ETag": '"3"'}))
    with httpx.Client(base_url="http://service", transport=version) as client:
        request = request_of(client, WORLD, name, number=1)

    assert name.partition(" ")[0] in ASKED_MS
    assert "{" not in str(request.url)
    assert "%7B" not in str(request.url)
    assert (name in WRITES and WRITES[name].version_of is not None) == ("If-Match" in request.headers)


def test_nothing_has_two_limits() -> None:
    """Each name is once in one of the tables."""
    assert len(ADDRESSES) + len(WRITES) == len(set(NAMES))


def test_what_is_too_slow_is_named() -> None:
    """Pages by their own limit, and endpoints by theirs."""
    times = {"page Ask": Times(50, 100.1), "page Search": Times(50, 99.9), "endpoint search": Times(50, 150.1)}

    assert ["page Ask", "endpoint search"] == too_slow(Point(1_000, times))


def test_the_table_has_a_line_for_each() -> None:
    """With how much the largest takes of the smallest."""
    points = [Point(size, {name: Times(1, factor) for name in NAMES}) for size, factor in ((10, 2.0), (20, 3.0))]
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table_of(points))

    assert len(NAMES) == shown.get().count("1.50")
