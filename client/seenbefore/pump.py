"""One stream of a command on its way through: to where ours goes, as it comes, and to whoever keeps its end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

CHUNK = 65_536
#: Bytes of a line that are waited for until it ends.
LONGEST_LINE = 8_192
#: Seconds that output is waited for after the command's end: none but what it has left running writes any more, and
#: that may hold the pipe open for ever. All it wrote itself has been read once nothing comes for `QUIET_S`.
QUIET_S, LINGER_S = 0.5, 2.0
_LOOK_S, _FULL_S = 0.02, 0.01


class Pump(threading.Thread):
    """Copies `source` to the file descriptor `sink` (None: nowhere), and gives whole lines to `keep`.

    Where nobody reads the sink any more, the source is closed: the command meets a broken pipe, as it would alone.
    """

    def __init__(self, source: IO[bytes], sink: int | None, keep: Callable[[bytes], None]) -> None:
        super().__init__(name="seenbefore-output", daemon=True)
        self.unread = False
        self._source, self._sink, self._keep = source, sink, keep
        self._waiting_since: float | None = None
        self.start()

    def run(self) -> None:
        """Until the last process that may write to it has closed it."""
        begun = b""
        with self._source:
            while not self.unread and (part := self._read()):
                lines, end, begun = (begun + part).rpartition(b"\n")
                self._keep(lines + end)
                if len(begun) > LONGEST_LINE:
                    self._keep(begun)
                    begun = b""
                self._write(part)
        self._keep(begun)

    @property
    def idle_s(self) -> float:
        """For how many seconds nothing has come; 0 while something is passed on."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since

    def _read(self) -> bytes:
        self._waiting_since = time.monotonic()
        part = os.read(self._source.fileno(), CHUNK)
        self._waiting_since = None
        return part

    def _write(self, part: bytes) -> None:
        """All of it, however slowly it is read; a sink that fails otherwise (a full disk) takes no more."""
        left = memoryview(part)
        while self._sink is not None and left:
            try:
                left = left[os.write(self._sink, left) :]
            except BlockingIOError:  # somebody else has made it so
                time.sleep(_FULL_S)
            except BrokenPipeError:
                self.unread = True
                return
            except OSError:
                self._sink = None


def finish(pumps: Sequence[Pump]) -> None:
    """Wait until all that an ended command has written is passed on."""
    ended = time.monotonic()
    while running := [each for each in pumps if each.is_alive()]:
        idle, since = min(each.idle_s for each in running), time.monotonic() - ended
        if min(idle, since) >= QUIET_S or (idle > 0 and since >= LINGER_S):
            return
        running[0].join(_LOOK_S)
