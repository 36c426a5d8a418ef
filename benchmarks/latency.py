"""How fast answers come, over real HTTP: `python -m benchmarks.latency`.

Measured in turn, again and again, so that a machine that slows down slows all of them: sentence-transformers on torch
embedding a text alone (on one thread, and on as many as torch takes by itself; ratios are to the faster), OpenVINO
embedding it alone, `/advise` for a failure never seen, `/advise` for one whose fingerprint is known. The service is a
process of its own, `seenbefore serve` on a temporary folder, and records every failure. The texts are made up; with
`--corpus`, the failures of a corpus are asked as well.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.child import Child, ServiceFailed, serving
from benchmarks.load import ImportRate, client_of, fill, import_rate
from benchmarks.memory import resident_mib, tree_mib
from benchmarks.protocol import CorpusError, read_corpus
from benchmarks.quiet import quiet
from benchmarks.table import wide_console
from benchmarks.texts import UNSEEN_FROM, Real, Texts, made_up
from knowledge.embedding import TorchBackend, Vectors, load_embedder
from knowledge.model_folder import DEFAULT_MODEL, find_model

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 150
WARM_UP = 10
#: What one measurement leaves behind (indexing, threads that spin on for a while) is not timed as part of the next.
PAUSE_S = 0.03

TORCH_ONE, TORCH_ALL, OPENVINO = "torch, 1 thread", "torch, all threads", "OpenVINO"
UNSEEN, KNOWN = "/advise, unseen", "/advise, known"
ARMS = (TORCH_ONE, TORCH_ALL, OPENVINO, UNSEEN, KNOWN)
ASKED = {"unseen / torch": 1.0, "known / torch": 0.5, "unseen, against the smallest": 1.5}
ASKED_IMPORT_PER_S = 500.0


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Point:
    """All that was measured at one size; `times` by text and by what was measured. Memory in MiB."""

    precedents: int
    times: dict[str, dict[str, Times]]
    service_mib: float | None
    postgres_mib: float | None


class Arms:
    """What is measured, each a call that takes a text."""

    def __init__(self, address: str, *, cache: Path) -> None:
        import torch  # noqa: PLC0415 - takes seconds, and `--help` needs none of it

        # The plainest client there is: a millisecond of a richer one would be measured as the service's.
        self._client = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
        self._embedder = load_embedder(cache=cache)
        self._torch = TorchBackend(find_model(DEFAULT_MODEL, cache=cache))
        self._set_threads = torch.set_num_threads
        self._all_threads = torch.get_num_threads()

    def measure(self, texts: Texts) -> dict[str, Times]:
        """Times over some rounds; the first few are not counted."""
        self._connect()
        taken: dict[str, list[float]] = {name: [] for name in ARMS}
        for number in range(WARM_UP + ROUNDS):
            unseen = texts.unseen()
            seconds = {
                TORCH_ONE: self._on_torch(unseen, threads=1),
                TORCH_ALL: self._on_torch(unseen, threads=self._all_threads),
                OPENVINO: _timed(self._embedder.embed_now, unseen),
                UNSEEN: self._advise(unseen, new=True),
                KNOWN: self._advise(texts.known(), new=False),
            }
            if number >= WARM_UP:
                for name, value in seconds.items():
                    taken[name].append(value)
        return {name: _times(values) for name, values in taken.items()}

    def _connect(self) -> None:
        """Anew, for the service has closed a connection that was idle while it was filled."""
        self._client.close()
        self._client.connect()
        self._client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_torch(self, text: str, *, threads: int) -> float:
        self._set_threads(threads)
        return _timed(self._torch.encode, text)

    def _advise(self, text: str, *, new: bool) -> float:
        body = json.dumps({"text": text})
        started = time.perf_counter()
        self._client.request("POST", "/advise", body, {"Content-Type": "application/json"})
        answer = self._client.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - started
        document: dict[str, Any] = json.loads(content)
        if answer.status != HTTPStatus.OK:
            raise ServiceFailed(f"/advise answered {answer.status}: {str(document)[:500]}")
        if (document["precedent"]["occurrences"] == 1) is not new or document["degraded"]:
            raise ServiceFailed(f"Not what was to be measured: {str(document)[:500]}")
        time.sleep(PAUSE_S)
        return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    console = Console(stderr=True) if given.json else wide_console()
    points, imported = measure(sorted(given.sizes), real=_real(given.corpus), console=console)
    if given.json:
        print(json.dumps({"points": [asdict(point) for point in points], "import": asdict(imported)}))
        return
    for text_kind in points[0].times:
        console.print(_times_table(text_kind, points))
    console.print(_ratios_table(points))
    console.print(_import_line(imported))
    console.print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _real(corpus: Path | None) -> tuple[Real, ...]:
    """Raises `SystemExit` where the corpus cannot be read."""
    try:
        return (Real(read_corpus(corpus)),) if corpus else ()
    except CorpusError as error:
        raise SystemExit(str(error)) from None


def measure(sizes: Sequence[int], *, real: Sequence[Real], console: Console) -> tuple[list[Point], ImportRate]:
    """Grow one service from size to size, measuring at each; the import is measured at the smallest."""
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(console=console, transient=True))
        cache = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        starting = progress.add_task("starting the service", total=None)
        child = stack.enter_context(serving())
        progress.remove_task(starting)
        client = stack.enter_context(client_of(child))
        arms = Arms(child.address, cache=cache)
        unseen = count(UNSEEN_FROM)
        points: list[Point] = []
        imported: ImportRate | None = None
        filled = 0
        for size in sizes:
            fill(child, client, first=filled, last=size, progress=progress)
            filled = size
            imported = imported or import_rate(client)
            asked: list[Texts] = [*made_up(size, unseen=unseen), *real]
            points.append(_point(arms, child, asked, size=size, progress=progress))
    assert imported is not None, "there is at least one size"
    return points, imported


def _point(arms: Arms, child: Child, asked: Sequence[Texts], *, size: int, progress: Progress) -> Point:
    line = progress.add_task(f"measuring at {size:,}", total=len(asked))
    times: dict[str, dict[str, Times]] = {}
    for texts in asked:
        times[texts.name] = arms.measure(texts)
        progress.advance(line)
    progress.remove_task(line)
    postgres = child.postgres_pid
    return Point(size, times, resident_mib(child.process.pid), tree_mib(postgres) if postgres else None)


def _timed(encode: Callable[[Sequence[str]], Vectors], text: str) -> float:
    started = time.perf_counter()
    encode([text])
    seconds = time.perf_counter() - started
    time.sleep(PAUSE_S)
    return seconds


def _times(seconds: Sequence[float]) -> Times:
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return Times(p50=float(p50), p95=float(p95))


def _times_table(text_kind: str, points: Sequence[Point]) -> Table:
    table = Table(title=f"{text_kind}: p50 / p95 in ms", title_justify="left", title_style="bold")
    table.add_column("precedents", justify="right")
    for name in (*ARMS, "service MiB", "PostgreSQL MiB"):
        table.add_column(name, justify="right")
    for point in points:
        cells = [f"{each.p50:.1f} / {each.p95:.1f}" for each in point.times[text_kind].values()]
        memory = ["" if each is None else f"{each:,.0f}" for each in (point.service_mib, point.postgres_mib)]
        table.add_row(f"{point.precedents:,}", *cells, *memory)
    return table


def ratios(point: Point, *, smallest: Point, text_kind: str) -> dict[str, float]:
    """Ratios of p50. Growth is measured in torch's time at either size, since the machine changes meanwhile."""
    times, before = point.times[text_kind], smallest.times[text_kind]
    return {
        "unseen / torch": times[UNSEEN].p50 / torch_p50(times),
        "known / torch": times[KNOWN].p50 / torch_p50(times),
        "unseen, against the smallest": times[UNSEEN].p50 / torch_p50(times) / (before[UNSEEN].p50 / torch_p50(before)),
    }


