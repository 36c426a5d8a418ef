"""Following what a cluster tells: list, then watch from there, and list again where the cluster forgot the place.

This is the protocol of "Efficient detection of changes" in Kubernetes' API concepts. Nothing that failed and is still
there is missed, however long the watcher was away: lists have it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ingest.foreign import name_of, object_of, objects_of

T = TypeVar("T")

#: Seconds between attempts to reach a cluster that is away: the first, and the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
PAGE = 500
#: A watch that ends so soon and says nothing is trouble.
SHORT_S = 1.0


class Gone(Exception):
    """The cluster no longer knows this place of its history (410)."""


class Away(Exception):
    """The cluster cannot be reached, or cannot answer now; `after_s` is what it asks to wait."""

    def __init__(self, problem: str, *, after_s: float = 0.0) -> None:
        super().__init__(problem)
        self.after_s = after_s


class ClusterRefused(Exception):
    """The cluster does not allow this, or does not know it."""


class Cluster(Protocol):
    """What is asked of a cluster, of pods, jobs or events.

    All raise `Away`, `ClusterRefused`, and `Gone` where it is late.
    """

    def page(self, stream: Stream, *, token: str | None, limit: int) -> Mapping[str, Any]:
        """A page of a list, as JSON."""

    def changes(self, stream: Stream, *, version: str) -> Iterator[Mapping[str, Any]]:
        """Watch events from a version on, as JSON, until the cluster ends the answer."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What is followed: `Pod`, `Job` or `Event`, of a namespace or of all, with these labels and fields."""

    kind: str
    namespace: str | None = None
    selector: str | None = None
    fields: str | None = None

    @property
    def shown(self) -> str:
        """For people."""
        where = f"namespace {self.namespace}" if self.namespace else "all namespaces"
        return f"{self.kind.lower()}s in {where}"


@dataclass
class Pauses:
    """Waits that double from trouble to trouble, with a third of chance, so that watchers do not come back at once."""

    wait: Callable[[float], object]
    next_s: float = FIRST_PAUSE_S

    def pause(self, *, at_least_s: float = 0.0) -> None:
        """Wait, and longer the next time."""
        jitter = random.uniform(2 / 3, 1)  # noqa: S311 - no secret
        self.wait(max(at_least_s, self.next_s * jitter))
        self.next_s = min(self.next_s * 2, LONGEST_PAUSE_S)

    def done(self) -> None:
        """It went well."""
        self.next_s = FIRST_PAUSE_S


def everything(cluster: Cluster, stream: Stream) -> Iterator[Mapping[str, Any]]:
    """All that there is, by pages; the last value is what the list says of itself, with its `resourceVersion`."""
    token: str | None = None
    while True:
        page = cluster.page(stream, token=token, limit=PAGE)
        # A list says once of what its items are.
        yield from ({"kind": stream.kind, **item} for item in objects_of(page.get("items")))
        metadata = object_of(page.get("metadata"))
        token = name_of(metadata.get("continue"))
        if not token:
            yield {"kind": "", "metadata": metadata}
            return


def first(cluster: Cluster, stream: Stream) -> Mapping[str, Any] | None:
    """The first that there is; raises `Away` where the cluster does not say whether there is one."""
    try:
        found = objects_of(cluster.page(stream, token=None, limit=1).get("items"))
    except Gone:
        raise Away("the list is too old") from None
    return {**found[0], "kind": stream.kind} if found else None


def patiently(call: Callable[[], T], *, stream: Stream, stop: threading.Event, say: Callable[[str], None]) -> T | None:
    """What it gives, however long the cluster is away; None when `stop` is set meanwhile."""
    pauses = Pauses(stop.wait)
    while not stop.is_set():
        try:
            return call()
        except Away as away:
            say(f"{stream.shown}: {away}; it is tried again")
            pauses.pause(at_least_s=away.after_s)
    return None


def follow(
    cluster: Cluster, stream: Stream, *, stop: threading.Event, say: Callable[[str], None]
) -> Iterator[Mapping[str, Any]]:
    """All that there is, and whatever changes, until `stop` is set; raises `ClusterRefused`.

    `say` is told of trouble that is waited out.
    """
    pauses = Pauses(stop.wait)
    version: str | None = None
    while not stop.is_set():
        try:
            if version is None:
                version = yield from _listed(cluster, stream)
            begun, seen = time.monotonic(), False
            for event in cluster.changes(stream, version=version):
                thing = _changed(event)
                version, seen = _version(thing) or version, True
                pauses.done()
                if event.get("type") != "BOOKMARK":
                    yield {"kind": stream.kind, **thing}
                if stop.is_set():
                    return
            if not seen and time.monotonic() - begun < SHORT_S:
                pauses.pause()
        except Gone:
            version = None
            pauses.pause()
        except Away as away:
            say(f"{stream.shown}: {away}; it is tried again")
            pauses.pause(at_least_s=away.after_s)


def _listed(cluster: Cluster, stream: Stream) -> Generator[Mapping[str, Any], None, str]:
    version = None
    for thing in everything(cluster, stream):
        if thing["kind"]:
            yield thing
        else:
            version = _version(thing)
    if version is None:
        raise Away("the answer is no list of the Kubernetes API")
    return version


def _version(thing: Mapping[str, Any]) -> str | None:
    return name_of(object_of(thing.get("metadata")).get("resourceVersion"))


def _changed(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object of an event; raises what an `ERROR` says."""
    thing = object_of(event.get("object"))
    if event.get("type") != "ERROR":
        return thing
    if thing.get("code") == 410:
        raise Gone
    raise Away(f"the watch ended: {name_of(thing.get('message')) or thing.get('code')}")
