"""Memory of processes, from `/proc`; on systems without it there are no figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
_KIB = re.compile(r"^(Rss|Pss|VmRSS):\s+(\d+) kB", re.MULTILINE)


def resident_mib(pid: int) -> float | None:
    """Resident memory of one process in MiB."""
    return _field(pid, "status", "VmRSS")


def tree_mib(pid: int) -> float | None:
    """Memory of a process and its descendants in MiB, each shared page counted once (proportional set size)."""
    found = [_field(each, "smaps_rollup", "Pss") for each in (pid, *descendants(pid))]
    known = [each for each in found if each is not None]
    return sum(known) if known else None


def descendants(pid: int) -> list[int]:
    """Ids of all processes below one."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found, waiting = [], list(children.get(pid, ()))
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += children.get(each, ())
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in PROC.glob("[0-9]*/stat"):
        try:
            yield int(entry.parent.name), int(entry.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue


def _field(pid: int, file: str, name: str) -> float | None:
    try:
        text = (PROC / str(pid) / file).read_text()
    except OSError:
        return None
    return next((int(kib) / 1024 for field, kib in _KIB.findall(text) if field == name), None)
