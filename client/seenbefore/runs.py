"""Runs as plans: what is known of one when it is opened, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from seenbefore import calls, recorded
from seenbefore.core import Core
from seenbefore.plain import attributes as fit
from seenbefore.plain import label, plain
from seenbefore.plain import name as fit_name
from seenbefore.plans import Ask, Plan, quietly
from seenbefore.recorded import Place, Recorded
from seenbefore.spool import Write
from seenbefore.sub_tasks import Names
from seenbefore.wire import Answer, Request

log = logging.getLogger("seenbefore")


def status_of(error: BaseException | None) -> str:
    """How a run or step has ended, by what its body has raised."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "succeeded"
    if isinstance(error, KeyboardInterrupt | GeneratorExit | asyncio.CancelledError):
        return "cancelled"
    return "failed"


class RunState:
    """A run as this process knows it. `done` is its resume state: its completed sub-tasks, by step and name; `here`
    those with artifacts that this machine has kept, whether or not the service has them: a step of another owner's may
    have refused them, and artifacts show by themselves what they are."""

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
        self.done: dict[Place, Recorded] = {}
        self.here: dict[Place, Recorded] = {}
        self.names = Names()
        self._opened_at = time.monotonic()
        self.schema_version = plain(schema_version)
        self._domain = None if domain is None else label(domain)
        self._attributes = {"attributes": fit(attributes), "schema_version": self.schema_version}
        self._join = join

    def open(self) -> Plan[None]:
        """Fetch the resume state, and say that the run is running, unless that is for another to say."""
        self._opened_at = time.monotonic()
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

    def _recall(self, answer: Answer | None, rest: Mapping[Place, Recorded]) -> None:
        # The same name in another pipeline is another run, though the service keeps one of a name.
        told = recorded.of_run(answer, pipeline=self.pipeline)
        kept = recorded.of_machine(self.core.kept(self.path), pipeline=self.pipeline)
        if told is None and kept:
            log.info("%d sub-tasks of the run %s are known from this machine alone.", len(kept), self.run_id)
        self.done = kept if told is None else {**told, **rest}
        self.here = {place: done for place, done in kept.items() if done.artifacts}
        rows = self.core.waiting(self.path)
        self.done = recorded.brought_up(self.done, rows, pipeline=self.pipeline, now=time.time())

    def _rest_of(self, answer: Answer | None) -> Plan[dict[Place, Recorded]]:
        """What a run of thousands of sub-tasks does not show at once."""
        found: dict[Place, Recorded] = {}
        for step, after in recorded.cut_steps(answer):
            following: str | None = after
            while following is not None:
                page: Answer | None = yield Ask(calls.sub_tasks(self.run_id, step, after=following))
                found |= recorded.of_page(page, step=step)
                following = recorded.next_of(page)
        return found

    def known(self, place: Place) -> Iterator[Recorded]:
        """What is known of a sub-task, what counts most first."""
        yield from (found[place] for found in (self.done, self.here) if place in found)

    def forget(self, place: Place) -> None:
        """It counts as completed no more."""
        self.done.pop(place, None)
        self.here.pop(place, None)
        self.names.forget(place)

    @property
    def opening(self) -> list[Request]:
        """How a run that is not there is written at once, as of its opening."""
        body = {"pipeline": self.pipeline, "status": "running", "domain": self._domain}
        return [calls.put(self.path, body).aged(time.monotonic() - self._opened_at)]

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
