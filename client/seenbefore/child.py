"""A command as a child process: its output streams through, signals are passed on, its end is told."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any

from seenbefore.pump import Pump, finish
from seenbefore.readable import readable

#: Bytes of the output's end that are kept as the failure's text.
TAIL = 64_000
#: What ends a command; these stop the retries too. SIGBREAK is Windows' alone, the others but two are not.
STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
PASSED_ON = (*STOPPING, "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT")
#: Those that a terminal sends to the whole foreground group by itself.
OF_TERMINAL = ("SIGINT", "SIGQUIT", "SIGWINCH", "SIGBREAK")
#: Seconds between two looks whether a signal has come.
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command has ended; `status` as a shell has it. `unread`: whoever read its output has gone away."""

    status: int
    told: str
    output: str
    started: bool = True
    unread: bool = False

    @property
    def failed(self) -> bool:
        """Whether its status is not zero."""
        return self.status != 0

    @property
    def text(self) -> str:
        """The failure: the end of its output, and how it has ended."""
        return f"{self.output.rstrip()}\n{self.told}".strip()


class Signals:
    """Passes signals on to the child of the moment. `stopping`: one of them was to end it."""

    def __init__(self) -> None:
        self.stopping = False
        self._child: subprocess.Popen[bytes] | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> Signals:
        for name in PASSED_ON:
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if name in STOPPING:
            self.stopping = True
        child = self._child
        if child is not None and not (name in OF_TERMINAL and _of_our_terminal()):
            with contextlib.suppress(OSError, ValueError):  # Windows has but few to send
                child.send_signal(number)

    @contextlib.contextmanager
    def given_to(self, child: subprocess.Popen[bytes]) -> Iterator[None]:
        """While this child runs, it gets them."""
        self._child = child
        try:
            yield
        finally:
            self._child = None

    def sleep(self, seconds: float) -> bool:
        """Wait; False as soon as a signal ends it."""
        deadline = time.monotonic() + seconds
        while not self.stopping and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_S))
        return not self.stopping


class Child:
    """One attempt of a command."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._tail: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def run(self, signals: Signals) -> Ended:
        """Run it to its end; its output goes where ours goes, as it comes."""
        try:
            child = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            told = f"{self._command[0]}: {error.strerror}"
            return Ended(127 if isinstance(error, FileNotFoundError) else 126, told, "", started=False)
        with signals.given_to(child):
            if signals.stopping:  # it came before there was a child to pass it on to
                child.terminate()
            pumps = [self._pump(child.stdout, sys.stdout), self._pump(child.stderr, sys.stderr)]
            status = child.wait()
            finish(pumps)
        return Ended(*_told(status), output=self._output(), unread=any(pump.unread for pump in pumps))

    def _pump(self, source: IO[bytes] | None, sink: Any) -> Pump:
        assert source is not None  # noqa: S101 - for the type checker: both are pipes
        return Pump(source, None if sink is None else sink.fileno(), self._keep)

    def _output(self) -> str:
        with self._lock:
            return b"".join(self._tail)[-TAIL:].decode("utf-8", "replace")

    def _keep(self, lines: bytes) -> None:
        part = readable(lines)
        if not part:
            return
        with self._lock:
            self._tail.append(part)
            self._size += len(part)
            while self._size - len(self._tail[0]) >= TAIL:
                self._size -= len(self._tail.popleft())


def _told(status: int) -> tuple[int, str]:
    """A shell's status, and how it ended in words."""
    if status >= 0:
        return status, f"The command exited with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return 128 - status, f"The command was killed by {name} (exit code {128 - status})"


def _of_our_terminal() -> bool:
    """Whether our terminal has sent it to the child as well, wherever standard input comes from."""
    if os.name != "posix":
        return True  # a console sends to all
    try:
        with Path("/dev/tty").open("rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
