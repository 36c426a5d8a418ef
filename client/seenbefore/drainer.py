"""The background thread that brings what is in the spool to the service, and looks whether the service is back."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from seenbefore import calls
from seenbefore.delivery import Delivery, Later, Never, Superseded, Written, deliver
from seenbefore.engine import Engine
from seenbefore.errors import SpoolUnavailable
from seenbefore.plain import spread
from seenbefore.plans_async import drive_async
from seenbefore.spool import Spool
from seenbefore.spooled import Spooled
from seenbefore.together import deliver_together, together

#: Of the oldest rows so many are looked at, so many lanes go beside each other, and so many rows of each in one go.
WINDOW, LANES, OF_LANE = 512, 16, 32
#: Kinds that are told of a step that is there, or of what is below it.
WITHIN_STEP = frozenset({"sub_task", "progress"})
#: Seconds: between looks when nothing calls for one; for another process's turn; backoff, first and longest.
IDLE_S, TURN_S, FIRST_S, LONGEST_S = 5.0, 0.2, 0.5, 30.0
PROBE_S = 2.0
#: A row that has just been kept waits for so long: whoever kept it goes on undisturbed, and others may join it.
CALM_S = 0.05
#: The log is moved into the file so often at most.
TIDY_S = 5.0
log = logging.getLogger("seenbefore")
#: Files whose locks are this process's turns.
_held: set[IO[str]] = set()


class Drainer:
    """Drains one target's rows, one process at a time, oldest first. `start` may be called often."""

    def __init__(self, spool: Spool, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._engine = engine
        self._target = engine.target.name
        self._clock = clock
        self._etags: dict[str, str | None] = {}
        self._resting: dict[str, float] = {}
        self._not_ours: set[str] = set()
        self._adopted = False
        self._takes_several = True
        self._not_before = 0.0
        self._backoff_s = FIRST_S
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._tidied_at = self._clock()
        self._moved = threading.Condition()
        self._ends = False
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. Raises `RuntimeError` when none can be started."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="seenbefore-spool", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after what it is at, within half a second."""
        self._ends = True
        self._hurry.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(0.5)

    def hopes(self, *, until: float) -> bool:
        """Whether rows may go out before that time of the clock: the service answers, and asks for no more patience."""
        return self._engine.breaker.closed and self._not_before < until

    def wait_for(self, done: Callable[[], bool], *, timeout_s: float) -> bool:
        """Wait until it is done, the time is up or there is no hope; whether it is."""
        deadline = self._clock() + timeout_s
        self._hurry.set()
        self._wake.set()
        with self._moved:
            while not done():
                left = deadline - self._clock()
                if left <= 0 or not self.hopes(until=deadline) or self._ends:
                    return False
                self._moved.wait(min(left, 0.1))
        return True

    def _run(self) -> None:
        while not self._ends:
            try:
                pause = self.work()
            except SpoolUnavailable as error:
                log.debug("%s", error)
                pause = LONGEST_S
            except Exception:  # noqa: BLE001,RUF100 - the thread outlives whatever it meets
                log.debug("the spool cannot be drained", exc_info=True)
                pause = LONGEST_S
            with self._moved:
                self._moved.notify_all()
            self._wake.wait(pause)
            self._wake.clear()
            self._hurry.wait(CALM_S)
            self._hurry.clear()

    def work(self) -> float:
        """Do what can be done; seconds until there may be more."""
        if not self._engine.breaker.closed and not self._probe():
            return 0.5
        left = self._not_before - self._clock()
        if left > 0:
            return left
        self.adopt()
        with self._turn() as ours:
            if not ours:
                return TURN_S
            while not self._ends and self._round():
                pass
        if self._clock() >= self._tidied_at + TIDY_S:
            self._tidied_at = self._clock()
            self._spool.tidy()
        return self._pause()

    def _pause(self) -> float:
        now = self._clock()
        waits = [self._not_before - now, *(until - now for until in self._resting.values())]
        return min((wait for wait in waits if wait > 0), default=IDLE_S)

    def _probe(self) -> bool:
        """Look whether the service is back, if it is time."""
        breaker = self._engine.breaker
        if not breaker.wants_probe:
            return breaker.closed
        return self._look(timeout_s=PROBE_S)

    def is_back(self, *, timeout_s: float) -> bool:
        """Look whether a service that was away is back now, though it be not yet time."""
        with contextlib.suppress(RuntimeError, concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            return not self._engine.breaker.closed and self._look(timeout_s=timeout_s)
        return False

    def _look(self, *, timeout_s: float) -> bool:
        asked = self._engine.spawn(self._engine.exchange(calls.alive(), timeout_s=timeout_s))
        answer = asked.result(timeout_s + 1)
        self._engine.breaker.probed(alive=answer is not None and answer.ok)
        return self._engine.breaker.closed

    def _round(self) -> bool:
        """Send the next rows of some lanes; whether to go on at once."""
        lanes = self._lanes()
        if not lanes:
            return False
        sent = [self._engine.spawn(self._send(rows)) for rows in lanes]
        for each in concurrent.futures.as_completed(sent):  # a slow lane keeps nobody waiting but those who want it
            self._settle(each.result())
            with self._moved:
                self._moved.notify_all()
        return self._clock() >= self._not_before and self._engine.breaker.closed

    def _lanes(self) -> list[list[Spooled]]:
        """The first rows of some lanes, but for those that rest; one with many rows keeps none of the others back."""
        now = self._clock()
        self._resting = {lane: until for lane, until in self._resting.items() if until > now}
        lanes: dict[str, list[Spooled]] = {}
        while len(lanes) < LANES:
            rows = self._spool.oldest(self._target, limit=WINDOW, beside=[*self._resting, *lanes])
            for row in rows:
                lanes.setdefault(row.lane, []).append(row)
            if len(rows) < WINDOW:
                break
        return [lane[:OF_LANE] for lane in list(lanes.values())[:LANES]]

    async def _send(self, rows: list[Spooled]) -> list[tuple[Spooled, Delivery]]:
        """The rows of a lane in order, as far as it goes; those of different steps beside each other."""
        results: list[tuple[Spooled, Delivery]] = []
        for strands in stretches(rows):
            for sent in await asyncio.gather(*(self._send_in_order(strand) for strand in strands)):
                results += sent
            if any(isinstance(result, Later) for _, result in results):
                break
        return results

    async def _send_in_order(self, rows: list[Spooled]) -> list[tuple[Spooled, Delivery]]:
        results: list[tuple[Spooled, Delivery]] = []
        while len(results) < len(rows):
            left = rows[len(results) :]
            sent = await self._send_together(left)
            results += zip(left, sent, strict=False)
            if not sent:
                result: Delivery = await drive_async(deliver(left[0], etags=self._etags), self._engine)
                results.append((left[0], result))
                if isinstance(result, Later):
                    break
        return results

    async def _send_together(self, rows: list[Spooled]) -> list[Written]:
        """The first rows in one request, where there are several; as many as were taken."""
        several = together(rows) if self._takes_several else []
        if len(several) < 2:
            return []
        written = await drive_async(deliver_together(several, etags=self._etags), self._engine)
        self._takes_several = written is not None
        return written or []

    def _settle(self, results: list[tuple[Spooled, Delivery]]) -> None:
        written = [row.number for row, result in results if isinstance(result, Written)]
        superseded = [row.number for row, result in results if isinstance(result, Superseded)]
        refused = [(row.number, result.reason) for row, result in results if isinstance(result, Never)]
        self._spool.settle(written=written, superseded=superseded, refused=refused)
        for row, result in results:
            if isinstance(result, Never):
                self._tell(row, result)
            if isinstance(result, Superseded):
                log.debug("what %s is to say has been said anew since", row.path)
            if isinstance(result, Later):
                self._later(row, result)
        if written or superseded or refused:
            self._backoff_s = FIRST_S
        if written:
            self.adopt()
        if len(self._etags) > 10_000:
            self._etags.clear()

    def _tell(self, row: Spooled, refused: Never) -> None:
        """Say that it is refused; of a step that is another's once, whatever is written of it."""
        if refused.owner is None:
            log.warning("Seen Before refuses a write to %s: %s", row.path, refused.reason)
            return
        step = "/".join(row.path.split("/")[:5])
        if step not in self._not_ours:
            self._not_ours.add(step)
            log.warning(
                "%s is owned by %s, and what %s writes of it is refused: the service keeps none of it. Name the same "
                "owner in every attempt, or have the step handed over: run.step(..., take_over=True).",
                *(unquote(step), refused.owner, row.document.get("owner")),
            )

    def _later(self, row: Spooled, later: Later) -> None:
        self._spool.tried(row.number, trouble=later.trouble, counts=not later.everywhere)
        if later.of_sender:
            self._spool.mark(self._target, place=self._engine.target.place, reason=later.trouble)
        if not later.everywhere:
            wait = later.after_s or min(FIRST_S * 2 ** min(row.attempts, 10), LONGEST_S)
            self._resting[row.lane] = self._clock() + wait
            return
        if self._engine.breaker.closed:  # else its probe says when
            self._not_before = self._clock() + (later.after_s or self._backoff_s * spread(0.5, 1.0))
            self._backoff_s = min(self._backoff_s * 2, LONGEST_S)

    def adopt(self) -> None:
        """Take over, once, what waits here for a key that was refused, if this one is not."""
        if self._adopted or not self._engine.accepted:
            return
        count = self._spool.adopt(self._target, place=self._engine.target.place)
        self._adopted = True
        if count:
            log.warning("%d writes that waited for an API key that was refused are sent with this one.", count)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        """Whether no other process drains these rows now: so they go out in order. A process that dies lets go."""
        if self._spool.path is None:
            yield True
            return
        name = hashlib.sha256(self._target.encode()).hexdigest()[:12]
        with _locked(self._spool.path.with_name(f"{self._spool.path.name}-{name}.lock")) as ours:
            yield ours


def stretches(rows: list[Spooled]) -> Iterator[list[list[Spooled]]]:
    """The rows of a lane as stretches that go one after the other, each as strands that go beside each other: what is
    told within a step, by step. Within one the order is kept: the service shows sub-tasks in order of first writes."""
    strands: dict[str, list[Spooled]] = {}
    for row in rows:
        if row.kind in WITHIN_STEP:
            strands.setdefault("/".join(row.path.split("/")[:5]), []).append(row)
            continue
        if strands:
            yield list(strands.values())
            strands = {}
        yield [[row]]
    if strands:
        yield list(strands.values())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    try:
        import fcntl  # noqa: PLC0415 - where there is none (Windows), idempotency keys alone keep two drainers apart
    except ImportError:
        yield True
        return
    try:
        file = path.open("a")
    except OSError:  # the folder is gone, or takes nothing: the same
        yield True
        return
    _watch_forks()
    with file:
        _held.add(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _held.discard(file)
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
            _held.discard(file)


@functools.cache
def _watch_forks() -> None:
    os.register_at_fork(after_in_child=_let_go)


def _let_go() -> None:
    """What a forked child inherits would keep its parent's turn, also once that has died."""
    while _held:
        with contextlib.suppress(OSError):
            _held.pop().close()
