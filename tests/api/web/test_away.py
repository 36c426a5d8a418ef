"""Pages while a part is away: they say so, and what can be answered is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.durability.process import ServiceProcess, started, wait_for
from tests.api.durability.test_parts_away import SLOW_DOWN, without_postgres
from tests.api.web.reading import text_of


@pytest.fixture(scope="module")
def service(new_data: Callable[[], Path]) -> Iterator[ServiceProcess]:
    """A service whose PostgreSQL may be killed."""
    with started(new_data()) as running:
        yield running


@pytest.fixture
def pages(service: ServiceProcess) -> Iterator[httpx.Client]:
    """A browser."""
    with httpx.Client(base_url=service.url, timeout=30.0) as client:
        yield client


def test_without_postgresql(service: ServiceProcess, pages: httpx.Client) -> None:
    """Asking is answered and kept, with the id that the incident will have; what must be read says to come back."""
    known = pages.post("/ui/ask", data={"text": "PearError: soft"}).headers["location"]
    with without_postgres(service):
        asked = pages.post("/ui/ask", data={"text": SLOW_DOWN})
        read = pages.get(known)
        home = pages.get("/ui/")
        example = pages.get("/ui/?example=slow-down")
    kept = asked.text.partition("will be recorded as <code>")[2].partition("<")[0]
    back = wait_for(lambda: there(pages, f"/ui/incidents/{kept}"), limit_s=60.0)

    assert [200, 503, 200, 200] == [each.status_code for each in (asked, read, home, example)]
    assert "2" == read.headers["retry-after"]
    assert "PostgreSQL cannot be reached" in text_of(read)
    for page in (asked, example):
        assert "transient" in text_of(page)
        assert "Less is known than usual." in text_of(page)
    assert "transient" in text_of(back)


def test_search_without_postgresql(service: ServiceProcess, pages: httpx.Client) -> None:
    """A question is answered as the index has it, and the page says so; a list says to come back."""
    with without_postgres(service):
        asked = pages.get("/ui/search", params={"q": "storage sheds load"})
        listed = pages.get("/ui/search")

    assert [200, 503] == [asked.status_code, listed.status_code]
    assert "PostgreSQL is away" in text_of(asked)
    assert "documented" in text_of(asked)


def test_the_service_tells_where_to_look(service: ServiceProcess) -> None:
    """Last of all that it prints when it starts."""

    assert f"look: open {service.url}/ in a browser and paste an error" in service.log.read_text()


def there(pages: httpx.Client, address: str) -> httpx.Response | None:
    """The page, once it is there."""
    response = pages.get(address)
    return response if response.status_code == 200 else None
