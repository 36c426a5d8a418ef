"""What both clients stand on: the engine, the spool and the thread that drains it, made anew in a forked process."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seenbefore import calls
from seenbefore.breaker import Breaker
from seenbefore.drainer import Drainer
from seenbefore.engine import Engine
from seenbefore.errors import SpoolBroken, SpoolUnavailable
from seenbefore.plain import seconds
from seenbefore.settings import TIMEOUT_S, Target, make_target, spool_path
from seenbefore.spool import Spool, Spooled, Write
from seenbefore.spool_file import set_aside
from seenbefore.wire import Document, Request

log = logging.getLogger("seenbefore")
#: Seconds that the opening of a run waits for what the run has done: without it hours may be done again.
RESUME_TIMEOUT_S = 10.0
#: Parts of a parent process: what is open there must not be closed by its child.
_left_behind: list[object] = []
#: Lanes in which this process has kept something are remembered up to so many; then those in which anything waits.
MOST_LANES = 1_000


@dataclass(frozen=True, slots=True)
class Parts:
    """What one process uses."""

    pid: int
    engine: Engine
    spool: Spool
    drainer: Drainer


class Core:
    """Asks and keeps writes. `timeout_s` is the longest that a pipeline waits for any one call, in seconds; the opening
    of a run waits for `resume_timeout_s`."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        workspace: str | None = None,
        timeout_s: float = TIMEOUT_S,
        resume_timeout_s: float = RESUME_TIMEOUT_S,
        spool: str | os.PathLike[str] | None = None,
    ) -> None:
        self.target: Target = make_target(url, api_key=api_key, workspace=workspace)
        self.timeout_s = seconds(timeout_s, what="timeout_s", otherwise=TIMEOUT_S)
        self.resume_timeout_s = seconds(resume_timeout_s, what="resume_timeout_s", otherwise=RESUME_TIMEOUT_S)
        self._path = Path(spool) if spool is not None else spool_path()
        self._lock = threading.Lock()
        self._parts: Parts | None = None
        self._closed = False
        self._lanes: set[str] = set()
        self._failed: list[Spool] = []
        with contextlib.suppress(RuntimeError):  # no more threads here: calls go unanswered, the pipeline goes on
            self.engine.start()

    @property
    def parts(self) -> Parts:
        """This process's own."""
        parts = self._parts
        if parts is not None and parts.pid == os.getpid():
            return parts
        if parts is not None:
            _left_behind.append((parts, self._failed))
            self._failed, self._lanes = [], set()
            self._lock = threading.Lock()  # the parent's may have been held when it forked
        with self._lock:
            if self._parts is None or self._parts.pid != os.getpid():
                self._parts = self._make()
            return self._parts

    def _make(self) -> Parts:
        engine = Engine(self.target, timeout_s=self.timeout_s, breaker=Breaker())
        spool = _open_spool(self._path)
        atexit.register(self.close)
        return Parts(pid=os.getpid(), engine=engine, spool=spool, drainer=Drainer(spool, engine))

    @property
    def engine(self) -> Engine:
        """Whom to ask."""
        return self.parts.engine

    def put(self, write: Write) -> None:
        """Keep a write until the service has it. Durable when it returns; never raises."""
        self._note_lane(write.lane)
        parts = self.parts
        try:
            try:
                parts.spool.add(self.target.name, write)
            except SpoolBroken as error:
                self._replaced(parts, trouble=error).spool.add(self.target.name, write)
        except SpoolUnavailable as error:
            log.warning("%s A write to %s is lost unless the service takes it now.", error, write.request.path)
            self._send_now(write.request)
        self._drain()

    def _note_lane(self, lane: str) -> None:
        self._lanes.add(lane)
        if len(self._lanes) > MOST_LANES:
            with contextlib.suppress(SpoolUnavailable):
                self._lanes &= self.parts.spool.lanes(self.target.name) | {lane}

    def _replaced(self, parts: Parts, *, trouble: SpoolBroken) -> Parts:
        """With a spool in memory instead of one that has failed, and what waits there; its own process's only once."""
        with self._lock:
            if self._parts is parts and parts.spool.path is not None:
                log.warning("%s Checkpoints are kept in memory until the service has them.", trouble)
                parts.drainer.stop()
                spool = parts.spool.in_memory()
                self._failed.append(parts.spool)
                self._parts = replace(parts, spool=spool, drainer=Drainer(spool, parts.engine))
            return self._parts or parts

    def _send_now(self, request: Request) -> None:
        """Without the spool: best effort."""
        engine = self.engine
        if engine.breaker.closed:
            try:
                engine.spawn(engine.exchange(request, timeout_s=self.timeout_s))
            except RuntimeError as error:
                log.debug("%s", error)

    def _drain(self) -> None:
        drainer = self.parts.drainer
        try:
            drainer.start()
        except RuntimeError as error:
            log.debug("no thread can be started: %s", error)
        drainer.wake()

    def watch(self) -> None:
        """See to it that the service is looked for once it is away, and that what others left is drained."""
        if not self._closed:
            self._drain()

    def put_row(self, lane: str, kind: str, path: str, body: Mapping[str, Any]) -> None:
        """Keep a row of a run's state; what is None is left out."""
        self.put(Write(lane=lane, kind=kind, request=calls.put(path, body)))

    def waiting(self, lane: str) -> list[Spooled]:
        """What waits for a run, also for a key that was refused if this one is not; nothing when the spool cannot be
        read."""
        with contextlib.suppress(SpoolUnavailable):
            self.parts.drainer.adopt()
        try:
            return self.parts.spool.of_lane(self.target.name, lane)
        except SpoolUnavailable as error:
            log.debug("%s", error)
            return []

    def kept(self, lane: str) -> list[tuple[str, Document]]:
        """The newest write of each sub-task of a run that this machine has kept, as path and body, delivered or not and
        whatever the key was."""
        try:
            return self.parts.spool.latest(self.target.place, lane)
        except SpoolUnavailable as error:
            log.debug("%s", error)
            return []

    def flush(self, *, lane: str | None = None, timeout_s: float | None = None) -> bool:
        """Wait until what has been kept is written; at most the timeout, and not at all for a service that is away."""
        spool = self.parts.spool
        return self._wait_for(
            lambda: not spool.holds(self.target.name, lane=lane),
            timeout_s=seconds(timeout_s, what="timeout_s", otherwise=self.timeout_s),
        )

    def _wait_for(self, done: Callable[[], bool], *, timeout_s: float) -> bool:
        try:
            if done():
                return True
            self._drain()
            return self.parts.drainer.wait_for(done, timeout_s=timeout_s)
        except SpoolUnavailable as error:
            log.debug("%s", error)
            return False

    def close(self) -> None:
        """Write what can be written within the timeout of what has been kept here, and end the threads. What is left
        stays in the spool, as does what others have kept there. What is told after that is kept too."""
        parts = self._parts
        if self._closed or parts is None or parts.pid != os.getpid():
            return
        self._closed = True
        atexit.unregister(self.close)
        self._deliver_last(parts)
        parts.drainer.stop()
        parts.engine.close()
        self._end(parts.spool)
        with self._lock:
            self._parts, self._failed, self._closed = None, [], False

    def _deliver_last(self, parts: Parts) -> None:
        """What is left in memory then is lost: whether the service is back is looked at once more for it."""

        def done() -> bool:
            return self._lanes.isdisjoint(parts.spool.lanes(self.target.name))

        written = self._wait_for(done, timeout_s=self.timeout_s)
        if not written and parts.spool.path is None and parts.drainer.is_back(timeout_s=self.timeout_s):
            self._wait_for(done, timeout_s=self.timeout_s)

    def _end(self, spool: Spool) -> None:
        """Close it, and the file that it stands for."""
        try:
            left = spool.counts().waiting if spool.path is None else 0
            if left:
                log.warning("%d writes that waited for Seen Before in memory are lost.", left)
            for each in (*self._failed, spool):
                each.close()
        except SpoolUnavailable as error:
            log.debug("%s", error)


def _open_spool(path: Path) -> Spool:
    """The file's; where it cannot be used, one in memory, which a kill of the process takes along."""
    trouble: SpoolUnavailable | None = None
    for _ in range(3):  # another process may be making it just now
        try:
            return Spool(path)
        except SpoolUnavailable as error:
            trouble = error
            if isinstance(error, SpoolBroken) and _set_aside(path):
                log.warning("The spool %s is damaged: it is kept as %s.damaged, and begun anew.", path, path.name)
    log.warning("%s Checkpoints are kept in memory until the service has them.", trouble)
    return Spool(None)


def _set_aside(path: Path) -> bool:
    try:
        return set_aside(path)
    except OSError as error:
        log.debug("%s", error)
        return False
