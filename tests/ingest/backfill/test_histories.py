"""What is made of the histories of Airflow, Prefect and MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.backfill.airflow import Airflow, log_in, told_in
from ingest.backfill.asking import HistoryTrouble, Paced
from ingest.backfill.mlflow import Mlflow, tells
from ingest.backfill.prefect import Prefect, step_of
from ingest.backfill.prefect_text import error_shown_as
from ingest.items import Item, Outcome
from ingest.records import from_mapping
from tests.ingest.backfill import fake_servers
from tests.ingest.backfill.fake_servers import FakeServer

SPAN = (datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
BEFORE = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC))


@contextmanager
def asked(server: FakeServer, path: str = "") -> Iterator[Paced]:
    """A server, asked as fast as it goes."""
    with server.running(), httpx.Client(base_url=f"{server.url}{path}/", trust_env=False) as client:
        yield Paced(client, per_second=1e6, wait=lambda _: None)


def fields(items: list[Item]) -> list[dict[str, Any]]:
    """Their fields, each fit for an import."""
    for item in items:
        from_mapping(item.value or {})
    return [dict(item.value or {}) for item in items]


def test_airflow() -> None:
    """Every try that failed, with how the next one ended; names as the client's adapter gives them."""
    with asked(fake_servers.airflow()) as paced:
        history = Airflow(paced)
        items = list(history.failures(*SPAN))
        counted, before = history.count(*SPAN), list(history.failures(*BEFORE))

    assert [
        ("load", 1, Outcome("failed", attempt=2, waited_s=300.0)),
        ("load", 2, None),
        ("export", 1, Outcome("succeeded", attempt=2, waited_s=60.0)),
    ] == [(each["step"], each["attempt"], item.outcome) for item, each in zip(items, fields(items), strict=True)]
    assert (3, [], 1) == (counted, before, history.silent)
    first = fields(items)[0]
    assert ("nightly", "nightly:scheduled__2026-11-20T00:00:00+00:00", 4) == (
        first["pipeline"],
        first["run_id"],
        first["max_attempts"],
    )
    assert ("ConnectionResetError", "[Errno 104] Connection reset by peer") == (
        first["error"]["type"],
        first["error"]["message"],
    )
    assert 'File "/dags/nightly.py", line 12, in load' in first["error"]["stacktrace"]
    assert 3 == len({each["external_id"] for each in fields(items)})


def test_airflow_gives_tokens() -> None:
    """For a name and a password."""
    with asked(fake_servers.airflow()) as paced:
        token = log_in(paced, username="ada", password="secret")
        with pytest.raises(HistoryTrouble, match="gives no token"):
            log_in(paced, username="ada", password="wrong")

    assert "t0ken" == token


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], None),
        ([b'{"event": "  "}'], None),
        (
            [
                b'{"event": "::group::Log message source details"}',
                b'{"event": "/logs/1"}',
                b'{"event": "::endgroup::"}',
            ],
            None,
        ),
        ([b'{"event": "KeyError: 1"}', b"plain"], {"text": "KeyError: 1\nplain"}),
        ([b'{"content": ["a", {"event": "b"}], "continuation_token": null}'], {"text": "a\nb"}),
        (
            [b'{"event": "x", "error_detail": [{}]}'],
            {"error": {"type": "Exception", "stacktrace": "Traceback (most recent call last):\nNone: None"}},
        ),
    ],
)
def test_logs_of_airflow(lines: list[bytes], expected: Any) -> None:
    """In structure, in lines, or all in one answer."""
    assert expected == told_in(lines)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b'{"error_detail":[{"frames":[{}]}]}', b'{"content":[1]}'])))
def test_whatever_a_log_says(lines: list[bytes]) -> None:
    """Fit for an import, or nothing."""
    if (said := told_in(lines)) is not None:
        from_mapping(said)


def test_prefect() -> None:
    """Task runs that failed, a flow run that crashed by itself, and the attempt before one that passed."""
    with asked(fake_servers.prefect(), "/api") as paced:
        history = Prefect(paced)
        items = list(history.failures(*SPAN))
        counted = history.count(*SPAN)

    assert [
        ("nightly", "load", 2, None),
        ("nightly", None, 1, None),
        ("nightly", "export", 1, Outcome("succeeded", attempt=2)),
    ] == [
        (each["pipeline"], each.get("step"), each["attempt"], item.outcome)
        for item, each in zip(items, fields(items), strict=True)
    ]
    load, crashed, export = (each.get("text") or each["error"] for each in fields(items))
    assert load.startswith("Traceback (most recent call last):") and "Crash detected!" in crashed
    assert {"type": "ConnectionResetError", "message": "[Errno 104] Connection reset by peer"} == export
    assert 3 == counted


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("KeyError('price')", {"type": "KeyError", "message": "'price'"}),
        ("ValueError('a (b)')", {"type": "ValueError", "message": "a (b)"}),
        ("TimeoutError()", {"type": "TimeoutError"}),
        ("google.api_core.Aborted(503, 'x', [1])", {"type": "google.api_core.Aborted", "message": "(503, 'x', [1])"}),
        ("HTTPError(<Response [503]>)", None),
        ("Failed(message='x')", None),
        ("x" * 6_000 + "()", None),
        ("E(" + "(" * 3_000 + ")", None),
        ("", None),
    ],
)
def test_representations_of_errors(shown: str, expected: dict[str, str] | None) -> None:
    """What can be read as one has the message that it would have elsewhere."""
    assert expected == (error_shown_as(shown) or {}).get("error")


@given(st.text(st.characters(), max_size=60).map(lambda text: f"E({text})"))
def test_whatever_is_raised(shown: str) -> None:
    """Fit for an import, or left as a text."""
    if (error := error_shown_as(shown)) is not None:
        from_mapping(error)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("load-3fa", "load"), ("export-0", "export"), ("load-data", "load-data"), ("a", "a"), ("a-b1c2d3e4", "a")],
)
def test_tasks_of_prefect(name: str, expected: str) -> None:
    """Without what is added for each call."""
    assert expected == step_of({"name": name})


def test_mlflow() -> None:
    """What an artifact tells; runs without one are counted."""
    with asked(fake_servers.mlflow()) as paced:
        history = Mlflow(paced)
        items = list(history.failures(*SPAN))
        counted = history.count(*SPAN)

    assert [
        {
            "text": fake_servers.MLFLOW_TEXT.decode().strip(),
            "pipeline": "fraud-training",
            "run_id": "r-1",
            "occurred_at": "2026-11-20T08:05:00+00:00",
            "environment": {"source.name": "train.py"},
            "external_id": "mlflow:r-1",
        }
    ] == fields(items)
    assert (1, 2) == (history.silent, counted)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("stderr.log", True), ("logs/Traceback.TXT", True), ("model/error.pkl", False), ("metrics.txt", False)],
)
def test_artifacts_that_tell(path: str, expected: bool) -> None:
    """By their names."""
    assert expected == tells(path)


@pytest.mark.parametrize("kind", [Airflow, Prefect, Mlflow])
@pytest.mark.parametrize("answer", [[], {}, b"<html>", 7, "x", [[]], None])
def test_server_that_is_another(kind: Any, answer: Any) -> None:
    """Nothing, or one clear problem."""
    with asked(FakeServer(lambda *_: answer)) as paced:
        try:
            assert [] == list(kind(paced).failures(*SPAN))
        except HistoryTrouble as trouble:
            assert str(trouble)
