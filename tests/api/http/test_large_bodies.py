"""Bodies of 100 MB are refused or streamed, quickly and without keeping them in memory."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.models import ImportAnswer
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
    """The first bytes of the answer; a client that writes on after an early refusal may see its connection reset."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
        connection.sendall(head.encode())
        try:
            for part in content:
                connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n" if "chunked" in head else part)
        except OSError:
            return b"(reset)"
        return connection.recv(4_096)


@pytest.mark.parametrize("path", ["/advise", "/incidents"])
def test_declared_length_is_enough_to_refuse(service_url: str, path: str) -> None:
    """Nothing of the body is waited for; a client that waits for the answer before it writes gets it."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {LARGE}\r\n\r\n"

    assert b"HTTP/1.1 413" == send_by_hand(service_url, head, iter(()))[:12]


def test_chunked_body_is_refused_once_it_is_too_large(service_url: str) -> None:
    """Without a length, after the first megabytes; memory does not grow with what is sent."""
    head = "POST /advise HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    before, started = resident(), time.monotonic()
    answers = [send_by_hand(service_url, head, large()) for _ in range(3)]

    assert {True} == {answer[:12] in (b"HTTP/1.1 413", b"(reset)") for answer in answers}, answers
    assert time.monotonic() - started < LIMIT_S
    assert resident() - before < MOST_GROWTH


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
