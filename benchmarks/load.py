"""Filling a running service over HTTP, and waiting until it is at rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from rich.progress import Progress

from benchmarks import synthetic
from benchmarks.child import Child, ServiceFailed
from knowledge.index.edge import GRAPH_FROM

PORTION = 5_000
REST_LIMIT_S = 3600.0
POLL_S = 0.5
GAUGES = ("seenbefore_signatures_indexed", "seenbefore_signatures_pending")
TOLD_LIMIT_S = 60.0
IMPORTED, SIGNATURES = 10_000, 500
#: Kinds of the import measurement lie far from those that fill the service.
IMPORT_FROM = 2_000_000


@dataclass(frozen=True, slots=True)
class ImportRate:
    """How long an import took until it was durable, and until its neighbours could be found."""

    failures: int
    signatures: int
    seconds: float
    indexed_s: float

    @property
    def per_second(self) -> float:
        """Failures a second, durable."""
        return self.failures / self.seconds


def client_of(child: Child) -> httpx.Client:
    """A client that keeps its connection; imports may take long."""
    return httpx.Client(base_url=child.address, timeout=httpx.Timeout(600.0, connect=5.0))


def fill(child: Child, client: httpx.Client, *, first: int, last: int, progress: Progress) -> None:
    """Make the kinds from `first` up to `last` precedents of the service, and wait until it is at rest."""
    line = progress.add_task(f"importing up to {last:,}", total=last - first)
    for start in range(first, last, PORTION):
        end = min(last, start + PORTION)
        _import(client, synthetic.ndjson(range(start, end), occurrence=0), workspace="default")
        progress.advance(line, end - start)
    progress.remove_task(line)
    wait_at_rest(child, client, progress=progress)


def wait_at_rest(child: Child, client: httpx.Client, *, progress: Progress) -> None:
    """Until nothing is left to index and the engine's graph covers what it is going to cover."""
    line = progress.add_task("indexing", total=None)
    deadline = time.monotonic() + REST_LIMIT_S
    while time.monotonic() < deadline:
        indexed, pending = _indexed_and_pending(client)
        progress.update(line, completed=indexed, total=indexed + pending)
        without_graph = indexed - child.points_in_graph()
        if not pending and without_graph < max(GRAPH_FROM, indexed // 4):
            progress.remove_task(line)
            return
        if not pending:
            progress.update(line, description="building the graph")
        time.sleep(POLL_S)
    raise ServiceFailed("The index did not come to rest.")


def import_rate(client: httpx.Client) -> ImportRate:
    """Import failures of few kinds into a workspace of their own, twenty occurrences of each."""
    occurrences = IMPORTED // SIGNATURES
    kinds = range(IMPORT_FROM, IMPORT_FROM + SIGNATURES)
    body = b"".join(synthetic.ndjson(kinds, occurrence=occurrence) for occurrence in range(occurrences))
    started = time.perf_counter()
    _import(client, body, workspace="import-rate")
    seconds = time.perf_counter() - started
    while _indexed_and_pending(client)[1]:
        time.sleep(0.05)
    return ImportRate(IMPORTED, SIGNATURES, seconds, indexed_s=time.perf_counter() - started)


def _import(client: httpx.Client, body: bytes, *, workspace: str) -> None:
    headers = {"X-Workspace": workspace, "Content-Type": "application/x-ndjson"}
    answer = client.post("/incidents/import", content=body, headers=headers)
    answer.raise_for_status()
    report: dict[str, Any] = answer.json()
    if report["accepted"] != body.count(b"\n"):
        raise ServiceFailed(f"The import was not taken whole: {str(report)[:500]}")


def _indexed_and_pending(client: httpx.Client) -> tuple[int, int]:
    """How many signatures are in the index, and wait to be; a service that is too busy to tell is asked again."""
    deadline = time.monotonic() + TOLD_LIMIT_S
    while time.monotonic() < deadline:
        answer = client.get("/metrics")
        answer.raise_for_status()
        gauges = dict(_gauge_lines(answer.text))
        if len(gauges) == len(GAUGES):
            indexed, pending = (gauges[name] for name in GAUGES)
            return indexed, pending
        time.sleep(POLL_S)
    raise ServiceFailed("The service does not tell how far its index is.")


def _gauge_lines(text: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in GAUGES:  # as decimals
            yield name, int(float(value))
