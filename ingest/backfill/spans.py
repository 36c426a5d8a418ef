"""The span of time of a backfill, in windows, and the mark of how far it came."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from ingest.foreign import moment_of, object_of
from ingest.items import Item

#: What is read and sent before the mark moves on.
WINDOW = timedelta(days=1)
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class History(Protocol):
    """What a server knows of failed runs. Both methods raise `ingest.backfill.asking.HistoryTrouble`."""

    #: Failed runs that say nothing of why, and are left out.
    silent: int

    def failures(self, since: datetime, until: datetime) -> Iterator[Item]:
        """The failures of runs that ended in this time, from `since` on and before `until`."""

    def count(self, since: datetime, until: datetime) -> int:
        """How many runs would be looked at."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on, and before `until`."""

    since: datetime
    until: datetime

    def windows(self) -> list[Span]:
        """The span in parts of a day, the oldest first."""
        starts = []
        start = self.since
        while start < self.until:
            starts.append(start)
            start += WINDOW
        return [Span(each, min(each + WINDOW, self.until)) for each in starts]


def read_time(said: str, *, now: datetime) -> datetime:
    """`30d`, `12h`, `2w` ago, or a time as ISO 8601 writes it; raises `ValueError`."""
    amount, unit = said[:-1], UNITS.get(said[-1:])
    if unit is not None and amount.isascii() and amount.isdigit() and len(amount) <= 5:
        return now - int(amount) * unit
    moment = moment_of(said)
    if moment is None:
        raise ValueError("takes 30d, 12h, 2w or a time such as 2026-11-20")
    return moment


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a backfill came, in a file; `key` names what was read for whom."""

    path: Path
    key: str

    def left_of(self, span: Span) -> Span:
        """What is left to do: all of it, unless its beginning was done before."""
        since, done = (moment_of(self._kept().get(name)) for name in ("since", "done"))
        if since is None or done is None or not since <= span.since < done:
            return span
        return Span(min(done, span.until), span.until)

    def move(self, *, since: datetime, done: datetime) -> None:
        """All from `since` to `done` was taken. The file is whole at every moment; where none can be kept, so be it."""
        kept = moment_of(self._kept().get("since"))
        before = moment_of(self._kept().get("done"))
        if kept is not None and before is not None and kept <= since <= before:
            since, done = kept, max(before, done)
        value = self._all() | {self.key: {"since": since.isoformat(), "done": done.isoformat()}}
        draft = self.path.with_suffix(".draft")
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(value, indent=1), encoding="utf-8")
            os.replace(draft, self.path)  # noqa: PTH105 - atomic

    def _kept(self) -> dict[str, object]:
        return dict(object_of(self._all().get(self.key)))

    def _all(self) -> dict[str, object]:
        try:
            return dict(object_of(json.loads(self.path.read_text(encoding="utf-8"))))
        except (OSError, ValueError):
            return {}


def in_utc(moment: datetime) -> str:
    """As every one of these APIs takes a time."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
