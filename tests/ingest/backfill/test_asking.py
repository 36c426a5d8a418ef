"""Asking a server for its history: the pace, and its troubles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from ingest.backfill import asking
from ingest.backfill.asking import ATTEMPTS, HistoryTrouble, Paced, retry_after_s
from ingest.backfill.spans import Mark, Span, read_time
from tests.ingest.backfill.fake_servers import FakeServer

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


class Clock:
    """A time that passes while it is waited, and no other way."""

    def __init__(self) -> None:
        self.now, self.waits = 100.0, list[float]()

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Let them pass."""
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """It answers every path with itself, `/absent` with 404, and `/long` with many lines."""

    def handle(path: str, *_: object) -> object:
        long = b"\n".join(b"line %d" % number for number in range(300_000))
        return {"/absent": None, "/long": long, "/bad": b"<html>"}.get(path, {"path": path})

    with FakeServer(handle).running() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def paced(server: FakeServer, clock: Clock) -> Iterator[Paced]:
    """The server, asked twice a second."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield Paced(client, per_second=2, clock=clock, wait=clock.wait)


def test_pace(paced: Paced, clock: Clock) -> None:
    """No more requests a second than was said."""
    answers = [paced.get("/a") for _ in range(3)]

    assert [{"path": "/a"}] * 3 == answers
    assert [0.5, 0.5] == clock.waits


def test_server_that_is_busy(paced: Paced, server: FakeServer, clock: Clock) -> None:
    """It is waited for, as long as it says and longer each time."""
    server.troubles = [(429, {"Retry-After": "7"}), (503, {}), (502, {"Retry-After": "soon"})]
    answer = paced.post("/a", {})

    assert {"path": "/a"} == answer
    assert [7.0, 2.0, 4.0] == clock.waits


def test_server_that_stays_busy(paced: Paced, server: FakeServer) -> None:
    """One clear problem in the end."""
    server.troubles = [(503, {})] * ATTEMPTS

    with pytest.raises(HistoryTrouble, match="/a answers 503"):
        paced.get("/a")


@pytest.mark.parametrize(
    ("status", "problem"), [(401, "who asks"), (403, "who asks"), (302, "redirection"), (405, "is the address right")]
)
def test_refusals(paced: Paced, server: FakeServer, status: int, problem: str) -> None:
    """Told at once; a token is sent to no other place."""
    server.troubles = [(status, {"Location": "http://127.0.0.1:9/"})]

    with pytest.raises(HistoryTrouble, match=problem):
        paced.get("/a")
    assert 1 == len(server.asked)


def test_what_is_not_there(paced: Paced) -> None:
    """Is nothing."""
    assert (None, []) == (paced.get("/absent"), paced.end("/absent"))


def test_end_of_what_is_long(paced: Paced) -> None:
    """The last lines, in bounded memory."""
    lines = paced.end("/long")

    assert (b"line 299999", asking.END_LINES) == (lines[-1], len(lines))


def test_answers_that_cannot_be_read(paced: Paced, monkeypatch: pytest.MonkeyPatch) -> None:
    """No JSON, or too much of it."""
    with pytest.raises(HistoryTrouble, match="no JSON"):
        paced.get("/bad")
    monkeypatch.setattr(asking, "MOST_BYTES", 3)
    with pytest.raises(HistoryTrouble, match="more than 3 bytes"):
        paced.get("/a")


def test_nobody_there(clock: Clock) -> None:
    """Told at once: it is the address that is wrong."""
    with httpx.Client(base_url="http://127.0.0.1:9", trust_env=False) as client:
        paced = Paced(client, per_second=1e6, clock=clock, wait=clock.wait)
        with pytest.raises(HistoryTrouble, match=r"127\.0\.0\.1 cannot be reached"):
            paced.get("/a")

    assert [] == clock.waits


def test_server_that_goes_away(clock: Clock) -> None:
    """Tried again before it is told: it was there."""
    with httpx.Client(trust_env=False, headers={"Connection": "close"}) as client:
        with FakeServer(lambda *_: {}).running() as server:
            client.base_url = server.url
            paced = Paced(client, per_second=1e6, clock=clock, wait=clock.wait)
            paced.get("/a")
        with pytest.raises(HistoryTrouble, match=r"127\.0\.0\.1 cannot be reached"):
            paced.get("/a")

    assert ATTEMPTS - 1 == sum(wait >= 1 for wait in clock.waits)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, 0.0),
        ("12", 12.0),
        ("999999999999", asking.LONGEST_ASKED_S),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20.0),
        ("soon", 0.0),
        ("-1", 0.0),
    ],
)
def test_retry_after(said: str | None, expected: float) -> None:
    """A number or a date; nobody waits for ever."""
    assert expected == retry_after_s(said, now=NOW)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("30d", NOW - timedelta(days=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_times(said: str, expected: datetime) -> None:
    """Ago, or at."""
    assert expected == read_time(said, now=NOW)


def test_windows() -> None:
    """A day each, the last one shorter."""
    span = Span(NOW, NOW + timedelta(hours=30))

    assert [Span(NOW, NOW + timedelta(days=1)), Span(NOW + timedelta(days=1), span.until)] == span.windows()


def test_mark(tmp_path: Path) -> None:
    """What was done is left out; what was never done, before it, is not. Each history has its own."""
    mark, other = (Mark(tmp_path / "state" / "backfill.json", key=key) for key in "ab")
    day = timedelta(days=1)
    span = Span(NOW, NOW + 9 * day)
    mark.move(since=NOW, done=NOW + 2 * day)
    mark.move(since=NOW + 2 * day, done=NOW + 3 * day)

    assert Span(NOW + 3 * day, span.until) == mark.left_of(span)
    assert Span(NOW - day, span.until) == mark.left_of(Span(NOW - day, span.until))
    assert span == other.left_of(span)
    mark.path.write_text("[broken")
    assert span == mark.left_of(span)
