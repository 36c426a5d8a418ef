"""Bodies of 100 MB are refused or streamed, quickly and without keeping them in memory."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api import guard
from api.auth import Gate
from api.models import ImportAnswer
from knowledge.store.database import Database
from tests.api.http.asking import LIMIT_S, checked

LARGE = 100_000_000
CHUNK = b"x" * 100_000
#: Service and tests share a process: a body kept in memory, even once, shows clearly.
MOST_GROWTH = 50_000_000


def resident() -> int:
    """Bytes of this process in memory, the service's included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def large(prefix: bytes = b'{"text": "') -> Iterator[bytes]:
    """A body of 100 MB, without a length."""
    yield prefix
    for _ in range(LARGE // len(CHUNK)):
        yield CHUNK


def send_by_hand(url: str, head: str, content: Iterator[bytes]) -> bytes:
    """The first bytes of the answer, read once all is written."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
        connection.sendall(head.replace("Host: x", f"Host: {host}").encode())
        for part in content:
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n" if "chunked" in head else part)
        return connection.recv(4_096)


@pytest.mark.parametrize("path", ["/advise", "/incidents"])
def test_declared_length_is_enough_to_refuse(service_url: str, path: str) -> None:
    """Nothing of the body is waited for; a client that waits for the answer before it writes gets it."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {LARGE}\r\n\r\n"

    assert b"HTTP/1.1 413" == send_by_hand(service_url, head, iter(()))[:12]


def test_chunked_body_is_refused_once_it_is_too_large(service_url: str) -> None:
    """Without a length, after the first megabytes; a client that writes on is read to its end, and none of it kept."""
    head = "POST /advise HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    before, started = resident(), time.monotonic()
    answers = [send_by_hand(service_url, head, large()) for _ in range(3)]

    assert {b"HTTP/1.1 413"} == {answer[:12] for answer in answers}
    assert time.monotonic() - started < LIMIT_S
    assert resident() - before < MOST_GROWTH


def test_answer_to_a_chunked_body_does_not_wait_for_its_end(service_url: str) -> None:
    """A client that pauses when it is refused is not kept waiting."""
    host, _, port = service_url.removeprefix("http://").partition(":")
    kind = "Content-Type: application/json\r\nTransfer-Encoding: chunked"
    head = f"POST /advise HTTP/1.1\r\nHost: {host}\r\n{kind}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
        connection.sendall(head.encode())
        for _ in range(30):
            connection.sendall(f"{len(CHUNK):x}\r\n".encode() + CHUNK + b"\r\n")
        answer = connection.recv(4_096)

    assert b"HTTP/1.1 413" == answer[:12]
    assert b"connection: close" in answer


async def test_dropping_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a body without end, no more is read than was said; then the answer ends, and the connection with it."""
    monkeypatch.setattr(guard, "MOST_DROPPED", 10 * len(CHUNK))
    read, sent = 0, list[Any]()

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += len(CHUNK)
        return {"type": "http.request", "body": CHUNK, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    guarded = guard.Guard(nobody, max_body=len(CHUNK), gate=Gate(cast(Database, None), open=False), host="127.0.0.1")
    scope = {"type": "http", "method": "POST", "path": "/advise", "headers": []}
    await guarded(scope, receive, send)

    assert 12 * len(CHUNK) == read
    assert [413] == [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert (b"", False) == (sent[-1]["body"], sent[-1]["more_body"])


async def nobody(*_: Any) -> None:
    """The app behind the guard, which is never reached."""
    raise AssertionError


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 400, "+5", "5, 6"])
def test_lengths_that_are_none(service_url: str, length: str) -> None:
    """Refused; the connection is not left waiting."""
    head = f"POST /advise HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"

    assert b"HTTP/1.1 4" == send_by_hand(service_url, head, iter(()))[:10]


def test_line_of_100_megabytes_in_an_import(client: httpx.Client) -> None:
    """It is read to its end and forgotten; the lines around it are taken."""
    before = resident()

    def lines() -> Iterator[bytes]:
        yield b'{"text": "boom"}\n'
        yield from large()
        yield b'"}\n{"text": "boom"}\n'

    response = client.post("/incidents/import", content=lines(), timeout=60)
    report = checked(response, ImportAnswer)

    assert (2, [2]) == (report["accepted"], [each["line"] for each in report["rejected"]])
    assert resident() - before < MOST_GROWTH


def test_import_of_many_lines_is_streamed(client: httpx.Client) -> None:
    """A file larger than any body may be."""
    line = json.dumps({"text": "PlumError: no lease", "environment": {"note": "n" * 4_000}}).encode() + b"\n"
    before = resident()
    report = checked(client.post("/incidents/import", content=iter([line] * 2_000), timeout=60), ImportAnswer)

    assert 2_000 == report["accepted"]
    assert resident() - before < MOST_GROWTH
