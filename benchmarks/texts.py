"""The texts that `benchmarks.latency` asks about: made up, or the failures of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, cycle
from typing import Protocol

from benchmarks import synthetic
from benchmarks.protocol import Row
from knowledge.intake import prepare_now

ERROR, TRACEBACK, REAL = "error of one line", "traceback of 28 lines", "failures of the corpus"
#: Kinds from here on are never imported; each is asked once.
UNSEEN_FROM = 3_000_000


class Texts(Protocol):
    """One sort of text."""

    @property
    def name(self) -> str:
        """What the tables call it."""

    def unseen(self) -> str:
        """A failure whose fingerprint the service has never met."""

    def known(self) -> str:
        """One whose fingerprint it has."""


class MadeUp:
    """Synthetic failures; of `remembered`, kinds that the service was filled with, another occurrence is asked."""

    def __init__(
        self, name: str, make: Callable[..., str], *, unseen: Iterator[int], remembered: Sequence[int]
    ) -> None:
        self.name = name
        self._make = make
        self._unseen = unseen
        self._remembered = cycle(remembered)
        # Those of filling are 0 and a few more.
        self._occurrence = count(1_000)

    def unseen(self) -> str:
        """A kind that was never made before."""
        return self._make(next(self._unseen), occurrence=0)

    def known(self) -> str:
        """A new occurrence of a kind that the service was filled with."""
        return self._make(next(self._remembered), occurrence=next(self._occurrence))


class Real:
    """Failures of a corpus, one of each fingerprint; what was asked as unseen is then known."""

    name = REAL

    def __init__(self, rows: Sequence[Row]) -> None:
        of_fingerprint = {prepare_now(row.asked()).signature.fingerprint: row.text for row in rows}
        self._texts = tuple(of_fingerprint.values())
        self._asked = 0

    def __len__(self) -> int:
        return len(self._texts)

    def unseen(self) -> str:
        """The next failure; raises `IndexError` when all were asked."""
        self._asked += 1
        return self._texts[self._asked - 1]

    def known(self) -> str:
        """One that was asked some time ago, rather than a moment."""
        return self._texts[self._asked // 2]


def made_up(size: int, *, unseen: Iterator[int]) -> tuple[MadeUp, MadeUp]:
    """Both sorts for a service filled with the kinds below `size`; `unseen` counts through kinds beyond all sizes."""
    step = synthetic.TRACEBACK_EVERY
    return (
        MadeUp(ERROR, synthetic.error, unseen=unseen, remembered=range(1, size, step)),
        MadeUp(TRACEBACK, synthetic.traceback, unseen=unseen, remembered=range(0, size, step)),
    )
