"""Failures as people have them: a log, a traceback, or the JSON of a request, from a file or standard input."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

#: Bytes of a log that are read: what failed stands at its end, and how it began at its start. Even where JSON needs
#: six bytes for a character, they fit the service's limit of a body (`SEENBEFORE_MAX_BODY_BYTES`).
HEAD, TAIL = 100_000, 200_000
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Given:
    """What was read: the fields of a request. `left_out` counts bytes of a long log that are not in it."""

    fields: dict[str, Any]
    left_out: int = 0


def read_failure(stream: BinaryIO, *, json_input: bool = False) -> Given:
    """A failure; JSON where it was said to be, or is an object with `error` or `text`.

    Raises `click.UsageError` when there is nothing, or JSON was promised and is not there.
    """
    content, left_out = _bounded(stream)
    text = content.decode("utf-8", "replace").replace("\0", "\ufffd").removeprefix("\ufeff")
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


def _bounded(stream: BinaryIO) -> tuple[bytes, int]:
    """Head and tail of a stream of any length, and how many bytes lie between."""
    head = stream.read(HEAD)
    kept: deque[bytes] = deque()
    size = total = 0
    while chunk := stream.read(CHUNK):
        kept.append(chunk)
        size, total = size + len(chunk), total + len(chunk)
        while size - len(kept[0]) >= TAIL:
            size -= len(kept.popleft())
    tail = b"".join(kept)[-TAIL:]
    left_out = total - len(tail)
    gap = f"\n… {left_out} bytes left out …\n".encode() if left_out else b""
    return head + gap + tail, left_out
