"""Runs, steps and sub-tasks as plans: what is skipped, what is done again, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from seenbefore import calls, recorded
from seenbefore.artifacts import Artifacts, Draft, Given, make_artifacts, recorded_hashes
from seenbefore.core import Core
from seenbefore.hashing import hash_inputs
from seenbefore.leases import Claim, Lease, claiming
from seenbefore.mending import MOST_PLANNED
from seenbefore.plain import attributes as fit
from seenbefore.plain import name as fit_name
from seenbefore.plain import plain
from seenbefore.plans import Ask, Failed, Local, Own, Plan, quietly
from seenbefore.recorded import Recorded
from seenbefore.spool import Write
from seenbefore.wire import Answer, Request

#: Seconds between two tellings of a step's progress; those between are left out.
PROGRESS_S = 0.5
LEASE_S = 60.0
log = logging.getLogger("seenbefore")


def status_of(error: BaseException | None) -> str:
    """How a run or step has ended, by what its body has raised."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "succeeded"
    if isinstance(error, KeyboardInterrupt | GeneratorExit | asyncio.CancelledError):
        return "cancelled"
    return "failed"


class RunState:
    """A run as this process knows it. `done` is its resume state: its completed sub-tasks, by step and name."""

    def __init__(
        self,
        core: Core,
        *,
        pipeline: str,
        run_id: str,
        domain: str | None,
        schema_version: int | None,
        attributes: Mapping[str, Any] | None,
        join: bool,
    ) -> None:
        self.core = core
        self.pipeline = fit_name(pipeline)
        self.run_id = fit_name(run_id)
        self.path = calls.run_path(self.run_id)
        self.done: dict[recorded.Place, Recorded] = {}
        self.schema_version = schema_version
        self._domain = domain
        self._attributes = {"attributes": fit(attributes), "schema_version": schema_version}
        self._join = join

    def open(self) -> Plan[None]:
        """Fetch the resume state, and say that the run is running, unless that is for another to say."""
        answer = yield Ask(calls.read(self.path), self.core.resume_timeout_s)
        rest = yield from self._rest_of(answer)
        yield quietly(self._recall, answer, rest)
        if self._join:
            if answer is not None and answer.status == 404 and answer.problem is not None:
                yield from self._create()
            return
        yield quietly(self._write, "running", domain=self._domain)
        if self._attributes["attributes"] is not None:  # apart: those that its schema refuses cost no checkpoint
            yield quietly(self._write, "running", domain=self._domain, **self._attributes)

    def _create(self) -> Plan[None]:
        """Write the run only if nobody has: naming no version, which a change of what is there would have to."""
        body = {"pipeline": self.pipeline, "status": "running", "domain": self._domain}
        bare: Request | None = yield quietly(calls.put, self.path, body)
        told: Request | None = yield quietly(calls.put, self.path, body | self._attributes)
        made: Answer | None = (yield Ask(bare)) if bare is not None else None
        if made is not None and made.status == 201 and told is not None and told != bare:
            yield Ask(told.matching(made.version))

    def _recall(self, answer: Answer | None, rest: Mapping[recorded.Place, Recorded]) -> None:
        # The same name in another pipeline is another run, though the service keeps one of a name.
        told = recorded.of_run(answer, pipeline=self.pipeline)
        self.done = {**told, **rest} if told is not None else self._recall_here()
        for place, latest in recorded.of_spool(self.core.waiting(self.path), pipeline=self.pipeline).items():
            if latest is None:
                self.done.pop(place, None)
            else:
                self.done[place] = latest

    def _rest_of(self, answer: Answer | None) -> Plan[dict[recorded.Place, Recorded]]:
        """What a run of thousands of sub-tasks does not show at once."""
        found: dict[recorded.Place, Recorded] = {}
        for step, after in recorded.cut_steps(answer):
            following: str | None = after
            while following is not None:
                page: Answer | None = yield Ask(calls.sub_tasks(self.run_id, step, after=following))
                found |= recorded.of_page(page, step=step)
                following = recorded.next_of(page)
        return found

    def _recall_here(self) -> dict[recorded.Place, Recorded]:
        """What this machine has kept of the run, where the service cannot tell."""
        found = recorded.of_machine(self.core.kept(self.path), pipeline=self.pipeline)
        if found:
            log.info("%d sub-tasks of the run %s are known from this machine alone.", len(found), self.run_id)
        return found

    def close(self, error: BaseException | None) -> Plan[None]:
        """Say how it has ended, unless that is for another to say."""
        if not self._join:
            yield quietly(self._write, status_of(error))

    def _write(self, status: str, **more: Any) -> None:
        kind = "end" if status == "succeeded" else "run"
        self.core.put_row(self.path, kind, self.path, {"pipeline": self.pipeline, "status": status, **more})

    def decide(self, body: Mapping[str, Any]) -> Plan[None]:
        """Keep why something was chosen."""
        request = calls.decision(self.run_id, plain(dict(body)))
        yield quietly(self.core.put, Write(lane=self.path, kind="note", request=request))


