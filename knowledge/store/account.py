"""Which system account the embedded server runs under: PostgreSQL refuses to run as root.

An ordinary user runs it as themselves. Root hands it to an unprivileged account. Where that account cannot reach the
programs or the data (both often lie below root's own home), the server keeps one of root's capabilities, the one that
passes folder permissions, and nothing else of root.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.errors import StoreUnavailable

PREFERRED_ACCOUNTS = ("seenbefore", "postgres", "nobody")
CAPABILITY = "dac_override"
CAPABILITY_BIT = 1  # CAP_DAC_OVERRIDE in linux/capability.h


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the server runs as; `changes` says whether that differs from this process."""

    uid: int
    gid: int
    changes: bool = False
    wrapper: tuple[str, ...] = ()

    def command(self, arguments: Sequence[str | Path]) -> list[str]:
        """The command line that runs a program under this account."""
        return [*self.wrapper, *(str(argument) for argument in arguments)]

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of `subprocess` that go with `command`; the working folder is one all can enter."""
        switch = self.changes and not self.wrapper
        return {"cwd": "/", **({"user": self.uid, "group": self.gid, "extra_groups": []} if switch else {})}

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.changes:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account(folder: Path, *, programs: Sequence[Path]) -> Account:
    """Choose the account for a data folder that exists; raises `StoreUnavailable` when none can work."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    uid, gid = _unprivileged(folder)
    hidden = [path for path in (folder.parent, *programs) if not _reachable(path, uid=uid, gid=gid)]
    return Account(uid=uid, gid=gid, changes=True, wrapper=_wrapper(uid, gid, hidden) if hidden else ())


def can_reach_private_folders() -> bool:
    """Whether a server that this process starts gets through folders that only this process's user may enter."""
    return os.geteuid() != 0 or _passes_permissions()


def _unprivileged(folder: Path) -> tuple[int, int]:
    owner = folder.stat()
    if owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    for name in PREFERRED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise StoreUnavailable(
        "PostgreSQL does not run as root: add a system account named seenbefore, or use another user"
    )


def _reachable(path: Path, *, uid: int, gid: int) -> bool:
    return all(_may_enter(part, uid=uid, gid=gid) for part in (path, *path.parents))


def _may_enter(path: Path, *, uid: int, gid: int) -> bool:
    status = path.stat()
    shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
    return bool(status.st_mode >> shift & 1)


def _wrapper(uid: int, gid: int, hidden: Sequence[Path]) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if setpriv is None or not _passes_permissions():
        raise StoreUnavailable(
            f"PostgreSQL does not run as root, and the account {uid} it would run under cannot reach "
            f"{', '.join(map(str, hidden))}: move it to a folder that all may enter, or start as an ordinary user"
        )
    sets = (f"--{name}=-all,+{CAPABILITY}" for name in ("inh-caps", "ambient-caps", "bounding-set"))
    return (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *sets)


def _passes_permissions() -> bool:
    return shutil.which("setpriv") is not None and _has_capability()


def _has_capability() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAPABILITY_BIT & 1)
    return False
