"""What a cluster shows, told as failures; events with the pod or job that they are about, which is looked up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ingest.foreign import object_of
from ingest.items import Item
from ingest.kubernetes.events import Told, failure_of, read_event
from ingest.kubernetes.failures import Labels, failures_of
from ingest.kubernetes.watching import Cluster, Stream, first

#: Events of failures that are known to be told, so that a series does not look its pod up again and again.
MOST_TOLD = 100_000


class Teller:
    """Failures of pods, jobs and events, for one thread; `selector` is what those that are looked up have to match.

    An event does not carry the labels of its pod. That is asked for by name and labels, so that the cluster itself
    says whether it matches, and the right to list is enough.
    """

    def __init__(self, cluster: Cluster, *, labels: Labels, selector: str | None) -> None:
        self._cluster = cluster
        self._labels = labels
        self._selector = selector
        self._told: OrderedDict[str, None] = OrderedDict()

    def failures(self, thing: Mapping[str, Any]) -> list[Item]:
        """Those that it tells of; raises `Away` and `ClusterRefused`, and can then be asked again."""
        if thing.get("kind") != "Event":
            return failures_of(thing, labels=self._labels)
        told = read_event(thing)
        if told is None or told.id in self._told:
            return []
        about = self._about(told)
        self._told[told.id] = None
        if len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)
        if about is None and self._selector:
            return []  # gone, or not among those that are watched: nobody can say any more
        item = failure_of(told, about, labels=self._labels)
        return [item] if item else []

    def _about(self, told: Told) -> Mapping[str, Any] | None:
        """The pod or job itself; None where it is gone, also where another has its name now."""
        stream = Stream(told.kind, told.namespace, self._selector, f"metadata.name={told.name}")
        found = first(self._cluster, stream)
        uid = object_of(object_of(found).get("metadata")).get("uid")
        return found if told.uid in (None, uid) else None
