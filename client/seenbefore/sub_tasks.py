"""One sub-task as a plan: skipped where it is done, else done, alone where that is asked for, and kept."""

from __future__ import annotations

import contextlib
import inspect
import logging
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from seenbefore import calls, recorded
from seenbefore.artifacts import Artifacts, Draft, described, forget_aside, recorded_hashes
from seenbefore.delivery import Superseded, Written, deliver
from seenbefore.errors import ArtifactMissing, Lapsed
from seenbefore.leases import Claim, Claiming, Lease, claiming
from seenbefore.mending import Stuck, mending
from seenbefore.plans import Ask, Failed, Local, Own, Plan, briefly, quietly
from seenbefore.recorded import Recorded
from seenbefore.spooled import Spooled
from seenbefore.wire import Answer

if TYPE_CHECKING:
    from seenbefore.runs import RunState
    from seenbefore.steps import StepState

LEASE_S = 60.0
#: The longest is the service's; one that is shorter than the least would be renewed all the time.
LEAST_LEASE_S, MOST_LEASE_S = 0.1, 86_400.0
log = logging.getLogger("seenbefore")


@dataclass(frozen=True, slots=True)
class Job:
    """A sub-task that is asked for."""

    name: str
    inputs_hash: str
    artifacts: Artifacts
    produce: Callable[..., Any]
    has_inputs: bool
    fetch: Callable[[str, Any], Any] | None = None
    uri: str | Mapping[str, str] | None = None
    exclusive: bool = False
    lease_s: float = LEASE_S
    wait_s: float = 0.0

    @property
    def is_shared(self) -> bool:
        """Whether the work of other runs counts too."""
        return self.has_inputs and bool(self.artifacts.paths)

    def uri_of(self, name: str) -> object:
        """Where an artifact, by its name as it is recorded, is to be had elsewhere."""
        return self.artifacts.uri_of(name, self.uri)


