"""Steps as plans: whose they are, how far they are, and their sub-tasks."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from seenbefore import calls
from seenbefore.artifacts import Given, make_artifacts
from seenbefore.delivery import is_stale
from seenbefore.hashing import hash_inputs
from seenbefore.mending import MOST_PLANNED
from seenbefore.plain import attributes as fit
from seenbefore.plain import name as fit_name
from seenbefore.plain import plain, seconds
from seenbefore.plans import Ask, Local, Plan, quietly
from seenbefore.runs import RunState, status_of
from seenbefore.sub_tasks import LEASE_S, LEAST_LEASE_S, MOST_LEASE_S, Job, SubTask
from seenbefore.wire import Answer, Request

#: Seconds between two tellings of a step's progress; those between are left out.
PROGRESS_S = 0.5
#: How often a step that changes under our hands is asked to be handed over.
ROUNDS = 5
log = logging.getLogger("seenbefore")


class StepState:
    """A step as its owner knows it. `take_over`: who owns it now is to hand it over."""

    def __init__(
        self,
        run: RunState,
        *,
        name: str,
        owner: str,
        plan: Sequence[str] | None,
        schema_version: int | None,
        attributes: Mapping[str, Any] | None,
        take_over: bool = False,
    ) -> None:
        self.run = run
        self.name = fit_name(name)
        self.owner = fit_name(owner)
        self.path = calls.step_path(run.run_id, self.name)
        self._plan = _fit_plan(plan, step=self.name)
        self._attributes = fit(attributes)
        self._schema_version = run.schema_version if schema_version is None else plain(schema_version)
        self._take_over = take_over
        self._opened_at = time.monotonic()
        self._progress: float | None = None
        self._told_at = float("-inf")

    def open(self) -> Plan[None]:
        """Say that it is running."""
        self._opened_at = time.monotonic()
        if self._take_over:
            yield from self._have_it_handed_over()
        yield quietly(self._write, "step", "running", plan=self._plan)
        if self._attributes is not None:
            said = {"attributes": self._attributes, "schema_version": self._schema_version}
            yield quietly(self._write, "step", "running", **said)

    def _have_it_handed_over(self) -> Plan[None]:
        """By whoever owns it now, once what that owner has left here is told."""
        yield quietly(self.run.core.flush, lane=self.run.path)
        answer: Answer | None = None
        for _ in range(ROUNDS):
            there: Answer | None = yield Ask(calls.read(self.path))
            owner = (there.document or {}).get("owner") if there is not None and there.ok else None
            if owner == self.owner or (there is not None and there.status == 404 and there.problem is not None):
                return
            if there is None or not isinstance(owner, str):
                break
            body = {"pipeline": self.run.pipeline, "owner": owner, "to": self.owner, "reason": "It was taken over."}
            answer = yield Ask(calls.hand_over(self.path, body).matching(there.version))
            if answer is not None and answer.ok:
                log.info("The step %s was handed over by %s to %s.", self.name, owner, self.owner)
                return
            if not is_stale(answer):
                break
        told = "no answer" if answer is None else answer.detail
        log.warning("The step %s of the run %s is not handed over: %s.", self.name, self.run.run_id, told)

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

    @property
    def open_for_s(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened_at

    @property
    def opening(self) -> list[Request]:
        """How a step that is not there is written at once, as of its opening."""
        return [calls.put(self.path, self._body("running", plan=self._plan)).aged(self.open_for_s)]

    def _write(self, kind: str, status: str, **more: Any) -> None:
        self.run.core.put_row(self.run.path, kind, self.path, self._body(status, **more))

    def _body(self, status: str, **more: Any) -> dict[str, Any]:
        return {"pipeline": self.run.pipeline, "owner": self.owner, "status": status, **more}

    def sub_task(
        self,
        name: str,
        *,
        inputs: object,
        version: str | None,
        produce: Callable[..., Any],
        artifact: Given,
        lease_s: float,
        wait_s: float | None,
        **how: Any,
    ) -> Plan[Any]:
        """Skip it where it is done, else do it; the artifacts in the shape in which they were given."""
        name, artifacts = fit_name(name), make_artifacts(artifact)
        place = (self.run.pipeline, self.run.run_id, self.name, name)
        digest = yield Local(partial(hash_inputs, inputs, place=place, version=version))
        lease_s = seconds(lease_s, what="lease_s", otherwise=LEASE_S, least=LEAST_LEASE_S, most=MOST_LEASE_S)
        wait_s = seconds(wait_s, what="wait_s", otherwise=lease_s + 5.0)
        how |= {"has_inputs": inputs is not None, "lease_s": lease_s, "wait_s": wait_s}
        job = Job(name, digest, artifacts, produce, **how)
        self.run.names.use((self.name, name), job)
        return (yield from SubTask(self, job).get())


def _share(value: object) -> float | None:
    """A share of 0 to 1; None for what is no number."""
    if isinstance(value, str | bytes):
        return None
    try:
        share = float(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001,RUF100 - other people's types, of which some only look like numbers
        return None
    return None if math.isnan(share) else min(max(share, 0.0), 1.0)


def _fit_plan(plan: object, *, step: str) -> list[str] | None:
    """The plan as the service takes it; None where there is none, a longer one than it takes, or no plan at all."""
    if plan is None:
        return None
    given = [plan] if isinstance(plan, str) else plan
    if not isinstance(given, Iterable):
        log.warning("the plan of step %s is left out: a %s lists no names", step, type(plan).__name__)
        return None
    names = list(dict.fromkeys(fit_name(each) for each in given))
    if len(names) > MOST_PLANNED:
        log.warning("the plan of step %s has %d names and is left out: %d are taken", step, len(names), MOST_PLANNED)
        return None
    return names or None
