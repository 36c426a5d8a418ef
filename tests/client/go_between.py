"""What stands between a client and the real service, and misbehaves as networks do."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx

from tests.client.servers import Asked, Reply, serving

#: What belongs to one connection and not to the call.
OF_THE_CONNECTION = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "date", "server"}
LOST = Reply(502, raw=b"<html>Bad gateway</html>", kind="text/html")


def _nothing(_: Asked) -> bool:
    return False


@dataclass
class GoBetween:
    """Passes calls on. `cut` lets none through, `stops` names those that get no further, `holds` those that wait until
    `released`, `loses` those whose answers get lost on their way back, `delay_s` is how long each read takes,
    `workspace` is where the service is made to look."""

    url: str = ""
    cut: bool = False
    stops: Callable[[Asked], bool] = field(default=_nothing)
    holds: Callable[[Asked], bool] = field(default=_nothing)
    released: threading.Event = field(default_factory=threading.Event)
    loses: Callable[[Asked], bool] = field(default=_nothing)
    delay_s: float = 0.0
    workspace: str | None = None

    def answer(self, asked: Asked, service: httpx.Client) -> Reply:
        """What comes back of a call."""
        if self.cut or self.stops(asked):
            return LOST
        if self.holds(asked):
            self.released.wait(30)
        if asked.method == "GET":
            time.sleep(self.delay_s)
        headers = {name: value for name, value in asked.headers.items() if name not in OF_THE_CONNECTION}
        if self.workspace is not None:
            headers["x-workspace"] = self.workspace
        told = service.request(asked.method, asked.path, headers=headers, json=asked.body)
        kept = [each for each in told.headers.items() if each[0].lower() not in OF_THE_CONNECTION | {"content-type"}]
        reply = Reply(told.status_code, raw=told.content, kind=told.headers["content-type"], headers=tuple(kept))
        return LOST if self.loses(asked) else reply


@contextlib.contextmanager
def standing_between(service_url: str) -> Iterator[GoBetween]:
    """A go-between before a service."""
    between = GoBetween()
    with (
        httpx.Client(base_url=service_url, timeout=30) as service,
        serving(lambda asked: between.answer(asked, service)) as server,
    ):
        between.url = server.url
        yield between
