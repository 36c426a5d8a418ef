"""A command as a child process: its output streams through, signals are passed on, its end is told."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import IO, BinaryIO

#: Bytes of the output's end that are kept as the failure's text.
TAIL = 64_000
CHUNK = 65_536
#: Bytes of a line that are waited for until it ends.
LONGEST_LINE = 8_192
#: Seconds that output is waited for after the end: what the command has left running may hold it open for ever.
LINGER_S = 5.0
#: What ends a command; these stop the retries too.
STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
PASSED_ON = (*STOPPING, "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT")
#: Those that a terminal sends to the whole foreground group by itself.
OF_TERMINAL = ("SIGINT", "SIGQUIT", "SIGWINCH")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command has ended; `status` as a shell has it."""

    status: int
    told: str
    output: str
    started: bool = True

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
        self._pipe = os.pipe()

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
        for end in self._pipe:
            os.close(end)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if name in STOPPING:
            self.stopping = True
            os.write(self._pipe[1], b"!")
        child = self._child
        if child is not None and not (name in OF_TERMINAL and _in_foreground()):
            with contextlib.suppress(OSError):
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
            select.select([self._pipe[0]], [], [], left)
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
            print(f"seenbefore: {self._command[0]}: {error.strerror}", file=sys.stderr)
            return Ended(127 if isinstance(error, FileNotFoundError) else 126, str(error), "", started=False)
        with signals.given_to(child):
            if signals.stopping:  # it came before there was a child to pass it on to
                child.terminate()
            pumps = [self._pump(child.stdout, sys.stdout.buffer), self._pump(child.stderr, sys.stderr.buffer)]
            status = child.wait()
            for pump in pumps:
                pump.join(LINGER_S)
        return Ended(*_told(status), output=b"".join(self._tail)[-TAIL:].decode("utf-8", "replace"))

    def _pump(self, source: IO[bytes] | None, sink: BinaryIO) -> threading.Thread:
        assert source is not None  # noqa: S101 - for the type checker: both are pipes
        thread = threading.Thread(target=self._copy, args=(source, sink), daemon=True)
        thread.start()
        return thread

    def _copy(self, source: IO[bytes], sink: BinaryIO) -> None:
        """To the sink as it comes; where nobody reads that any more, the command is not kept waiting.

        Whole lines are kept: those of the other stream do not come between.
        """
        open_, begun = True, b""
        while part := os.read(source.fileno(), CHUNK):
            lines, end, begun = (begun + part).rpartition(b"\n")
            self._keep(lines + end)
            if len(begun) > LONGEST_LINE:
                self._keep(begun)
                begun = b""
            if open_:
                try:
                    sink.write(part)
                    sink.flush()
                except (OSError, ValueError):
                    open_ = False
        self._keep(begun)
        source.close()

    def _keep(self, part: bytes) -> None:
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


def _in_foreground() -> bool:
    """Whether our terminal has sent it to the child as well."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False