def torch_p50(times: dict[str, Times]) -> float:
    """Of the two ways to run torch the faster: all threads on a quiet machine, one on a busy one."""
    return min(times[TORCH_ONE].p50, times[TORCH_ALL].p50)


def _ratios_table(points: Sequence[Point]) -> Table:
    table = Table(title="Ratios of p50", title_justify="left", title_style="bold")
    table.add_column("ratio")
    table.add_column("asked", justify="right")
    columns = [(point, text_kind) for text_kind in points[0].times for point in points]
    for point, text_kind in columns:
        table.add_column(f"{text_kind}, {point.precedents:,}", justify="right")
    found = [ratios(point, smallest=points[0], text_kind=text_kind) for point, text_kind in columns]
    for name, asked in ASKED.items():
        table.add_row(name, f"≤ {asked}", *(f"{each[name]:.2f}" for each in found))
    return table


def _import_line(imported: ImportRate) -> str:
    return (
        f"import of {imported.failures:,} failures of {imported.signatures} signatures: "
        f"{imported.per_second:,.0f} a second (asked ≥ {ASKED_IMPORT_PER_S:.0f}); "
        f"neighbours can be found after {imported.indexed_s:.1f} s"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="numbers of precedents")
    parser.add_argument("--corpus", type=Path, help="failures to ask as well, as JSON lines")
    parser.add_argument("--json", action="store_true", help="the figures for programs")
    return parser


if __name__ == "__main__":
    main()
