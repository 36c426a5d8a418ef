"""How fast pages and endpoints answer, over real HTTP: `python -m benchmarks.pages --sizes 1000 10000 100000`.

One service grows from size to size by imports; at each, all that `benchmarks.addresses` and `benchmarks.writes` name is
asked for in turn, again and again, so that a machine that slows down slows all of it. One precedent has thousands of
incidents, with retries and resolutions. What is asked for: 95 of 100 pages within 100 ms, and all else within 150 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import synthetic
from benchmarks.addresses import ADDRESSES, World
from benchmarks.child import ServiceFailed, serving
from benchmarks.happenings import happen, incidents_of
from benchmarks.load import client_of, fill, wait_at_rest
from benchmarks.quiet import quiet
from benchmarks.table import wide_console
from benchmarks.writes import WRITES

SIZES = (1_000, 10_000)
ROUNDS, WARM_UP = 60, 5
ASKED_MS = {"page": 100.0, "endpoint": 150.0}
NAMES = (*ADDRESSES, *WRITES)


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
        happen(client)
        points, filled = list[Point](), 0
        for size in sizes:
            fill(child, client, first=filled, last=size, progress=progress)
            wait_at_rest(child, client, progress=progress)
            filled = size
            line = progress.add_task(f"measuring at {size:,}", total=rounds + WARM_UP)
            times = times_of(client, rounds=rounds, advance=partial(progress.advance, line))
            points.append(Point(size, times))
            progress.remove_task(line)
    return points


def times_of(client: httpx.Client, *, rounds: int, advance: Callable[[], None]) -> dict[str, Times]:
    """Ask a service that was filled for everything, again and again; call `advance` after each round."""
    world, taken = _world(client), {name: list[float]() for name in NAMES}
    first = time.time_ns() // 1_000_000  # so that what is written at the next size is new as well
    for number in range(WARM_UP + rounds):
        for name in NAMES:
            seconds = _timed(client, request_of(client, world, name, number=first + number))
            if number >= WARM_UP:
                taken[name].append(seconds)
        advance()
    return {name: Times(*np.percentile(np.array(values) * 1000, [50, 95]).tolist()) for name, values in taken.items()}


def request_of(client: httpx.Client, world: World, name: str, *, number: int) -> httpx.Request:
    """What is asked for, by its name, for the time of that number. What is versioned is read for it."""
    if name in ADDRESSES:
        return client.build_request("GET", world.filled(ADDRESSES[name], number=number))
    write = WRITES[name]
    method, _, path = world.filled(write.address, number=number).partition(" ")
    headers = dict(write.headers)
    if write.version_of:
        headers["If-Match"] = client.get(world.filled(write.version_of, number=number)).headers["ETag"]
    said = _body(write.said(world, number), is_page=name.startswith("page"))
    return client.build_request(method, path, headers=headers, **said)


def _body(said: Any, *, is_page: bool) -> dict[str, Any]:
    if isinstance(said, bytes):
        return {"content": said}
    return {"data": said} if is_page else {"json": said}


def _timed(client: httpx.Client, request: httpx.Request) -> float:
    """Seconds until it has answered; leading elsewhere is an answer."""
    started = time.perf_counter()
    answer = client.send(request)
    seconds = time.perf_counter() - started
    if answer.is_error:
        raise ServiceFailed(f"{request.method} {request.url} answered {answer.status_code}: {answer.text[:500]}")
    return seconds


def _world(client: httpx.Client) -> World:
    pipeline = f"{synthetic.SYSTEMS[0]}-nightly"
    incident = incidents_of(client, pipeline)[0]
    hot = incidents_of(client, "hot-0")[0]
    fix = client.post(f"/incidents/{hot['id']}/resolution", json={"summary": "Vote for it.", "author": "the benchmark"})
    fix.raise_for_status()
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
        resolution=fix.json()["id"],
    )


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
    for name in NAMES:
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
