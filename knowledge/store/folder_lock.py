"""One service a data folder: a lock that dies with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from knowledge.errors import DataFolderInUse


class FolderLock:
    """Held from `acquire` until `release` or the end of the process, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Take the folder, or raise `DataFolderInUse` at once."""
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise DataFolderInUse(f"Another service is using the data folder {folder}.") from error
        return cls(descriptor)

    def release(self) -> None:
        """Let another service take the folder."""
        os.close(self._descriptor)
