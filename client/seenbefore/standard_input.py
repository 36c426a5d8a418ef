"""Our standard input, which every attempt of a command is to find as the first one did."""

from __future__ import annotations

import contextlib
import os
import select
import stat

_FILE = 0


class StandardInput:
    """A file is sought back; a pipe or socket can be read once, unless nothing was in it; of a terminal, `/dev/null`
    and other devices every attempt reads what comes."""

    def __init__(self) -> None:
        kind = _kind()
        self._begins_at = os.lseek(_FILE, 0, os.SEEK_CUR) if stat.S_ISREG(kind) else None
        self.is_read_once = (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)) and not _has_ended()

    def rewind(self) -> None:
        """Have the next attempt read it from where the first one has begun."""
        if self._begins_at is not None:
            with contextlib.suppress(OSError):
                os.lseek(_FILE, self._begins_at, os.SEEK_SET)


def _kind() -> int:
    try:
        return os.fstat(_FILE).st_mode
    except OSError:  # it is closed
        return 0


def _has_ended() -> bool:
    """Whether nothing is in it and nobody can write to it any more."""
    if not hasattr(select, "poll"):
        return False
    look = select.poll()
    look.register(_FILE, select.POLLIN)
    seen = [event for _, event in look.poll(0)]
    return seen == [select.POLLHUP]
