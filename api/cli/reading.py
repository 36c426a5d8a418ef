"""Failures as people have them: a log, a traceback, or the JSON of a request, from a file or standard input."""

from __future__ import annotations

import codecs
import json
from collections import deque
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

#: Bytes of a log that are read: what failed stands at its end, and how it began at its start. Even where JSON needs
#: six bytes for a character, they fit the service's limit of a body (`SEENBEFORE_MAX_BODY_BYTES`).
HEAD, PLACES, TAIL = 100_000, 50_000, 200_000
CHUNK, AROUND = 65_536, 2_000
#: The share of characters beyond which the input is no text. A log that a crash cut off may hold some.
MOST_UNREADABLE = 0.1


@dataclass(frozen=True, slots=True)
class Given:
    """What was read: the fields of a request. `left_out` counts bytes of a long log that are not in it."""

    fields: dict[str, Any]
    left_out: int = 0


def read_failure(stream: BinaryIO, *, json_input: bool = False) -> Given:
    """A failure; JSON where it was said to be, or is an object with `error` or `text`.

    Raises `click.UsageError` when there is nothing, nothing that is text, or JSON was promised and is not there.
    """
    content, left_out = _bounded(stream)
    text = _decoded(content)
    if not text.strip():
        raise click.UsageError("There is no failure in the input: it is empty.")
    request = as_request(text) if not left_out else None
    if request is not None:
        return Given(request)
    if json_input:
        raise click.UsageError("The input is no JSON object with `error` or `text`.")
    return Given({"text": text}, left_out)


def as_request(text: str) -> dict[str, Any] | None:
    """The fields, when the text is JSON that tells of a failure as `POST /advise` takes it."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    tells = isinstance(value, dict) and (isinstance(value.get("error"), dict) or isinstance(value.get("text"), str))
    return value if tells else None


def _decoded(content: bytes) -> str:
    """UTF-8, or UTF-16 where it says so, as some shells write it. Raises `click.UsageError` for what is no text."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if wide else "utf-8", "replace").replace("\0", "\ufffd").removeprefix("\ufeff")
    if text.count("\ufffd") > len(text) * MOST_UNREADABLE:
        raise click.UsageError("The input is no text: a log, a traceback or JSON is needed.")
    return text


def _bounded(stream: BinaryIO) -> tuple[bytes, int]:
    """Of a stream of any length its head, its tail and the places between that speak of failure; the bytes left out."""
    from knowledge.signature.extract.window import places_of  # noqa: PLC0415 - not needed for help

    head = stream.read(HEAD)
    kept: deque[bytes] = deque()
    places: list[str] = []
    size = total = 0
    while chunk := stream.read(CHUNK):
        kept.append(chunk)
        size, total = size + len(chunk), total + len(chunk)
        while size - len(kept[0]) >= TAIL:
            passed = kept.popleft()
            size -= len(passed)
            # With a part of what follows: a traceback that goes on there is not cut off.
            places += places_of((passed + kept[0][:AROUND]).decode("utf-8", "replace"))
    tail = b"".join(kept)[-TAIL:]
    between = "\n".join(places).encode()[:PLACES]
    left_out = total - len(tail) - len(between)
    gap = b"\n" + between + f"\n… {left_out} bytes left out …\n".encode() if total > len(tail) else b""
    return head + gap + tail, max(0, left_out)
