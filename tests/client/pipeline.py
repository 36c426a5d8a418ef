"""A pipeline of two steps for tests to kill: what it makes depends on nothing but its input.

Called as `pipeline.py URL WORKSPACE FOLDER [POINT SUB_TASK]`: at that point of that sub-task it kills itself as nothing
else can. Prints the sub-tasks that it produces.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import seenbefore
from seenbefore.core import Core

#: Before anything is written, in the middle, after all of it, once it is in its place, once its checkpoint is kept.
POINTS = ("begun", "half", "written", "published", "kept")
STEPS = {"preprocess": ["validation", "imputation", "scaling"], "train": ["fit", "report"]}


class Killer:
    """Kills this process at one point of one sub-task."""

    def __init__(self, point: str = "", sub_task: str = "") -> None:
        self._at = (point, sub_task)

    def at(self, point: str, sub_task: str) -> None:
        """Here it may happen."""
        if (point, sub_task) == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def producing(name: str, source: Path, killer: Killer) -> Callable[[Path], None]:
    """Write 200 kB that depend on the source alone, in two halves."""

    def produce(place: Path) -> None:
        print(name, flush=True)
        killer.at("begun", name)
        seed = hashlib.sha256(name.encode() + source.read_bytes()).digest()
        with place.open("wb") as file:
            for _ in range(2):
                file.write(seed * 3_200)
                file.flush()
                killer.at("half", name)
        killer.at("written", name)

    return produce


def watch_checkpoints(killer: Killer) -> None:
    """Have the killer look in just before and just after a checkpoint is kept."""
    put_row = Core.put_row

    def watched(core: Core, lane: str, kind: str, path: str, body: dict[str, object]) -> None:
        name = path.rpartition("/")[2]
        killer.at("published", name)
        put_row(core, lane, kind, path, body)
        killer.at("kept", name)

    Core.put_row = watched  # type: ignore[assignment,method-assign]


def main(url: str, workspace: str, folder: Path, killer: Killer) -> None:
    """Run it to its end."""
    watch_checkpoints(killer)
    memory = seenbefore.Client(url, workspace=workspace, spool=folder / "spool.sqlite3", timeout_s=5.0)
    source = folder / "rows.csv"
    with memory.run("fraud", run_id=folder.name) as run:
        for step_name, plan in STEPS.items():
            with run.step(step_name, owner=f"{step_name}-agent", plan=plan) as step:
                for name in plan:
                    produce = producing(name, source, killer)
                    source = step.sub_task(name, inputs=[source], produce=produce, artifact=folder / f"{name}.bin")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Killer(*sys.argv[4:6]))