class SubTask:
    """A job in a step."""

    def __init__(self, step: StepState, job: Job) -> None:
        self._step = step
        self._run: RunState = step.run
        self._job = job
        self._place = (step.name, job.name)
        self._path = calls.sub_task_path(step.run.run_id, step.name, job.name)

    def get(self) -> Plan[Any]:
        """Skip it where it is done, else do it; the artifacts in the shape in which they were given."""
        if (yield from self._is_done()):
            return self._job.artifacts.shown
        if self._job.exclusive:
            return (yield from self._do_alone())
        return (yield from self._do(None))

    def _is_done(self) -> Plan[bool]:
        """Whether it was done over the same inputs, and its artifacts are here as they were recorded."""
        for known in self._run.known(self._place):
            if (yield from self._is_here(known)):
                if known.only_here:
                    yield quietly(self._checkpoint, dict(known.artifacts))
                return True
        if not self._job.is_shared or not (self._job.artifacts.any_there or self._job.fetch):
            return False  # whatever the answer, nothing could be skipped
        found = recorded.of_reusable((yield Ask(self._reusable())))
        if found is None or not (yield from self._is_here(found)):
            return False
        yield quietly(self._checkpoint, dict(found.artifacts))
        return True

    def _reusable(self) -> Any:
        step, sub_task = self._place
        return calls.reusable(
            pipeline=self._run.pipeline, step=step, sub_task=sub_task, inputs_hash=self._job.inputs_hash
        )

    def _is_here(self, done: Recorded) -> Plan[bool]:
        if done.inputs_hash != self._job.inputs_hash:
            return False
        if (yield Local(partial(self._job.artifacts.match, done.artifacts))):
            return True
        return self._job.fetch is not None and (yield from self._fetch(done.artifacts, self._job.fetch))

    def _fetch(self, artifacts: Mapping[str, Any], fetch: Callable[[str, Any], Any]) -> Plan[bool]:
        """Have the artifacts brought from where they are; whether they are what was recorded."""
        hashes = recorded_hashes(artifacts) or {}
        if hashes.keys() != self._job.artifacts.paths.keys() or not all(each.get("uri") for each in artifacts.values()):
            return False
        draft = Draft(self._job.artifacts)
        with _swept(draft):
            yield quietly(draft.prepare)
            for name in hashes:
                got = yield Own(partial(fetch, artifacts[name]["uri"], draft.place(name)))
                if isinstance(got, Failed):
                    if not isinstance(got.error, Exception):
                        raise got.error
                    log.warning("the artifact %s cannot be fetched and is made again: %r", name, got.error)
                    return False
            return bool((yield quietly(_publish_if, draft, hashes)))

    def _do_alone(self) -> Plan[Any]:
        """Do it while nobody else does."""
        work = Claiming(is_done=self._is_here, waiting=self._waiting, mend=self._mend)
        lease = yield from claiming(self._run.core.engine, self._claim(), work)
        if lease == "done":
            value = self._job.artifacts.shown
        else:
            try:
                value = yield from self._do(lease)
            finally:
                lease.end()
        yield quietly(forget_aside, self._job.artifacts)
        return value

    def _mend(self, answer: Answer, turn: int) -> Plan[bool]:
        """Have the service know what a claim needs to be there: what waits for it here, else what this process knows of
        it, past all that waits. Whether to ask again."""
        problem = answer.problem or {}
        if answer.status == 404 and problem.get("missing") in ("run", "step"):
            if turn == 0:
                yield quietly(self._run.core.flush, lane=self._run.path)
            else:
                yield from self._write_parents()
            return turn <= 1
        if turn > 1:
            return False
        row = Spooled.unkept(lane=self._run.path, kind="sub_task", request=self._claim().request)
        aged = row.request.aged(self._step.open_for_s)
        return not isinstance((yield from briefly(mending(answer, aged, row))), Stuck)

    def _write_parents(self) -> Plan[None]:
        """As of when they were opened: what waits and was said after that changes them still."""
        for request in (*self._run.opening, *self._step.opening):
            yield Ask(request)

    def _claim(self) -> Claim:
        job = self._job
        return Claim(
            path=self._path,
            pipeline=self._run.pipeline,
            sub_task=job.name,
            owner=self._step.owner,
            lease_s=job.lease_s,
            wait_s=job.wait_s,
            inputs_hash=job.inputs_hash,
        )

    def _waiting(self) -> list[Spooled]:
        """What this machine has yet to bring of it, in order; another process's too."""
        return [row for row in self._run.core.waiting(self._run.path) if row.path == self._path]

    def _do(self, lease: Lease | None) -> Plan[Any]:
        """Produce, check the lease, publish, keep the checkpoint; in this order."""
        draft = Draft(self._job.artifacts)
        with _swept(draft):
            yield quietly(draft.prepare)
            value = yield from self._produce(draft, lease)
            if isinstance(value, Failed):
                yield from self._note_failure(lease)
                return value
            if not self._job.artifacts.paths and _is_yet_to_run(value):
                self._tell_not_run(value)
                return value
            hashes = yield Local(partial(_hashes, draft))
            if lease is not None:
                yield from self._confirm(lease, draft)
            yield Local(draft.publish)
        if hashes is not None:
            yield quietly(self._checkpoint, hashes, lease=lease)
            yield from self._bring(lease)
        return self._job.artifacts.shown if self._job.artifacts.paths else value

    def _produce(self, draft: Draft, lease: Lease | None) -> Plan[Any]:
        """What `produce` gives; it is not called where its work was finished before, under a lease that ended."""
        if lease is not None and (yield quietly(draft.take_up, self._job.inputs_hash)):
            return None
        produce = self._job.produce
        if inspect.iscoroutinefunction(produce):
            return (yield Own(partial(produce, draft.shown) if self._job.artifacts.paths else produce))
        return (yield Own(partial(draft.filled_by, produce)))

    def _tell_not_run(self, value: object) -> None:
        log.warning(
            "The sub-task %s is not kept as done: its produce gives a %s, of which nothing has run yet.",
            *(self._job.name, type(value).__name__),
        )

    def _confirm(self, lease: Lease, draft: Draft) -> Plan[None]:
        """Have the lease confirmed; what is finished is set aside for the next claim where nobody can be asked."""
        try:
            yield from lease.confirm()
        except Lapsed:
            yield quietly(draft.set_aside, self._job.inputs_hash)
            raise

    def _note_failure(self, lease: Lease | None) -> Plan[None]:
        self._run.forget(self._place)  # nor does the service count it as completed any more
        yield quietly(self._write, "failed", lease=lease)
        yield from self._bring(lease)

    def _checkpoint(self, artifacts: Mapping[str, Any], *, lease: Lease | None = None) -> None:
        told = {name: described(each, self._job.uri_of(name)) for name, each in artifacts.items()}
        self._write("completed", lease=lease, artifacts=told)
        self._run.done[self._place] = Recorded(self._job.inputs_hash, told)

    def _write(self, status: str, *, lease: Lease | None, **more: Any) -> None:
        said = {"pipeline": self._run.pipeline, "owner": self._step.owner, "status": status}
        body = said | {"inputs_hash": self._job.inputs_hash, **more} | ({"holder": lease.holder} if lease else {})
        self._run.core.put_row(self._run.path, "sub_task", self._path, body)

    def _bring(self, lease: Lease | None) -> Plan[None]:
        """Tell the end of exclusive work past what waits before it: until it is told, nothing but the lease says that
        the work is not to be done again. Where that cannot be told now, the lease is kept until it is."""
        if lease is None or (lease.is_confirmed and (yield from self._is_told(lease))):
            return
        lease.keep_while(lambda: bool(self._waiting()))

    def _is_told(self, lease: Lease) -> Plan[bool]:
        rows: list[Spooled] = (yield quietly(self._waiting)) or []
        if not rows:
            return True  # the drainer was faster
        result = yield from briefly(deliver(rows[-1], etags={self._path: lease.version}))
        if not isinstance(result, Written | Superseded):
            return False
        yield quietly(self._run.core.parts.spool.settle, written=[row.number for row in rows])
        return True


