"""How fast pages and lists answer, over real HTTP: `python -m benchmarks.pages --sizes 1000 10000 100000`.

One service grows from size to size by imports; at each, every address of `ADDRESSES` is asked in turn, again and
again, so that a machine that slows down slows all of them. One precedent has thousands of incidents, with retries and
resolutions. What is asked for: 95 of 100 pages within 100 ms, and all else within 150 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import synthetic
from benchmarks.child import ServiceFailed, serving
from benchmarks.load import client_of, fill, wait_at_rest
from benchmarks.quiet import quiet
from benchmarks.table import wide_console

SIZES = (1_000, 10_000)
ROUNDS, WARM_UP = 60, 5
ASKED_MS = {"page": 100.0, "endpoint": 150.0}
#: The precedent that recurs, and how often; its retries that are told.
HOT_KIND, HOT_TIMES, HOT_RETRIES = 9_000_001, 5_000, 60
#: A run with many sub-tasks.
RUN, STEPS, SUB_TASKS = "a-long-run", 10, 200
#: What a question is made of lies among what fills the service.
ASKED_KINDS = 1_000


@dataclass(frozen=True, slots=True)
class World:
    """What addresses name."""

    precedent: str
    hot: str
    incident: str
    deep: str
    pipeline: str

    def question(self, number: int) -> str:
        """Another one each time, as people ask: the middle of an error."""
        return quote(synthetic.error(number % ASKED_KINDS, occurrence=number)[:120])


#: Every page and list, by name; a new one is named here. Names in braces are those of `World`.
ADDRESSES = {
    "page Ask": "/ui/",
    "page Ask, an example": "/ui/?example=slow-down",
    "page Incident": "/ui/incidents/{incident}",
    "page Search": "/ui/search",
    "page Search, far on": "/ui/search?cursor={deep}",
    "page Search, verdict": "/ui/search?verdict=transient",
    "page Search, rare": "/ui/search?verdict=unknown&resolved=yes",
    "page Search, pipeline": "/ui/search?pipeline={pipeline}",
    "page Search, all facets": "/ui/search?verdict=genuine&cause=code_defect&pipeline={pipeline}&within=week",
    "page Search, question": "/ui/search?q={question}",
    "page Search, question and facets": "/ui/search?q={question}&verdict=genuine&resolved=no",
    "page Precedent": "/ui/precedents/{precedent}",
    "page Precedent that recurs": "/ui/precedents/{hot}",
    "page Merge": "/ui/precedents/{precedent}/merge?other={hot}",
    "page Runs": "/ui/runs",
    "page Run": f"/ui/runs/{RUN}",
    "page Step": f"/ui/runs/{RUN}/steps/step-0",
    "page Overview": "/ui/overview",
    "page Overview, a day": "/ui/overview?over=day",
    "page Overview, a quarter": "/ui/overview?over=quarter",
    "endpoint file of a search": "/ui/search.csv?verdict=transient",
    "endpoint search": "/search?q={question}",
    "endpoint incidents": "/incidents?limit=50",
    "endpoint incidents of a precedent": "/incidents?limit=50&precedent={hot}",
    "endpoint incidents of a pipeline": "/incidents?limit=50&pipeline={pipeline}",
    "endpoint precedent": "/precedents/{hot}",
    "endpoint history": "/precedents/{hot}/history",
    "endpoint storms": "/storms",
    "endpoint calibration": "/calibration",
}


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Point:
    """All that was measured at one size, by the name of the address."""

    precedents: int
    times: dict[str, Times]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; fails where something takes longer than is asked at the largest size."""
    given = _parser().parse_args(arguments)
    quiet()
    console = Console(stderr=True) if given.json else wide_console()
    points = measure(sorted(given.sizes), rounds=given.rounds, console=console)
    if given.json:
        print(json.dumps([asdict(point) for point in points]))
    else:
        console.print(table_of(points))
        console.print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if too_slow(points[-1]):
        raise SystemExit(f"slower than asked: {', '.join(too_slow(points[-1]))}")


def measure(sizes: Sequence[int], *, rounds: int, console: Console) -> list[Point]:
    """Grow one service from size to size, measuring at each."""
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(console=console, transient=True))
        child = stack.enter_context(serving())
        client = stack.enter_context(client_of(child))
        _add_hot(client)
        _add_run(client)
        points, filled = list[Point](), 0
        for size in sizes:
            fill(child, client, first=filled, last=size, progress=progress)
            wait_at_rest(child, client, progress=progress)
            filled = size
            line = progress.add_task(f"measuring at {size:,}", total=rounds + WARM_UP)
            times = _times(client, _world(client), rounds=rounds, advance=partial(progress.advance, line))
            points.append(Point(size, times))
            progress.remove_task(line)
    return points


