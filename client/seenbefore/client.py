"""The client of pipelines that run in threads: each call drives a plan here and now."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

from seenbefore import asking
from seenbefore.advice import Advice
from seenbefore.artifacts import Given
from seenbefore.core import RESUME_TIMEOUT_S, Core
from seenbefore.plans import Plan, T, drive
from seenbefore.runs import RunState
from seenbefore.settings import TIMEOUT_S
from seenbefore.steps import StepState
from seenbefore.sub_tasks import LEASE_S
from seenbefore.updating import Change, update
from seenbefore.wire import Document


class Client:
    """Seen Before, from inside a pipeline. Safe to use from several threads, and after a fork.

    What is not given comes from `SEENBEFORE_URL` (default `http://127.0.0.1:8000`), `SEENBEFORE_API_KEY`,
    `SEENBEFORE_WORKSPACE` and `SEENBEFORE_SPOOL` (a file; default: below the user's state folder). `timeout_s` is the
    longest that a call waits for the service, in seconds, whatever the service does; the opening of a run alone waits
    for `resume_timeout_s`, for without an answer it may have to do much again.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        workspace: str | None = None,
        timeout_s: float = TIMEOUT_S,
        resume_timeout_s: float = RESUME_TIMEOUT_S,
        spool: str | os.PathLike[str] | None = None,
    ) -> None:
        self._core = Core(
            url,
            api_key=api_key,
            workspace=workspace,
            timeout_s=timeout_s,
            resume_timeout_s=resume_timeout_s,
            spool=spool,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advise(
        self,
        error: object,
        *,
        pipeline: str | None = None,
        step: str | None = None,
        run_id: str | None = None,
        attempt: int | None = None,
        max_attempts: int | None = None,
        environment: Mapping[str, object] | None = None,
        spent: Mapping[str, object] | None = None,
        external_id: str | None = None,
    ) -> Advice:
        """What to do about a failure: an exception, or a log. Never raises; `default` on any doubt.

        `external_id` is your own id of this failure, if it has one: told twice, by whichever way, it is one incident.
        """
        where = {"pipeline": pipeline, "step": step, "run_id": run_id, "attempt": attempt, "max_attempts": max_attempts}
        more = {"environment": environment, "spent": spent}
        return self._drive(asking.advising(self._core, error, external_id=external_id, **(where | more)))

    def outcome(
        self,
        advice: Advice | str | None,
        result: Literal["succeeded", "failed"],
        *,
        attempt: int | None = None,
        waited_s: float | None = None,
    ) -> None:
        """Say how a retry ended, of an advice or an incident's id. Kept until the service has it; never raises."""
        self._drive(asking.outcome(self._core, advice, result=result, attempt=attempt, waited_s=waited_s))

    def resolve(self, advice: Advice | str | None, summary: str, **more: Any) -> None:
        """Say what fixed it; `action`, `verdict`, `cause`, `author`, `fixed_in` as the HTTP contract has them."""
        self._drive(asking.resolution(self._core, advice, {"summary": summary, **more}))

    def run(
        self,
        pipeline: str,
        *,
        run_id: str | None = None,
        domain: str | None = None,
        schema_version: int | None = None,
        attributes: Mapping[str, Any] | None = None,
        join: bool = False,
    ) -> Run:
        """A run of a pipeline, to be used with `with`. The same `run_id` again goes on where it ended.

        `join` is for one of several agents that share a run: it knows what the run has done and writes its own steps,
        and whoever has opened the run without it says whether it runs and how it has ended.
        """
        name = run_id or f"{pipeline}-{uuid.uuid4().hex[:12]}"
        state = RunState(
            self._core,
            pipeline=pipeline,
            run_id=name,
            domain=domain,
            schema_version=schema_version,
            attributes=attributes,
            join=join,
        )
        return Run(state)

    def update(
        self,
        change: Change,
        *,
        run_id: str,
        step: str | None = None,
        sub_task: str | None = None,
        schema_version: int | None = None,
    ) -> Document:
        """Read a row of a run's state, change it by a function, write it; again where another was faster.

        `change` gets the fields that may be written (none when the row is not there), which are its own to alter, and
        gives them changed, or None to leave them; what is equal is not written. `schema_version` is that in which it
        reads and writes attributes (by default the latest). Gives the row as it is stored then. Raises `Unavailable`,
        `Refused`, and what `change` raises.
        """
        return self._drive(update(change, run_id=run_id, step=step, sub_task=sub_task, schema_version=schema_version))

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until what was kept is written, at most the timeout; whether it is."""
        return self._core.flush(timeout_s=timeout_s)

    def close(self) -> None:
        """Write what can be written within the timeout; the rest stays in the spool. Called at exit too. A client that
        is used after that begins anew."""
        self._core.close()

    def _drive(self, plan: Plan[T]) -> T:
        return drive(plan, self._core.engine)


class _Block:
    """What is opened and closed by plans."""

    _state: RunState | StepState

    def _drive(self, plan: Plan[T]) -> T:
        run = self._state.run if isinstance(self._state, StepState) else self._state
        return drive(plan, run.core.engine)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drive(self._state.close(error))


class Run(_Block):
    """A run; `run_id` is its name."""

    def __init__(self, state: RunState) -> None:
        self._state: RunState = state
        self.run_id = state.run_id

    def __enter__(self) -> Run:
        self._drive(self._state.open())
        return self

    def step(
        self,
        name: str,
        *,
        owner: str,
        plan: Sequence[str] | None = None,
        schema_version: int | None = None,
        attributes: Mapping[str, Any] | None = None,
        take_over: bool = False,
    ) -> Step:
        """A step, to be used with `with`: `owner` is who alone may write it, the same in every attempt; `take_over` has
        the step handed over by whom it belongs to now. `plan` is its sub-tasks in order (1,000 at most).
        `schema_version` is that of its attributes; the run's by default."""
        state = StepState(
            self._state,
            name=name,
            owner=owner,
            plan=plan,
            schema_version=schema_version,
            attributes=attributes,
            take_over=take_over,
        )
        return Step(state)

    def decide(self, agent: str, kind: str, *, choice: Mapping[str, Any], rationale: str, **more: Any) -> None:
        """Keep why something was chosen; `reasons` and `step` as in the HTTP contract. Never raises."""
        said = {"agent": agent, "kind": kind, "choice": choice, "rationale": rationale}
        self._drive(self._state.decide(said | more))


class Step(_Block):
    """A step of a run."""

    def __init__(self, state: StepState) -> None:
        self._state: StepState = state

    def __enter__(self) -> Step:
        self._drive(self._state.open())
        return self

    def progress(self, share: float) -> None:
        """Say how far it is, 0 to 1. Never raises, whatever it gets, and costs next to nothing when called often."""
        self._drive(self._state.progress(share, now=time.monotonic()))

    def sub_task(
        self,
        name: str,
        *,
        produce: Callable[..., Any],
        inputs: object = None,
        artifact: Given = None,
        version: str | None = None,
        fetch: Callable[[str, Any], Any] | None = None,
        uri: str | Mapping[str, str] | None = None,
        exclusive: bool = False,
        lease_s: float = LEASE_S,
        wait_s: float | None = None,
    ) -> Any:
        """Do a piece of work, unless it is done: over the same `inputs`, with its artifacts on the disk as they were.

        Its name is its own in the step. `artifact` is a path or `{name: path}`; `produce` gets a place (or places)
        beside it to write to, and what it has written is put there whole. Gives the path (or paths); without an
        artifact what `produce()` gives, and None when skipped. `inputs` are paths and plain values: with them, the work
        of other runs counts too. `version` names the code. `uri` says where artifacts can be had elsewhere,
        `fetch(uri, path)` brings them from there. `exclusive` claims the work for `lease_s` seconds at a time; where
        another holds it, it waits for `wait_s` seconds (default: a lease and 5), then raises `Held`. Where the lease
        has ended meanwhile, unrenewed for want of a service, it waits for that as long, then raises `Lapsed` (a `Held`)
        and publishes nothing; artifacts that were finished are set aside, and whoever claims the same work next
        publishes them. Beyond that it raises what `produce` raises, and `ArtifactMissing`.
        """
        how: dict[str, Any] = {"fetch": fetch, "uri": uri, "exclusive": exclusive, "lease_s": lease_s, "wait_s": wait_s}
        plan = self._state.sub_task(name, inputs=inputs, version=version, produce=produce, artifact=artifact, **how)
        return self._drive(plan)
