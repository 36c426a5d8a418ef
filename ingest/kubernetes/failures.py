"""From pods and jobs, as JSON, to failures: what the cluster did to them, and what containers said at their end.

A program's own error is told by the program or its scheduler, who know it better. Here is what those never learn: that
memory ran out, a node went away, an image could not be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingest.clocks import credible_moment
from ingest.foreign import attempt_of, environment_of, first_of, moment_of, name_of, object_of, objects_of, text_of
from ingest.items import Item, filled, identity

#: Labels, the most telling first: ours, Airflow's, Argo's, Kubeflow's, Kubernetes' own.
PIPELINE = (
    "seenbefore.pipeline",
    "dag_id",
    "workflows.argoproj.io/cron-workflow",
    "workflows.argoproj.io/workflow-template",
    "pipelines.kubeflow.org/pipeline-name",
    "batch.kubernetes.io/cronjob",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/name",
    "app",
)
JOB = ("batch.kubernetes.io/job-name", "job-name")
STEP = ("seenbefore.step", "task_id", "app.kubernetes.io/component")
RUN = ("seenbefore.run_id", "run_id", "workflows.argoproj.io/workflow", "pipeline/runid")
ATTEMPT = ("seenbefore.attempt", "try_number")
#: Why the image of a container is not there; one failure of a container, however often it is tried.
IMAGE = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
)
#: Why a container never started.
NOT_STARTED = (*IMAGE, "CreateContainerConfigError", "CreateContainerError", "RunContainerError")
#: How a container ended of which that alone says enough; of others the message has to say more.
TELLING = ("OOMKilled", "ContainerCannotRun", "StartError", "ContainerStatusUnknown", "DeadlineExceeded")
#: What failed, in ids: the pod's start, the pod as a whole, or the image of a container. An event of that failure has
#: the same id, so that it is one incident, by whichever it was told first.
START_MARK, POD_MARK, IMAGE_MARK = ("start",), ("pod",), "image"
#: How a pod ended that a node did not take. The node's `OutOfcpu`, `OutOfmemory` and so on are some too.
NOT_TAKEN, OUT_OF = ("UnexpectedAdmissionError", "NodeAffinity"), "OutOf"
#: What a pod's end is called where its status has a condition for it and no reason.
DISRUPTED = "DisruptionTarget"


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels that say pipeline and step, before those that are known."""

    pipeline: tuple[str, ...] = ()
    step: tuple[str, ...] = ()


def failures_of(thing: Any, *, labels: Labels) -> list[Item]:
    """The failures that a pod or a job tells of; none for anything else."""
    thing = object_of(thing)
    spec, status = object_of(thing.get("spec")), object_of(thing.get("status"))
    of = Thing(object_of(thing.get("metadata")), spec, status, labels)
    if thing.get("kind") == "Job":
        return list(_of_job(of))
    return list(_of_pod(of)) if thing.get("kind") == "Pod" else []


