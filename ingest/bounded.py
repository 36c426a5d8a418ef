"""Texts and lines of any length, of which a bounded part is held in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Protocol

#: Characters of a failure's text that are kept: how it began, and its end, where what failed stands.
HEAD, TAIL = 50_000, 200_000


class Lines(Protocol):
    """What lines are read from."""

    def readline(self, size: int = -1, /) -> bytes: ...


class BoundedText:
    """A text that is added to, kept in head and tail; what lies between is counted and left out."""

    def __init__(self, *, head: int = HEAD, tail: int = TAIL) -> None:
        self._head, self._tail = head, tail
        self._first: list[str] = []
        self._last: deque[str] = deque()
        self._in_first = self._in_last = self._left_out = 0

    def add(self, part: str) -> None:
        """Add at the end."""
        room = self._head - self._in_first
        if room > 0:
            self._first.append(part[:room])
            self._in_first += len(self._first[-1])
            part = part[room:]
        if not part:
            return
        self._left_out += max(0, len(part) - self._tail)
        self._last.append(part[-self._tail :])
        self._in_last += len(self._last[-1])
        while self._in_last - len(self._last[0]) >= self._tail:
            passed = len(self._last.popleft())
            self._in_last, self._left_out = self._in_last - passed, self._left_out + passed

    def text(self) -> str:
        """What is kept."""
        gap = f"\n… {self._left_out} characters left out …\n" if self._left_out else ""
        return "".join(self._first) + gap + "".join(self._last)


def bounded_lines(stream: Lines | BinaryIO, *, longest: int) -> Iterator[tuple[int, bytes, int]]:
    """Numbered lines and their sizes in bytes; of one that is longer than `longest` only the beginning is held."""
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        size = len(line)
        rest = line
        while size > longest and rest and not rest.endswith(b"\n"):
            rest = stream.readline(longest)
            size += len(rest)
        yield number, line, size