@dataclass(frozen=True, slots=True)
class Job:
    """A sub-task that is asked for."""

    name: str
    inputs_hash: str
    artifacts: Artifacts
    produce: Callable[..., Any]
    shared: bool
    fetch: Callable[[str, Any], Any] | None = None
    uri: str | Mapping[str, str] | None = None
    exclusive: bool = False
    lease_s: float = LEASE_S
    wait_s: float | None = None

    def uri_of(self, name: str) -> str | None:
        """Where an artifact is to be had elsewhere."""
        return self.uri.get(name) if isinstance(self.uri, Mapping) else self.uri


class StepState:
    """A step as its owner knows it."""

    def __init__(
        self,
        run: RunState,
        *,
        name: str,
        owner: str,
        plan: Sequence[str] | None,
        schema_version: int | None,
        attributes: Mapping[str, Any] | None,
    ) -> None:
        self.run = run
        self.name = fit_name(name)
        self.owner = fit_name(owner)
        self.path = calls.step_path(run.run_id, self.name)
        self._plan = _fit_plan(plan, step=self.name)
        self._attributes = fit(attributes)
        self._schema_version = run.schema_version if schema_version is None else schema_version
        self._progress: float | None = None
        self._told_at = float("-inf")

    def open(self) -> Plan[None]:
        """Say that it is running."""
        yield quietly(self._write, "step", "running", plan=self._plan)
        if self._attributes is not None:
            said = {"attributes": self._attributes, "schema_version": self._schema_version}
            yield quietly(self._write, "step", "running", **said)

    def close(self, error: BaseException | None) -> Plan[None]:
        """Say how it has ended."""
        yield quietly(self._write, "step", status_of(error), progress=self._progress)

    def progress(self, share: object, *, now: float) -> Plan[None]:
        """Say how far it is (0 to 1), now and then; `now` in seconds of any clock. What is no number says nothing."""
        told = _share(share)
        self._progress = self._progress if told is None else told
        if self._progress is not None and now - self._told_at >= PROGRESS_S:
            self._told_at = now
            yield quietly(self._write, "progress", "running", progress=self._progress)

    def _write(self, kind: str, status: str, **more: Any) -> None:
        body = {"pipeline": self.run.pipeline, "owner": self.owner, "status": status, **more}
        self.run.core.put_row(self.run.path, kind, self.path, body)

    def sub_task(
        self,
        name: str,
        *,
        inputs: object,
        version: str | None,
        produce: Callable[..., Any],
        artifact: Given,
        **how: Any,
    ) -> Plan[Any]:
        """Skip it where it is done, else do it; the artifacts in the shape in which they were given."""
        name, artifacts = fit_name(name), make_artifacts(artifact)
        place = (self.run.pipeline, self.run.run_id, self.name, name)
        digest = yield Local(partial(hash_inputs, inputs, place=place, version=version))
        shared = inputs is not None and bool(artifacts.paths)
        job = Job(name, digest, artifacts, produce, shared=shared, **how)
        if (yield from self._is_done(job)):
            return artifacts.shown
        if not job.exclusive:
            return (yield from self._do(job, None))
        return (yield from self._do_alone(job))

    def _is_done(self, job: Job) -> Plan[bool]:
        """Whether it was done over the same inputs, and its artifacts are here as they were recorded."""
        own = self.run.done.get((self.name, job.name))
        if own is not None and (yield from self._is_here(job, own)):
            if own.only_here:
                yield quietly(self._checkpoint, job, dict(own.artifacts))
            return True
        if not job.shared or not (job.artifacts.any_there or job.fetch):
            return False  # whatever the answer, nothing could be skipped
        answer = yield Ask(self._reusable(job))
        found = recorded.of_reusable(answer)
        if found is None or not (yield from self._is_here(job, found)):
            return False
        yield quietly(self._checkpoint, job, dict(found.artifacts))
        return True

    def _reusable(self, job: Job) -> Any:
        return calls.reusable(
            pipeline=self.run.pipeline, step=self.name, sub_task=job.name, inputs_hash=job.inputs_hash
        )

    def _is_here(self, job: Job, done: Recorded) -> Plan[bool]:
        if done.inputs_hash != job.inputs_hash:
            return False
        if (yield Local(partial(job.artifacts.match, done.artifacts))):
            return True
        return job.fetch is not None and (yield from self._fetch(job, done.artifacts))

    def _fetch(self, job: Job, artifacts: Mapping[str, Any]) -> Plan[bool]:
        """Have the artifacts brought from where they are; whether they are what was recorded."""
        hashes = recorded_hashes(artifacts) or {}
        if hashes.keys() != job.artifacts.paths.keys() or not all(each.get("uri") for each in artifacts.values()):
            return False
        draft = Draft(job.artifacts)
        yield quietly(draft.prepare)
        for name in hashes:
            got = yield Own(partial(_required(job.fetch), artifacts[name]["uri"], draft.place(name)))
            if isinstance(got, Failed):
                yield quietly(draft.discard)
                if not isinstance(got.error, Exception):
                    raise got.error
                log.warning("the artifact %s cannot be fetched and is made again: %r", name, got.error)
                return False
        return bool((yield quietly(_publish_if, draft, hashes)))

    def _do_alone(self, job: Job) -> Plan[Any]:
        """Do it while nobody else does."""
        yield quietly(self.run.core.flush, lane=self.run.path)  # a claim needs its step to be there
        lease = yield from claiming(self.run.core.engine, self._claim(job), is_done=partial(self._is_here, job))
        if lease == "done":
            return job.artifacts.shown
        try:
            return (yield from self._do(job, lease))
        finally:
            lease.end()

    def _claim(self, job: Job) -> Claim:
        return Claim(
            path=calls.sub_task_path(self.run.run_id, self.name, job.name),
            pipeline=self.run.pipeline,
            sub_task=job.name,
            owner=self.owner,
            lease_s=job.lease_s,
            wait_s=job.lease_s + 5.0 if job.wait_s is None else job.wait_s,
            inputs_hash=job.inputs_hash,
        )

    def _do(self, job: Job, lease: Lease | None) -> Plan[Any]:
        """Produce, check the lease, publish, keep the checkpoint; in this order."""
        draft = Draft(job.artifacts)
        yield quietly(draft.prepare)
        value = yield Own(partial(job.produce, draft.shown) if job.artifacts.paths else job.produce)
        if isinstance(value, Failed):
            yield quietly(draft.discard)
            yield quietly(self._note_failure, job, lease)
            return value
        try:
            hashes = yield Local(draft.hashes)
            if lease is not None:
                yield from lease.confirm()
            yield Local(draft.publish)
        except BaseException:
            draft.discard()
            raise
        yield quietly(self._checkpoint, job, hashes, lease=lease)
        return job.artifacts.shown if job.artifacts.paths else value

    def _note_failure(self, job: Job, lease: Lease | None) -> None:
        self.run.done.pop((self.name, job.name), None)  # nor does the service count it as completed any more
        self._write_sub_task(job, "failed", lease=lease)

    def _checkpoint(self, job: Job, artifacts: Mapping[str, Any], *, lease: Lease | None = None) -> None:
        told = {name: _described(each, job.uri_of(name)) for name, each in artifacts.items()}
        self._write_sub_task(job, "completed", lease=lease, artifacts=told)
        self.run.done[self.name, job.name] = Recorded(job.inputs_hash, told)

    def _write_sub_task(self, job: Job, status: str, *, lease: Lease | None, **more: Any) -> None:
        place = calls.sub_task_path(self.run.run_id, self.name, job.name)
        said = {"pipeline": self.run.pipeline, "owner": self.owner, "status": status}
        body = said | {"inputs_hash": job.inputs_hash, **more}
        self.run.core.put_row(self.run.path, "sub_task", place, body | ({"holder": lease.holder} if lease else {}))