def _times(client: httpx.Client, world: World, *, rounds: int, advance: Callable[[], None]) -> dict[str, Times]:
    taken: dict[str, list[float]] = {name: [] for name in ADDRESSES}
    for number in range(WARM_UP + rounds):
        for name, address in ADDRESSES.items():
            seconds = _timed(client, address.format(question=world.question(number), **asdict(world)))
            if number >= WARM_UP:
                taken[name].append(seconds)
        advance()
    return {name: Times(*np.percentile(np.array(values) * 1000, [50, 95]).tolist()) for name, values in taken.items()}


def _timed(client: httpx.Client, address: str) -> float:
    started = time.perf_counter()
    answer = client.get(address)
    seconds = time.perf_counter() - started
    if not answer.is_success:
        raise ServiceFailed(f"{address} answered {answer.status_code}: {answer.text[:500]}")
    return seconds


def _add_hot(client: httpx.Client) -> None:
    """A precedent that recurs, in many pipelines and versions, with retries, resolutions and corrections."""
    now = datetime.now(UTC)
    lines = (
        {
            "text": synthetic.error(HOT_KIND, occurrence=number),
            "pipeline": f"hot-{number % 12}",
            "environment": {"torch": f"2.{number % 8}", "image": f"train:1.{number % 30}"},
            "occurred_at": (now - timedelta(minutes=17 * number)).isoformat(),
            "external_id": f"hot-{number}",
        }
        for number in range(HOT_TIMES)
    )
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    client.post("/incidents/import", content=body, headers=headers).raise_for_status()
    for number, incident in enumerate(_incidents(client, "hot-0")[:HOT_RETRIES]):
        told = {"result": "succeeded" if number % 3 else "failed", "attempt": 2, "waited_s": 5.0 * 2 ** (number % 12)}
        client.post(f"/incidents/{incident['id']}/outcome", json=told).raise_for_status()
        fix = {"summary": f"Try the way number {number % 25}.", "author": "the benchmark"}
        client.post(f"/incidents/{incident['id']}/resolution", json=fix).raise_for_status()


def _add_run(client: httpx.Client) -> None:
    """A run of many checkpoints that has failed, and some of its incidents."""
    run = f"/runs/{RUN}"
    _put(client, run, {"pipeline": "hot-0", "status": "failed"})
    for step in range(STEPS):
        _put(client, f"{run}/steps/step-{step}", {"owner": "the benchmark", "status": "running"})
        for number in range(SUB_TASKS):
            done = {"owner": "the benchmark", "status": "completed", "artifacts": {"out": {"sha256": "0" * 64}}}
            _put(client, f"{run}/steps/step-{step}/sub-tasks/part-{number}", done)
    for number in range(30):
        failure = {"text": synthetic.error(HOT_KIND, occurrence=number), "run_id": RUN, "pipeline": "hot-0"}
        client.post("/incidents", json=failure).raise_for_status()


def _put(client: httpx.Client, address: str, said: dict[str, Any]) -> None:
    client.put(address, json=said).raise_for_status()


def _world(client: httpx.Client) -> World:
    pipeline = f"{synthetic.SYSTEMS[0]}-nightly"
    incident = _incidents(client, pipeline)[0]
    hot = _incidents(client, "hot-0")[0]
    address = "/ui/search"
    for _ in range(10):
        following = client.get(address).text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        address = following if "cursor=" in following else address
    return World(
        precedent=incident["precedent_id"],
        hot=hot["precedent_id"],
        incident=incident["id"],
        deep=address.partition("cursor=")[2],
        pipeline=pipeline,
    )


def _incidents(client: httpx.Client, pipeline: str) -> list[dict[str, Any]]:
    answer = client.get("/incidents", params={"pipeline": pipeline, "limit": 200})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["incidents"]
    return found


def too_slow(point: Point) -> list[str]:
    """The addresses whose p95 is more than is asked."""
    return [name for name, times in point.times.items() if times.p95 > ASKED_MS[name.partition(" ")[0]]]


def table_of(points: Sequence[Point]) -> Table:
    """A line an address; the ratio is that of p95 at the largest size to that at the smallest."""
    table = Table(title="p50 / p95 in ms", title_justify="left", title_style="bold")
    table.add_column("")
    for point in points:
        table.add_column(f"{point.precedents:,}", justify="right")
    table.add_column("largest / smallest", justify="right")
    for name in ADDRESSES:
        times = [point.times[name] for point in points]
        cells = [f"{each.p50:.1f} / {each.p95:.1f}" for each in times]
        table.add_row(name, *cells, f"{times[-1].p95 / times[0].p95:.2f}")
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="precedents at which to measure")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each address is asked")
    parser.add_argument("--json", action="store_true", help="write figures for programs")
    return parser


if __name__ == "__main__":
    main()
