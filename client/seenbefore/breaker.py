"""The circuit breaker: a service that is away costs a pipeline its timeout once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Seconds that it stays open at least; doubled each time it opens again with no answer between.
FIRST_S, LONGEST_S = 5.0, 300.0


class Breaker:
    """Closed while the service answers. Open, calls are not made at all; a probe in the background closes it.

    The pipeline's own calls never are the probe: else each of them would pay the timeout again. Safe to use from
    several threads. `clock` gives seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open = False
        self._until = 0.0
        self._times = 0

    @property
    def closed(self) -> bool:
        """Whether calls may be made."""
        return not self._open

    def failed(self) -> bool:
        """A call had no answer; whether that has opened it just now."""
        with self._lock:
            if self._open:
                return False
            self._open = True
            self._until = self._clock() + min(FIRST_S * 2**self._times, LONGEST_S)
            self._times = min(self._times + 1, 10)
            return True

    def answered(self) -> None:
        """A call of the pipeline was answered."""
        with self._lock:
            self._open, self._times = False, 0

    @property
    def wants_probe(self) -> bool:
        """Whether it has been open for long enough to look again."""
        return self._open and self._clock() >= self._until

    def probed(self, *, alive: bool) -> None:
        """What the look has shown: closed again, or open for a while more."""
        with self._lock:
            if alive:
                self._open = False
            else:
                self._until = self._clock() + min(FIRST_S * 2 ** max(self._times - 1, 0), LONGEST_S) / 2
