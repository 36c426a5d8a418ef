"""Optimize a copy of an Edge shard in a process of its own: `python -m knowledge.index.compaction FOLDER`.

Every call of Qdrant Edge 0.9 holds the interpreter lock, and `optimize()` takes minutes on a large shard: in the
service's own process it would stop every answer. So the service copies the shard, this process optimizes the copy,
and the service then changes over to it (`edge.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import uuid
from pathlib import Path

from knowledge.errors import IndexUnavailable

CURRENT = "CURRENT"
GRAPHED = "GRAPHED"
NICENESS = 10
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG in linux/prctl.h


def current_generation(folder: Path) -> Path:
    """The generation in use; the first one where there is none yet."""
    marker = folder / CURRENT
    return folder / (marker.read_text(encoding="ascii").strip() if marker.exists() else "gen-1")


def next_generation(folder: Path) -> Path:
    """Where the next copy goes: a name that nobody else has, not even a child of a service that was killed."""
    return folder / f"gen-{uuid.uuid4().hex}"


def make_current(generation: Path) -> None:
    """Point at a generation by an atomic rename, so that a crash leaves the old one or the new one."""
    draft = generation.parent / f"{CURRENT}.draft"
    with draft.open("w", encoding="ascii") as file:
        file.write(generation.name)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(generation.parent / CURRENT)


def remove_other_generations(folder: Path) -> None:
    """What a crash or a change-over left behind."""
    kept = current_generation(folder)
    for generation in folder.glob("gen-*"):
        if generation != kept:
            shutil.rmtree(generation, ignore_errors=True)


def set_aside(folder: Path) -> Path:
    """Move a collection that cannot be opened out of the way, in the place of the one before; where it lies now."""
    aside = folder.with_name(f"{folder.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    return folder.rename(aside)


def graphed_points(generation: Path) -> int:
    """How many points the last optimizing covered."""
    note = generation / GRAPHED
    return int(note.read_text(encoding="ascii")) if note.exists() else 0


async def optimize_in_child(generation: Path) -> bool:
    """Optimize the shard in that folder; True when there was something to do."""
    command = (sys.executable, "-m", "knowledge.index.compaction", str(generation))
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        output, complaint = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        raise IndexUnavailable(f"Optimizing the index failed: {complaint.decode(errors='replace')[-500:]}")
    return output.strip() == b"optimized"


def main(folder: str) -> int:
    """The child process."""
    import qdrant_edge  # noqa: PLC0415 - the service imports this module for its other half

    _die_with_parent()
    os.nice(NICENESS)
    shard = qdrant_edge.EdgeShard.load(folder)
    changed = shard.optimize()
    shard.flush()
    points = shard.info().points_count
    shard.close()
    (Path(folder) / GRAPHED).write_text(str(points), encoding="ascii")
    sys.stdout.write("optimized\n" if changed else "nothing to do\n")
    return 0


def _die_with_parent() -> None:
    """Nobody waits for what a killed service began. Where the system knows no such order, the work is done in vain."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
