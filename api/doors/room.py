"""Room for what is being taken in: bodies are read within it, and when it is full the sender comes again."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.problems import Problem

#: Who sends a body slower than this gives up its place.
READING_S = 30.0
#: Exporters give up after 10 s: who would wait longer than this for a turn is told to come again.
TURN_S = 5.0
#: Senders give up after 10 s and send all again; what has taken longer than this is broken off before that.
WORKING_S = 8.0
#: By `Content-Encoding`: what zlib calls them. `x-gzip` is gzip (RFC 9110).
GZIP = 16 + zlib.MAX_WBITS
WINDOWS = {"gzip": GZIP, "x-gzip": GZIP, "deflate": zlib.MAX_WBITS}
BUSY = "Too much is coming in at once. Come again in a moment: nothing of this request was taken."
LATER = "This takes longer than senders wait. What was read of it is recorded: send it again, and the rest is."


@dataclass
class Room:
    """So many bytes of bodies at once, of which so many in one; `turns` are worked on at the same time."""

    most: int
    most_in_one: int
    turns: asyncio.Semaphore
    held: int = field(default=0, init=False)

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """A request's body, unpacked; its room is kept until it was worked on. Raises problems: 400, 413, 415, 503."""
        place = _Place(self)
        try:
            yield await _read(request, place=place)
        finally:
            self.held -= place.held

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn to work; raises a 503 problem when it does not come soon."""
        try:
            await asyncio.wait_for(self.turns.acquire(), TURN_S)
        except TimeoutError:
            raise Problem(503, BUSY) from None
        try:
            yield
        finally:
            self.turns.release()


@dataclass
class _Place:
    """What one request holds of the room."""

    room: Room
    held: int = 0

    def take(self, size: int) -> None:
        if self.held + size > self.room.most_in_one:
            raise too_large(self.room.most_in_one)
        if self.room.held + size > self.room.most:
            raise Problem(503, BUSY)
        self.held += size
        self.room.held += size


def too_large(most: int) -> Problem:
    """The problem of a body over the limit."""
    return Problem(413, f"A body may have at most {most} bytes, unpacked. Send smaller batches.", field="body")


async def _read(request: Request, *, place: _Place) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > place.room.most_in_one:
        raise too_large(place.room.most_in_one)
    unpack = _unpacking(",".join(request.headers.getlist("content-encoding")).strip().lower())
    parts = list[bytes]()
    try:
        async with asyncio.timeout(READING_S):
            async for chunk in request.stream():
                parts += unpack.pieces(chunk, place=place)
    except TimeoutError:
        raise Problem(400, f"The body did not come within {READING_S:.0f} s.", field="body") from None
    except ClientDisconnect:
        raise Problem(400, "The connection ended before the body did.", field="body") from None
    unpack.end()
    return b"".join(parts)


class _AsItIs:
    def pieces(self, chunk: bytes, *, place: _Place) -> Iterator[bytes]:
        place.take(len(chunk))
        yield chunk

    def end(self) -> None:
        """Nothing is left over."""


class _Packed:
    """gzip, of several members too (RFC 1952), or zlib. What comes out is counted while it comes out: a bomb ends where
    the room does. So is what comes in, and of how many members, for of nothing there may be much as well."""

    STEP, MOST_MEMBERS = 256_000, 1_000

    def __init__(self, window: int) -> None:
        self._window = window
        self._stream = zlib.decompressobj(window)
        self._came = 0
        self._members = 1

    def pieces(self, chunk: bytes, *, place: _Place) -> Iterator[bytes]:
        self._came += len(chunk)
        if self._came > place.room.most_in_one:
            raise too_large(place.room.most_in_one)
        while chunk:
            piece = self._unpacked(chunk)
            place.take(len(piece))
            yield piece
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._stream.eof:
            self._begin_another()
        try:
            return self._stream.decompress(chunk, self.STEP)
        except zlib.error:
            raise Problem(400, "The body is not packed as Content-Encoding says.", field="body") from None

    def _begin_another(self) -> None:
        if self._window != GZIP:
            raise Problem(400, "There is more behind the end of the packed body.", field="body")
        self._members += 1
        if self._members > self.MOST_MEMBERS:
            raise Problem(413, f"A packed body may have at most {self.MOST_MEMBERS:,} members.", field="body")
        self._stream = zlib.decompressobj(self._window)

    def end(self) -> None:
        if not self._stream.eof:
            raise Problem(400, "The packed body is cut off.", field="body")


def _unpacking(encoding: str) -> _AsItIs | _Packed:
    if encoding in {"", "identity"}:
        return _AsItIs()
    if encoding not in WINDOWS:
        raise Problem(415, "Content-Encoding may be gzip, deflate or identity.", field="Content-Encoding")
    return _Packed(WINDOWS[encoding])
