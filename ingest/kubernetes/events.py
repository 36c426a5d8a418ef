"""From warning events to failures: why a pod does not start, or was ended, or a job gets no pods.

Read as `events.k8s.io/v1` writes them, and as `core/v1` does. What a pod's or a container's own state tells better is
passed over: a container that ended, and `BackOff` of one that is started again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.foreign import first_of, name_of, object_of, text_of
from ingest.items import Item, identity
from ingest.kubernetes.failures import IMAGE_MARK, POD_MARK, START_MARK, Labels, Thing, has_run, is_of_start

#: Why a pod does not start. The cluster goes on trying, which is one failure of the pod.
NOT_STARTED = frozenset(
    {
        "FailedScheduling",
        "FailedScaleUp",
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "FailedCreatePodContainer",
        "NetworkNotReady",
    }
)
#: Why a pod was ended: the failure that its status tells as well, where it is there to tell.
ENDED = frozenset({"Evicted", "Preempted", "Preempting", "NodeNotReady", "NodeShutdown"})
#: Why a job has no pods.
NO_PODS = frozenset({"FailedCreate"})
#: Kubelet's events of images that cannot be had: reason and how the note begins, and what the container's state says.
IMAGES = (
    ("Failed", "Failed to pull image", "ErrImagePull"),
    ("BackOff", "Back-off pulling image", "ImagePullBackOff"),
    ("InspectFailed", "Failed to inspect image", "ImageInspectError"),
    ("InspectFailed", "", "InvalidImageName"),
    ("ErrImageNeverPull", "", "ErrImageNeverPull"),
)
#: Characters of a name of Kubernetes.
LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Told:
    """What an event tells of a pod or a job, before that is looked at: `mark` is the kind of failure."""

    kind: str
    namespace: str | None
    name: str
    uid: str | None
    type: str
    message: str
    mark: tuple[str, ...]
    container: str | None
    at: Any

    @property
    def id(self) -> str:
        """The failure's: that of its pod or job, so that a series and other events of it are one incident."""
        return identity("kubernetes", self.uid or self.name, *self.mark)


def read_event(event: Any) -> Told | None:
    """What it tells; None where it is no failure of a pod or a job, or one that their own state tells."""
    event = object_of(event)
    of = object_of(event.get("regarding") or event.get("involvedObject"))
    kind, reason = name_of(of.get("kind")), name_of(event.get("reason"))
    note = text_of(event.get("note") or event.get("message"), most=20_000) or ""
    if reason is None or kind not in ("Pod", "Job") or (place := _place(of)) is None:
        return None
    container = _container(of)
    meant = _of_job(reason, note) if kind == "Job" else _of_pod(reason, note, container=container)
    if meant is None:
        return None
    type, message, mark = meant
    return Told(kind, *place, name_of(of.get("uid")), type, message, mark, container, _first_seen(event))


def failure_of(told: Told, thing: Any, *, labels: Labels) -> Item | None:
    """The failure, with the names that the pod or job gives; `thing` is that, or None where it is gone.

    None where a pod runs, or has run: what kept it from starting is over, and nothing has failed.
    """
    thing = object_of(thing)
    if told.kind == "Pod" and told.mark == START_MARK and has_run(object_of(thing.get("status"))):
        return None
    gone = {"name": told.name, "namespace": told.namespace, "uid": told.uid}
    metadata = object_of(thing.get("metadata")) or gone
    of = Thing(metadata, object_of(thing.get("spec")), object_of(thing.get("status")), labels)
    job = told.name if told.kind == "Job" else None
    return of.item(
        told.type,
        told.message,
        names=of.names(container=told.container, job=job),
        id=told.id,
        at=told.at,
        more={told.kind.lower(): told.name, "container": told.container},
    )


def _place(of: Mapping[str, Any]) -> tuple[str | None, str] | None:
    """Namespace and name; None where these cannot be such."""
    namespace, name = name_of(of.get("namespace")), name_of(of.get("name"))
    return (namespace, name) if name and _is_name(name) and (namespace is None or _is_name(namespace)) else None


def _is_name(said: str) -> bool:
    """Whoever may write events can say anything there, and it becomes part of a request."""
    return len(said) <= LONGEST_NAME and said.isascii() and said.replace("-", "").replace(".", "").isalnum()


def _container(of: Mapping[str, Any]) -> str | None:
    """The one that a field path names: `spec.containers{train}`."""
    _, begun, name = (name_of(of.get("fieldPath")) or "").partition("{")
    return name.removesuffix("}") or None if begun else None


def _of_pod(reason: str, note: str, *, container: str | None) -> tuple[str, str, tuple[str, ...]] | None:
    if reason in NOT_STARTED or is_of_start(reason):
        return reason, note or reason, START_MARK
    if reason in ENDED:
        return reason, f"Pod failed: {reason}: {note}" if note else f"Pod failed: {reason}", POD_MARK
    for said, begins, type in IMAGES:
        if reason == said and note.startswith(begins) and container:
            return type, note or type, (container, IMAGE_MARK)
    return None


def _of_job(reason: str, note: str) -> tuple[str, str, tuple[str, ...]] | None:
    return (reason, note or reason, START_MARK) if reason in NO_PODS else None


def _first_seen(event: Mapping[str, Any]) -> str | None:
    """When it was first so: a series goes on, and is one failure."""
    return first_of(event, "deprecatedFirstTimestamp", "firstTimestamp", "eventTime") or name_of(
        object_of(event.get("metadata")).get("creationTimestamp")
    )
