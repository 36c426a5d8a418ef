"""What the client costs a pipeline: `python -m benchmarks.checkpoint`.

Import times, each in a process of its own beside one that imports nothing. Then a piece of work that writes an
artifact, in turn by itself, as a sub-task while the service is there, and as one while it is away. The pipeline waits
for the call (by the wall's clock, so what else the machine does is in it), and the client's threads take processor time
from the work behind it: a step pays at most what both add. With `--outage SECONDS`: 200 checkpoints a second, the
service killed for so long, and what is there afterwards.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

import seenbefore
from benchmarks.child import serving
from benchmarks.outage import outage
from benchmarks.quiet import quiet
from benchmarks.table import wide_console

IMPORTS = {"import seenbefore": "import seenbefore", "and Client": "from seenbefore import Client"}
NOTHING = "pass"
IMPORT_ROUNDS, ROUNDS, WARM_UP = 15, 100, 5
#: Seconds after each call, in which the client's threads bring the checkpoint to the service.
LEISURE_S = 0.15
STEP_MS = 1_000.0
ASKED_IMPORT_MS, ASKED_CHECKPOINT_MS = 100.0, 5.0
WITHOUT, UP, AWAY = "no checkpoint", "service there", "service away"


@dataclass
class Arm:
    """Milliseconds: of each call by the wall's clock, and of the processor for what it sets off beside it."""

    calls: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)


def import_ms() -> dict[str, float]:
    """Milliseconds of the processor that each import adds to a process, medians of alternating rounds."""
    taken: dict[str, list[float]] = {code: [] for code in (NOTHING, *IMPORTS.values())}
    for _ in range(IMPORT_ROUNDS):
        for code, seconds in taken.items():
            begun = _children_s()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds.append(_children_s() - begun)
    bare = statistics.median(taken[NOTHING])
    return {name: 1_000 * (statistics.median(taken[code]) - bare) for name, code in IMPORTS.items()}


def _children_s() -> float:
    """Processor seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def checkpoints(url: str, folder: Path, *, rounds: int) -> dict[str, Arm]:
    """The three arms in turn, again and again."""
    arms = {name: Arm() for name in (WITHOUT, UP, AWAY)}
    up = seenbefore.Client(url, spool=folder / "up.sqlite3")
    away = seenbefore.Client("http://127.0.0.1:9", spool=folder / "away.sqlite3")
    with (
        up,
        away,
        up.run("bench", run_id=folder.name) as run_up,
        away.run("bench", run_id=folder.name) as run_away,
        run_up.step("s", owner="o") as step_up,
        run_away.step("s", owner="o") as step_away,
    ):
        for number in range(-WARM_UP, rounds):
            kept = {name: Arm() for name in arms} if number < 0 else arms
            _time(kept[WITHOUT], partial(_produce, folder / f"bare{number}"))
            for name, step in ((UP, step_up), (AWAY, step_away)):
                _time(kept[name], partial(_sub_task, step, folder / f"{name[-5:]}{number}", number))
    return arms


def _produce(place: Path) -> None:
    place.write_bytes(b"x" * 10_000)


def _sub_task(step: seenbefore.Step, place: Path, number: int) -> None:
    step.sub_task(f"t{number}", inputs=[number], produce=_produce, artifact=place)


def _time(arm: Arm, call: Callable[[], None]) -> None:
    begun = time.perf_counter()
    call()
    arm.calls.append(1_000 * (time.perf_counter() - begun))
    begun = time.process_time()
    time.sleep(LEISURE_S)
    arm.beside.append(1_000 * (time.process_time() - begun))


def pays_ms(arm: Arm, bare: Arm) -> float:
    """What a step pays at most: what the call takes longer, and what the threads take of the processor."""
    call = statistics.median(arm.calls) - statistics.median(bare.calls)
    return call + statistics.median(arm.beside) - statistics.median(bare.beside)


def show(console: Console, imports: dict[str, float], arms: dict[str, Arm]) -> bool:
    """Print the figures; whether they are what is asked."""
    table = Table(title="Import, ms", title_justify="left", title_style="bold")
    for name in (*imports, "asked"):
        table.add_column(name, justify="right")
    table.add_row(*(f"{each:.1f}" for each in imports.values()), f"≤ {ASKED_IMPORT_MS:.0f}")
    console.print(table)
    table = Table(title="A checkpoint, ms", title_justify="left", title_style="bold")
    for heading in ("", "call p50", "p95", "processor beside it, p50", "a step pays at most", "a step of 1 s, ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, arm in arms.items():
        table.add_row(name, *_cells(arm, arms[WITHOUT]))
    table.add_row("asked", "", "", "", f"≤ {ASKED_CHECKPOINT_MS:.0f}", f"≤ {1 + ASKED_CHECKPOINT_MS / STEP_MS:.3f}")
    console.print(table)
    worst = max(pays_ms(arms[name], arms[WITHOUT]) for name in (UP, AWAY))
    return max(imports.values()) <= ASKED_IMPORT_MS and worst <= ASKED_CHECKPOINT_MS


def _cells(arm: Arm, bare: Arm) -> list[str]:
    figures = [statistics.median(arm.calls), sorted(arm.calls)[int(0.95 * (len(arm.calls) - 1))]]
    pays = pays_ms(arm, bare)
    figures += [statistics.median(arm.beside), pays]
    return [*(f"{each:.2f}" for each in figures), f"{1 + pays / STEP_MS:.4f}"]


def main() -> int:
    """0 when all is as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a running service (default: one of its own)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="kill the service for so long instead")
    said = parser.parse_args()
    quiet()
    console = wide_console()
    if said.outage is not None:
        return 0 if outage(console, away_s=said.outage) else 1
    imports = import_ms()
    with tempfile.TemporaryDirectory(prefix="seenbefore-checkpoint-") as folder:
        if said.url:
            arms = checkpoints(said.url, Path(folder), rounds=said.rounds)
        else:
            with serving() as service:
                arms = checkpoints(service.address, Path(folder), rounds=said.rounds)
    return 0 if show(console, imports, arms) else 1


if __name__ == "__main__":
    sys.exit(main())
