"""Where torchrun has left error files: `JOB_RANDOM/attempt_N/RANK/error.json` below its `--log-dir`."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

#: A log folder may hold years of jobs; the newest are looked at first.
MOST_FOLDERS = MOST_FILES = 10_000
ERROR_JSON = "error.json"
_ATTEMPT = re.compile(r"attempt_(\d{1,9})")
#: torchrun names a job's folder by its id, an underscore, and eight characters of `tempfile`.
_RANDOM = 9


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt of a job; `began` as the file system has it, in seconds since 1970."""

    folder: Path
    began: float

    @property
    def job(self) -> str:
        """The id of the job, `--rdzv-id`."""
        return self.folder.parent.name[:-_RANDOM]

    def is_of(self, job: str) -> bool:
        """Whether that is its job, by id or by the name of its folder."""
        return job in (self.job, self.folder.parent.name)


def error_files(place: Path, *, job: str | None = None) -> list[Path]:
    """Those of the newest attempt of the newest job, or of the job that is named. May raise `OSError`.

    `place` is a log folder, a job's, an attempt's, or a file; where no folder is an attempt of torchrun's, all files
    below it. A newest attempt without any has none: what an older one failed of is not what has happened now.
    """
    if place.is_file():
        return [place]
    attempts = list(_newest_attempts(place))
    if not attempts:
        return list(_below(place)) if job is None else []
    wanted = [each for each in attempts if job is None or each.is_of(job)]
    return _of_launch(max(wanted, key=lambda each: each.began), wanted) if wanted else []


def _of_launch(newest: _Attempt, attempts: list[_Attempt]) -> list[Path]:
    """An attempt's own, and those of the other nodes of its launch, which have a job folder each where they share a
    log folder: they were written after it began, and those of earlier launches before."""
    found = list(_below(newest.folder))
    for each in attempts:
        if each is not newest and each.job == newest.job:
            found += (path for path in _below(each.folder) if path.stat().st_mtime >= newest.began)
    return found


def _newest_attempts(place: Path) -> Iterator[_Attempt]:
    """The newest attempt of each job."""
    if _ATTEMPT.fullmatch(place.name):
        yield _Attempt(place, place.stat().st_mtime)
        return
    waiting, looked_at = deque([place]), 0
    while waiting and looked_at < MOST_FOLDERS:
        below = _folders(waiting.popleft())
        looked_at += 1
        attempts = {int(found[1]): (path, at) for path, at in below if (found := _ATTEMPT.fullmatch(path.name))}
        if attempts:
            yield _Attempt(*attempts[max(attempts)])
        else:
            waiting.extend(path for path, _ in below)


def _folders(folder: Path) -> list[tuple[Path, float]]:
    """The folders in it and when each was changed, newest first; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = [(Path(each), each.stat().st_mtime) for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(found, key=lambda each: each[1], reverse=True)


def _below(folder: Path) -> Iterator[Path]:
    return islice(folder.rglob(ERROR_JSON), MOST_FILES)
