"""PyTorch Elastic (torchrun): what its error files say of a failed job, asked about without torch.

`@record` of `torch.distributed.elastic.multiprocessing.errors` has each worker write its exception to the file that
`TORCHELASTIC_ERROR_FILE` names; torchrun puts them below its `--log-dir` as `error.json`, one a rank, and copies the
first failure's to its own. Asked about is the newest attempt of the newest job, and in it the earliest failure: most
ranks fail only because another did.

    advice = advise_job(memory, "logs/", pipeline="llm-training", step="pretrain")
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seenbefore.adapters.elastic_logs import error_files
from seenbefore.adapters.guard import Bounds, ask, harmless
from seenbefore.advice import Advice, default_advice

if TYPE_CHECKING:
    from seenbefore import Client

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
#: Bytes; no error file has more but one into which somebody has printed tensors.
MOST_BYTES = 10_000_000
#: How ranks tell that they were ended, as torchrun ends all once one has failed.
ENDED_BY_OTHERS = ("SIGTERM", "got signal: 15", "Signal 15")
#: What torchrun writes where it has nothing to say.
NOTHING = frozenset({"", "<NONE>", "<N/A>"})


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """What one worker's error file says. `timestamp` in seconds since 1970; `exit_code` where a signal ended it."""

    message: str
    stacktrace: str = ""
    timestamp: int = 0
    exit_code: int | None = None
    path: Path | None = None

    @property
    def text(self) -> str:
        """As it is asked about: the traceback, which ends with the message, else the message."""
        said = (self.stacktrace or self.message).rstrip()
        return f"{said}\n{_ending(self.exit_code)}" if self.exit_code else said


def read_error_file(path: str | os.PathLike[str] | None = None) -> WorkerFailure | None:
    """What an error file says (default: that of `TORCHELASTIC_ERROR_FILE`); None where there is none to be read."""
    given = path or os.environ.get(ERROR_FILE)
    return harmless(lambda: _read(Path(given)), otherwise=None) if given else None


def first_failure(place: str | os.PathLike[str], *, job: str | None = None) -> WorkerFailure | None:
    """What came first of the failures of the newest attempt of the newest job below a folder; None where none is told.

    `place` is a log folder, a job's, an attempt's, or an error file; `job` is a job's id (`--rdzv-id`) or the name of
    its folder.
    """
    none: list[Path] = []
    paths = harmless(lambda: error_files(Path(place), job=job), otherwise=none)
    found = [failure for path in paths if (failure := read_error_file(path))]
    return min(found, key=_order, default=None)


def advise_job(
    memory: Client,
    place: str | os.PathLike[str] | None = None,
    *,
    job: str | None = None,
    bounds: Bounds | None = None,
    **about: Any,
) -> Advice:
    """Advice about a failed job, by its log folder or error file (default: `TORCHELASTIC_ERROR_FILE`). Never raises.

    `place` and `job` are as `first_failure` takes them, `about` is what `Client.advise` takes. `default` where no file
    tells what has failed.
    """
    failure = first_failure(place, job=job) if place is not None else read_error_file()
    if failure is None:
        return default_advice("No error file tells what has failed.")
    return ask(memory, failure.text, bounds=bounds or Bounds(longest_wait_s=float("inf")), about=lambda: about)


def _order(failure: WorkerFailure) -> tuple[float, bool, int, str]:
    """By time, which is told in whole seconds; within one, what was ended by others comes last, then the files tell."""
    ended = failure.exit_code == -signal.SIGTERM or any(word in failure.message for word in ENDED_BY_OTHERS)
    written = harmless(lambda: failure.path.stat().st_mtime_ns if failure.path else 0, otherwise=0)
    return failure.timestamp or float("inf"), ended, written, str(failure.path)


def _read(path: Path) -> WorkerFailure | None:
    """Three shapes: a worker's exception, one whose exit code torchrun has added, and a bare message."""
    if not path.is_file() or not 0 < path.stat().st_size <= MOST_BYTES:
        return None
    try:
        said = json.loads(path.read_text(errors="replace"))
    except (ValueError, RecursionError):
        return None
    message = said.get("message") if isinstance(said, dict) else None
    if isinstance(message, str) and message not in NOTHING:
        return WorkerFailure(message=message, timestamp=_whole(said.get("timestamp")) or 0, path=path)
    return _structured(message, path) if isinstance(message, dict) else None


def _ending(exit_code: int) -> str:
    """How torchrun tells it: a negative exit code is a signal."""
    try:
        return f"exitcode: {exit_code} ({signal.Signals(-exit_code).name})"
    except ValueError:
        return f"exitcode: {exit_code}"


def _structured(said: dict[str, Any], path: Path) -> WorkerFailure:
    extra = said.get("extraInfo")
    extra = extra if isinstance(extra, dict) else {}
    return WorkerFailure(
        message=str(said.get("message") or ""),
        stacktrace=str(extra.get("py_callstack") or ""),
        timestamp=_whole(extra.get("timestamp")) or 0,
        exit_code=_whole(said.get("errorCode")),
        path=path,
    )


def _whole(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
