"""Asking a server for its history: paced, patient with one that is busy, and bounded in what is taken of an answer."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

#: How often a request is made that a server is too busy for; the waits between, in seconds, doubled up to the longest.
ATTEMPTS = 6
FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_ASKED_S = 1.0, 30.0, 300.0
BUSY = (429, 502, 503, 504)
#: Bytes of an answer.
MOST_BYTES = 64_000_000
#: Bytes and lines of a log that are kept: its end.
END_BYTES, END_LINES = 1_000_000, 2_000

Query = Sequence[tuple[str, str | int]]


class HistoryTrouble(Exception):
    """The server cannot be reached, refuses, or answers what nobody understands."""


class Paced:
    """A server's API, asked `per_second` times a second at most. All methods raise `HistoryTrouble`."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._between_s = 1 / per_second
        self._clock, self._wait = clock, wait
        self._next = 0.0
        self._was_there = False

    def get(self, path: str, query: Query = ()) -> Any:
        """The JSON of a `GET`; None where there is no such thing (404)."""
        return self._json("GET", path, params=list(query))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of a `POST`; None where there is no such thing (404)."""
        return self._json("POST", path, json=body)

    def end(self, path: str, query: Query = (), *, accept: str = "*/*") -> list[bytes]:
        """The last lines of what may be long; none where there is no such thing (404)."""
        with self._answer("GET", path, params=list(query), headers={"Accept": accept}) as answer:
            return [] if answer is None else _last_lines(answer.iter_bytes())

    def _json(self, method: str, path: str, **given: Any) -> Any:
        with self._answer(method, path, **given) as answer:
            if answer is None:
                return None
            try:
                return json.loads(_bounded(answer.iter_bytes()))
            except (ValueError, RecursionError):
                raise HistoryTrouble(f"{path} answers no JSON: is the address right?") from None

    @contextmanager
    def _answer(self, method: str, path: str, **given: Any) -> Iterator[httpx.Response | None]:
        """The open answer, once the server has one; None for 404."""
        try:
            answer = self._patiently(method, path, **given)
        except httpx.HTTPError as error:
            raise HistoryTrouble(f"{self._client.base_url.host} cannot be reached ({type(error).__name__})") from None
        try:
            if answer.status_code != 404 and not answer.is_success:
                raise HistoryTrouble(_refusal(path, answer.status_code))
            yield None if answer.status_code == 404 else answer
        except httpx.HTTPError as error:
            raise HistoryTrouble(f"the answer of {path} broke off ({type(error).__name__})") from None
        finally:
            answer.close()

    def _patiently(self, method: str, path: str, **given: Any) -> httpx.Response:
        pause = FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            self._keep_pace()
            asked_s = 0.0
            try:
                answer = self._client.send(self._client.build_request(method, path, **given), stream=True)
            except httpx.TransportError:
                # Where nobody has answered yet, the address is more likely wrong than the server away for a moment.
                if attempt == ATTEMPTS or not self._was_there:
                    raise
            else:
                self._was_there = True
                if answer.status_code not in BUSY or attempt == ATTEMPTS:
                    return answer
                asked_s = retry_after_s(answer.headers.get("Retry-After"), now=datetime.now(UTC))
                answer.close()
            self._wait(max(asked_s, pause))
            pause = min(2 * pause, LONGEST_PAUSE_S)
        raise AssertionError("unreachable")

    def _keep_pace(self) -> None:
        now = self._clock()
        if now < self._next:
            self._wait(self._next - now)
        self._next = max(now, self._next) + self._between_s


def retry_after_s(said: str | None, *, now: datetime) -> float:
    """Seconds that a `Retry-After` asks to wait, as a number or a date; 0 where it says nothing sensible."""
    if not said:
        return 0.0
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), LONGEST_ASKED_S)
    try:
        until = parsedate_to_datetime(said)
        return min(max(0.0, (until - now).total_seconds()), LONGEST_ASKED_S)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _refusal(path: str, status: int) -> str:
    if status in (401, 403):
        return f"{path} answers {status}: it needs to know who asks, or that account may not read it"
    if 300 <= status < 400:
        return f"{path} answers {status}, a redirection, which is not followed: is the address right?"
    if 400 <= status < 500:
        return f"{path} answers {status}: is the address right?"
    return f"{path} answers {status}"


def _bounded(parts: Iterator[bytes]) -> bytes:
    kept = bytearray()
    for part in parts:
        kept += part
        if len(kept) > MOST_BYTES:
            raise HistoryTrouble(f"an answer has more than {MOST_BYTES} bytes")
    return bytes(kept)


def _last_lines(parts: Iterator[bytes]) -> list[bytes]:
    """The end of a stream of any length, in lines; the first may be cut."""
    kept: deque[bytes] = deque()
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        while size - len(kept[0]) >= END_BYTES:
            size -= len(kept.popleft())
    return b"".join(kept)[-END_BYTES:].splitlines()[-END_LINES:]
