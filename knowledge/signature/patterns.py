"""Typed access to google-re2: user text is hostile, and an automaton answers in linear time whatever it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import re2

#: Memory for one automaton's states; when it is spent RE2 goes on more slowly, it does not fail.
_AUTOMATON_BYTES = 32 << 20
#: The same for one that somebody else wrote; one that does not fit is refused.
_GIVEN_BYTES = 1 << 20


class Match(Protocol):
    """What is used of a match."""

    def __getitem__(self, group: int) -> str: ...

    def start(self, group: int = 0) -> int: ...

    def end(self, group: int = 0) -> int: ...


class Pattern(Protocol):
    """What is used of a compiled pattern."""

    def sub(self, repl: str | Callable[[Match], str], text: str) -> str: ...

    def search(self, text: str) -> Match | None: ...

    def match(self, text: str) -> Match | None: ...

    def finditer(self, text: str) -> Iterator[Match]: ...


def pattern(*alternatives: str) -> Pattern:
    """One automaton for all alternatives; the first that matches at a place wins, and flags hold for their own only."""
    return cast(Pattern, re2.compile("|".join(f"(?:{one})" for one in alternatives), _options()))


def given_pattern(written: str) -> Pattern:
    """A pattern that somebody else wrote, in RE2's syntax; raises `ValueError` with what is wrong with it."""
    try:
        return cast(Pattern, re2.compile(written, _options(_GIVEN_BYTES)))
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None


def words(text: str) -> frozenset[str]:
    """The words of a list that is easier to read as text."""
    return frozenset(text.split())


class LineKinds:
    """Tells in one pass over a line which of many kinds it is of; a kind is one bit."""

    def __init__(self, kinds: Sequence[tuple[int, str]]) -> None:
        self._kinds = tuple(kind for kind, _ in kinds)
        self._set = re2.Set.SearchSet(_options())
        for _, regex in kinds:
            self._set.Add(regex)
        self._set.Compile()

    def of(self, line: str) -> int:
        """The kinds whose patterns are found in the line, as bits; 0 when there is none."""
        kinds = 0
        for number in self._set.Match(line) or ():
            kinds |= self._kinds[number]
        return kinds


def _options(most_bytes: int = _AUTOMATON_BYTES) -> re2.Options:
    options = re2.Options()
    options.max_mem = most_bytes
    options.log_errors = False
    return options