@dataclass(frozen=True, slots=True)
class Thing:
    """A pod or a job."""

    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    labels: Labels

    @property
    def name(self) -> str | None:
        """Its own."""
        return name_of(self.metadata.get("name"))

    def names(self, *, container: str | None = None, job: str | None = None) -> dict[str, Any]:
        """Pipeline, step and run: of the labels, then of the job and of the container."""
        said = object_of(self.metadata.get("labels"))
        job = job or first_of(said, *JOB)
        return filled(
            pipeline=first_of(said, *self.labels.pipeline, *PIPELINE) or without_number(job) or self.owner(),
            step=first_of(said, *self.labels.step, *STEP) or container,
            run_id=first_of(said, *RUN) or job or self.name,
        )

    def owner(self) -> str | None:
        """What has made it."""
        owners = objects_of(self.metadata.get("ownerReferences"))
        return next((name for each in owners if (name := name_of(each.get("name")))), None)

    def attempt(self) -> int | None:
        """As labels say."""
        said = first_of(object_of(self.metadata.get("labels")), *ATTEMPT)
        return attempt_of(said)

    def item(
        self,
        reason: str,
        message: str | None,
        *,
        names: Mapping[str, Any],
        at: Any,
        mark: Iterable[object] = (),
        id: str | None = None,
        attempt: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Item:
        """A failure; `mark` tells it from others of the same thing, or `id` is its own."""
        own = {"namespace": self.metadata.get("namespace"), "node": self.spec.get("nodeName")}
        moment = credible_moment(moment_of(at), now=datetime.now(UTC))
        value = dict(names) | filled(
            error=filled(type=reason, message=message),
            attempt=self.attempt() or attempt,
            occurred_at=moment.isoformat() if moment else None,
            environment=environment_of(own, more or {}),
            external_id=id or identity("kubernetes", self.metadata.get("uid") or self.name, *mark),
        )
        return Item(1, value=value)


def without_number(job: str | None) -> str | None:
    """The name of the cron job of a job, which adds the time as a number: `nightly-29310045` is `nightly`."""
    name, _, number = (job or "").rpartition("-")
    return name if name and len(number) >= 8 and number.isascii() and number.isdigit() else job


def _of_job(job: Thing) -> Iterator[Item]:
    for condition in objects_of(job.status.get("conditions")):
        if condition.get("type") != "Failed" or condition.get("status") != "True":
            continue
        reason = name_of(condition.get("reason")) or "JobFailed"
        failed = job.status.get("failed")
        started = bool(failed or job.status.get("succeeded"))
        yield job.item(
            reason,
            f"Job failed: {reason}: {text_of(condition.get('message'), most=5_000) or 'no message'}",
            names=job.names(job=job.name),
            mark=("job",) if started else START_MARK,  # of which an event may have said why there were no pods
            at=condition.get("lastTransitionTime"),
            attempt=failed
            if isinstance(failed, int) and not isinstance(failed, bool) and 1 <= failed <= 1_000_000
            else None,
            more={"job": job.name},
        )


def _of_pod(pod: Thing) -> Iterator[Item]:
    """What ended the pod, or else what ended or held up its containers."""
    whole = _end_of_pod(pod) or _unschedulable(pod)
    if whole is not None:
        yield whole
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in objects_of(pod.status.get(kind)):
            yield from _of_container(pod, container, ended_with_pod=whole is not None)


def _end_of_pod(pod: Thing) -> Item | None:
    reason, message = name_of(pod.status.get("reason")), text_of(pod.status.get("message"), most=20_000)
    at = None
    if pod.status.get("phase") != "Failed" or not reason:
        disrupted = [
            each
            for each in objects_of(pod.status.get("conditions"))
            if each.get("type") == DISRUPTED and each.get("status") == "True"
        ]
        if not disrupted:
            return None
        reason = name_of(disrupted[0].get("reason")) or DISRUPTED
        message, at = text_of(disrupted[0].get("message"), most=20_000), disrupted[0].get("lastTransitionTime")
    said = f"Pod failed: {reason}: {message}" if message else f"Pod failed: {reason}"
    of_start = not has_run(pod.status) and (is_of_start(reason) or reason == "DeadlineExceeded")
    mark = START_MARK if of_start else POD_MARK
    return pod.item(reason, said, names=pod.names(), mark=mark, at=at or _finished(pod.status), more={"pod": pod.name})


def _unschedulable(pod: Thing) -> Item | None:
    """A pod that no node can take, told as the event about it tells it, which is forgotten after an hour."""
    for each in objects_of(pod.status.get("conditions")):
        if (each.get("type"), each.get("status"), each.get("reason")) == ("PodScheduled", "False", "Unschedulable"):
            message = text_of(each.get("message"), most=20_000) or "Unschedulable"
            at = each.get("lastTransitionTime")
            return pod.item(
                "FailedScheduling", message, names=pod.names(), mark=START_MARK, at=at, more={"pod": pod.name}
            )
    return None


def is_of_start(reason: str) -> bool:
    """Whether a node refused the pod."""
    return reason in NOT_TAKEN or reason.startswith(OUT_OF)


def has_run(status: Mapping[str, Any]) -> bool:
    """Whether a container of the pod runs, or ever ran."""
    return any(
        object_of(container.get(state)).get(kind)
        for of in ("initContainerStatuses", "containerStatuses")
        for container in objects_of(status.get(of))
        for state, kind in (("state", "running"), ("state", "terminated"), ("lastState", "terminated"))
    )


def _finished(status: Mapping[str, Any]) -> Any:
    """When the last container ended."""
    ends = (
        object_of(object_of(each.get("state")).get("terminated")).get("finishedAt")
        for each in objects_of(status.get("containerStatuses"))
    )
    return max((end for end in ends if isinstance(end, str)), default=None)


def _of_container(pod: Thing, container: Mapping[str, Any], *, ended_with_pod: bool) -> Iterator[Item]:
    name = name_of(container.get("name"))
    count = container.get("restartCount")
    restarts = count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 1_000_000 else 0
    more = {"pod": pod.name, "container": name, "image": container.get("image")}
    state, last = object_of(container.get("state")), object_of(container.get("lastState"))
    waiting = object_of(state.get("waiting"))
    if (why := waiting.get("reason")) in NOT_STARTED:
        mark = IMAGE_MARK if why in IMAGE else why
        message = text_of(waiting.get("message"), most=20_000)
        yield pod.item(why, message or why, names=pod.names(container=name), mark=(name, mark), at=None, more=more)
    for attempt, ended in ((restarts + 1, state.get("terminated")), (restarts, last.get("terminated"))):
        end = object_of(ended)
        if (told := _told(end, ended_with_pod=ended_with_pod)) is None:
            continue
        yield pod.item(
            told[0],
            told[1],
            names=pod.names(container=name),
            mark=(name, end.get("containerID") or end.get("finishedAt")),
            at=end.get("finishedAt"),
            attempt=max(1, attempt),
            more=more,
        )


def _told(end: Mapping[str, Any], *, ended_with_pod: bool) -> tuple[str, str] | None:
    """Reason and message of a container's end; None where nothing failed, or nothing is said of why."""
    reason, code = name_of(end.get("reason")), end.get("exitCode")
    message = text_of(end.get("message"), most=100_000)
    if not reason or code == 0 or (reason not in TELLING and (ended_with_pod or message is None)):
        return None
    said = f"container terminated: {reason} (exit code {code})"
    return reason, f"{said}\n{message}" if message else said
