"""The client of pipelines that run in an event loop: the same plans, awaited. It works in any asyncio loop."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Literal

from seenbefore import asking
from seenbefore.advice import Advice
from seenbefore.artifacts import Given
from seenbefore.core import RESUME_TIMEOUT_S, Core
from seenbefore.plans import Plan, T
from seenbefore.plans_async import drive_async, in_thread
from seenbefore.runs import RunState
from seenbefore.settings import TIMEOUT_S
from seenbefore.steps import StepState
from seenbefore.sub_tasks import LEASE_S
from seenbefore.updating import Change, update
from seenbefore.wire import Document


class AsyncClient:
    """`Client`, awaited. `produce`, `fetch` and `change` may be coroutine functions; plain ones run in a thread
    (`change` excepted)."""

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

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def advise(
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
        """As `Client.advise`."""
        where = {"pipeline": pipeline, "step": step, "run_id": run_id, "attempt": attempt, "max_attempts": max_attempts}
        more = {"environment": environment, "spent": spent}
        return await self._drive(asking.advising(self._core, error, external_id=external_id, **(where | more)))

    async def outcome(
        self,
        advice: Advice | str | None,
        result: Literal["succeeded", "failed"],
        *,
        attempt: int | None = None,
        waited_s: float | None = None,
    ) -> None:
        """As `Client.outcome`."""
        await self._drive(asking.outcome(self._core, advice, result=result, attempt=attempt, waited_s=waited_s))

    async def resolve(self, advice: Advice | str | None, summary: str, **more: Any) -> None:
        """As `Client.resolve`."""
        await self._drive(asking.resolution(self._core, advice, {"summary": summary, **more}))

    def run(
        self,
        pipeline: str,
        *,
        run_id: str | None = None,
        domain: str | None = None,
        schema_version: int | None = None,
        attributes: Mapping[str, Any] | None = None,
        join: bool = False,
    ) -> AsyncRun:
        """As `Client.run`, to be used with `async with`."""
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
        return AsyncRun(state)

    async def update(
        self,
        change: Change,
        *,
        run_id: str,
        step: str | None = None,
        sub_task: str | None = None,
        schema_version: int | None = None,
    ) -> Document:
        """As `Client.update`; `change` is called in the event loop."""
        plan = update(change, run_id=run_id, step=step, sub_task=sub_task, schema_version=schema_version)
        return await self._drive(plan)

    async def flush(self, timeout_s: float | None = None) -> bool:
        """As `Client.flush`."""
        return await in_thread(partial(self._core.flush, timeout_s=timeout_s), self._core.engine)

    async def close(self) -> None:
        """As `Client.close`."""
        await in_thread(self._core.close, self._core.engine)

    async def _drive(self, plan: Plan[T]) -> T:
        return await drive_async(plan, self._core.engine)


class _Block:
    """What is opened and closed by plans."""

    _state: RunState | StepState

    async def _drive(self, plan: Plan[T]) -> T:
        run = self._state.run if isinstance(self._state, StepState) else self._state
        return await drive_async(plan, run.core.engine)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drive(self._state.close(error))


class AsyncRun(_Block):
    """`Run`, awaited."""

    def __init__(self, state: RunState) -> None:
        self._state: RunState = state
        self.run_id = state.run_id

    async def __aenter__(self) -> AsyncRun:
        await self._drive(self._state.open())
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
    ) -> AsyncStep:
        """As `Run.step`, to be used with `async with`."""
        state = StepState(
            self._state,
            name=name,
            owner=owner,
            plan=plan,
            schema_version=schema_version,
            attributes=attributes,
            take_over=take_over,
        )
        return AsyncStep(state)

    async def decide(self, agent: str, kind: str, *, choice: Mapping[str, Any], rationale: str, **more: Any) -> None:
        """As `Run.decide`."""
        said = {"agent": agent, "kind": kind, "choice": choice, "rationale": rationale}
        await self._drive(self._state.decide(said | more))


class AsyncStep(_Block):
    """`Step`, awaited."""

    def __init__(self, state: StepState) -> None:
        self._state: StepState = state

    async def __aenter__(self) -> AsyncStep:
        await self._drive(self._state.open())
        return self

    async def progress(self, share: float) -> None:
        """As `Step.progress`."""
        await self._drive(self._state.progress(share, now=time.monotonic()))

    async def sub_task(
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
        """As `Step.sub_task`; a `produce` that is no coroutine function runs in a thread."""
        how: dict[str, Any] = {"fetch": fetch, "uri": uri, "exclusive": exclusive, "lease_s": lease_s, "wait_s": wait_s}
        plan = self._state.sub_task(name, inputs=inputs, version=version, produce=produce, artifact=artifact, **how)
        return await self._drive(plan)