def _is_yet_to_run(value: object) -> bool:
    """Whether a function was called that does nothing before what it gives is awaited or iterated."""
    return inspect.isawaitable(value) or inspect.isgenerator(value) or inspect.isasyncgen(value)


class Names:
    """Which work each name of a run stood for in this process. A name that is used again for other work is told."""

    def __init__(self) -> None:
        self._work: dict[recorded.Place, tuple[object, ...]] = {}
        self._told: set[recorded.Place] = set()

    def use(self, place: recorded.Place, job: Job) -> None:
        """It stands for this job now."""
        before, now = self._work.get(place), _work_of(job)
        self._work[place] = now
        if before in (None, now) or place in self._told:
            return
        self._told.add(place)
        log.warning(
            "The sub-task %s of the step %s is asked for again with other inputs, another artifact or another produce. "
            "Names are unique in a step: under one name the later work takes the earlier one's place, or is taken for "
            "done. Put what differs into the name.",
            place[1],
            place[0],
        )

    def forget(self, place: recorded.Place) -> None:
        """It has failed: to try otherwise is no second work."""
        self._work.pop(place, None)


def _work_of(job: Job) -> tuple[object, ...]:
    """What tells work apart: without inputs and artifacts, nothing but the very `produce` does."""
    function = getattr(job.produce, "__func__", job.produce)
    told = getattr(function, "__code__", type(function))
    very = None
    if not job.has_inputs and not job.artifacts.paths:
        with contextlib.suppress(TypeError):  # no reference of ours is to keep it alive
            very = weakref.ref(function)
    return job.inputs_hash, tuple(job.artifacts.paths.values()), told, very


@contextlib.contextmanager
def _swept(draft: Draft) -> Iterator[None]:
    """However it ends, nothing half written is left."""
    try:
        yield
    finally:
        draft.discard()


def _hashes(draft: Draft) -> dict[str, dict[str, str]] | None:
    """What was written; None where it is there and cannot be read. Raises `ArtifactMissing`."""
    try:
        return draft.hashes()
    except ArtifactMissing:
        raise
    except OSError as error:
        log.warning("an artifact cannot be read, so no checkpoint is kept: %s", error)
        return None


def _publish_if(draft: Draft, hashes: Mapping[str, str]) -> bool:
    """Put what was fetched in its place if it is what was recorded."""
    same = {name: each["sha256"] for name, each in draft.hashes().items()} == hashes
    if same:
        draft.publish()
    return same