def _share(value: object) -> float | None:
    """A share of 0 to 1; None for what is no number."""
    if isinstance(value, str | bytes):
        return None
    try:
        share = float(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001,RUF100 - other people's types, of which some only look like numbers
        return None
    return None if math.isnan(share) else min(max(share, 0.0), 1.0)


def _fit_plan(plan: Sequence[str] | None, *, step: str) -> list[str] | None:
    """The plan as the service takes it; None where there is none, or a longer one than it takes."""
    if plan is None:
        return None
    given = [plan] if isinstance(plan, str) else plan
    names = list(dict.fromkeys(fit_name(each) for each in given))
    if len(names) > MOST_PLANNED:
        log.warning("the plan of step %s has %d names and is left out: %d are taken", step, len(names), MOST_PLANNED)
        return None
    return names or None


def _described(artifact: Mapping[str, Any], uri: str | None) -> dict[str, str]:
    """Its hash, and where it is where that is known."""
    place = uri or artifact.get("uri")
    return {"sha256": artifact["sha256"]} | ({"uri": str(place)} if place else {})


def _publish_if(draft: Draft, hashes: Mapping[str, str]) -> bool:
    """Put what was fetched in its place if it is what was recorded."""
    try:
        same = {name: each["sha256"] for name, each in draft.hashes().items()} == hashes
        if same:
            draft.publish()
    finally:
        draft.discard()
    return same


def _required(fetch: Callable[[str, Any], Any] | None) -> Callable[[str, Any], Any]:
    assert fetch is not None  # noqa: S101 - for the type checker: it is looked at before
    return fetch
