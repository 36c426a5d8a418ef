"""Request counts and durations in the Prometheus text format. No label carries anything that a caller wrote."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.health import Health

#: Upper bounds of the histogram, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counts kept in this process."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._seconds: dict[str, float] = defaultdict(float)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))

    def observe(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """One request answered."""
        self._requests[route, method, status] += 1
        self._seconds[route] += seconds
        place = next((i for i, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))
        self._buckets[route][place] += 1

    def render(self, health: Health) -> str:
        """The text that Prometheus reads."""
        return "\n".join([*self._lines(), *_gauges(health), ""])

    def _lines(self) -> Iterator[str]:
        yield "# TYPE seenbefore_requests_total counter"
        for (route, method, status), count in sorted(self._requests.items()):
            yield f'seenbefore_requests_total{{route="{route}",method="{method}",status="{status}"}} {count}'
        yield "# TYPE seenbefore_request_seconds histogram"
        for route, counts in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                yield f'seenbefore_request_seconds_bucket{{route="{route}",le="{bound}"}} {total}'
            yield f'seenbefore_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'seenbefore_request_seconds_count{{route="{route}"}} {total}'


def _gauges(health: Health) -> Iterator[str]:
    gauges = {
        "seenbefore_store_up": int(health.parts["store"] == "ok"),
        "seenbefore_index_up": int(health.parts["index"] == "ok"),
        "seenbefore_signatures_indexed": health.indexed,
        "seenbefore_signatures_pending": health.pending,
        "seenbefore_spooled": health.spooled,
        "seenbefore_spool_refused": health.refused,
    }
    for name, value in gauges.items():
        if value is not None:
            yield f"# TYPE {name} gauge"
            yield f"{name} {value}"


class Measured:
    """ASGI middleware that observes every request by its route's template."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "(none)")
            method = scope["method"] if scope.get("route") else "(none)"
            self._metrics.observe(route=route, method=method, status=status, seconds=time.perf_counter() - started)
