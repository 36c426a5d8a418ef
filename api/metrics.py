"""What the service counts of itself, in the Prometheus text format. No label carries anything that a caller wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from api.health import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Upper bounds of the histogram, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counts kept in this process, in a registry of their own."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a time beside each count, which nobody plots
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "route", "method", "status")
        self._seconds = Histogram(
            "seenbefore_request_seconds",
            "How long requests took.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._advice = self._counter("advice", "Failures judged.", "verdict", "decision", "dry_run")
        self._degraded = self._counter("degraded_advice", "Failures judged with a part away.", "part")
        self._outcomes = self._counter("outcomes", "Retries whose end was told.", "result")
        self._doors = self._counter("door_records", "What came in by a door.", "door", "result")
        self._gauges = _Gauges()
        self._registry.register(self._gauges)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"seenbefore_{name}", meaning, labels, registry=self._registry)

    def observe(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """One request answered."""
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route).observe(seconds)

    def advised(self, *, verdict: str, decision: str, degraded: Sequence[str], dry_run: bool) -> None:
        """One failure judged."""
        self._advice.labels(verdict, decision, str(dry_run).lower()).inc()
        for part in degraded:
            self._degraded.labels(part).inc()

    def outcome(self, result: str) -> None:
        """One retry whose end was told."""
        self._outcomes.labels(result).inc()

    def door(self, door: str, *, result: str, count: int = 1) -> None:
        """So many records that a door has taken, or has not: `accepted`, `duplicate`, `outcome`, `ignored`,
        `rejected`, `busy` (a request that was sent away)."""
        self._doors.labels(door, result).inc(count)

    def render(self, health: Health) -> bytes:
        """The text that Prometheus reads."""
        self._gauges.health = health
        return prometheus_client.generate_latest(self._registry)


class _Gauges(Collector):
    """How the parts are; what cannot be told just now is left out."""

    health: Health | None = None

    def collect(self) -> Iterator[Metric]:
        """A family each."""
        if self.health is None:
            return
        parts = self.health.parts
        gauges = {
            "store_up": ("Whether PostgreSQL answers.", int(parts["store"] == "ok")),
            "index_up": ("Whether the index answers.", int(parts["index"] == "ok")),
            "signatures_indexed": ("Signatures in the index.", self.health.indexed),
            "signatures_pending": ("Signatures that wait to be indexed.", self.health.pending),
            "spooled": ("Failures that wait for PostgreSQL.", self.health.spooled),
            "spool_refused": ("Failures that PostgreSQL cannot store.", self.health.refused),
            "storms_active": ("Outages going on.", self.health.storms),
            "store_connections": ("Connections to PostgreSQL.", self.health.connections),
            "store_waiting": ("Requests that wait for one.", self.health.waiting),
        }
        for name, (meaning, value) in gauges.items():
            if value is not None:
                yield GaugeMetricFamily(f"seenbefore_{name}", meaning, value=value)
