"""tenacity: `retry=`, `wait=` and `stop=` from one piece of advice a failure, and the outcome of every retry told back.

    advised = Advised(memory, pipeline="fraud-training", step="export", stop=stop_after_attempt(3))

    @retry(retry=advised.retry, wait=advised.wait, stop=advised.stop)
    def export() -> None: ...

`retry`, `wait` and `stop` given to `Advised` are your own policy: it alone decides while the advice is `default`, which
it is whenever the service is away. `fail` ends the retrying with the function's own exception. The three are ordinary
tenacity strategies: `advised.stop | stop_after_delay(600)` bounds what advice can grant.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast
from weakref import WeakKeyDictionary

from tenacity import RetryCallState, retry_if_exception_type, stop_never, wait_none
from tenacity.asyncio.retry import async_retry_base
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from seenbefore.adapters.guard import Bounds, ask, ask_async, harmless, harmless_async
from seenbefore.adapters.portable import Portable
from seenbefore.advice import Advice

if TYPE_CHECKING:
    from seenbefore import AsyncClient, Client

OwnRetry = Callable[[RetryCallState], bool]
OwnWait = Callable[[RetryCallState], float]
OwnStop = Callable[[RetryCallState], bool]
Result = Literal["succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The advice for the failure of one attempt, and whether its outcome is told."""

    attempt: int
    advice: Advice
    told: bool = False


class _Policy(Portable):
    """What the sync and the async policy share: the cached advice, and the decisions that follow from it."""

    LEFT = ("_asked",)

    def __init__(
        self,
        *,
        pipeline: str | None = None,
        step: str | None = None,
        run_id: str | None = None,
        environment: dict[str, object] | None = None,
        wait: OwnWait | None = None,
        stop: OwnStop | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.own_wait = wait or wait_none()
        self.own_stop = stop or stop_never
        self.bounds = bounds or Bounds()
        self.wait: wait_base = _Wait(self)
        self.stop: stop_base = _Stop(self)
        self._about = {"pipeline": pipeline, "step": step, "run_id": run_id, "environment": environment}
        self.unpack()

    def unpack(self) -> None:
        """Forget what was asked: it is of calls in this process."""
        self._asked: WeakKeyDictionary[RetryCallState, _Asked] = WeakKeyDictionary()

    def advice(self, state: RetryCallState) -> Advice:
        """The advice for this attempt's failure, for hooks such as `before_sleep`; `default` when none was asked."""
        asked = self._asked.get(state)
        return asked.advice if asked and asked.attempt == state.attempt_number else Advice()

    def keep(self, state: RetryCallState, advice: Advice) -> None:
        """Have `wait` and `stop` follow the same advice as `retry`."""
        self._asked[state] = _Asked(state.attempt_number, advice)

    def about(self, state: RetryCallState) -> dict[str, Any]:
        """What is told of the failure beside itself."""
        attempts = {"attempt": state.attempt_number, "max_attempts": self.bounds.most_attempts}
        step = self._about["step"] or (state.get_fn_name() if state.fn is not None else None)
        return self._about | {"step": step} | attempts

    def outcome(self, state: RetryCallState, *, own: bool) -> tuple[Advice, Result] | None:
        """How the attempt that followed earlier advice has ended; None when there was none, or nothing can be said."""
        asked, error = self._asked.get(state), failure_of(state)
        cancelled = error is not None and not isinstance(error, Exception)
        if asked is None or asked.told or asked.attempt >= state.attempt_number or cancelled:
            return None
        self._asked[state] = replace(asked, told=True)
        return asked.advice, "failed" if error is not None or own else "succeeded"


class Advised(_Policy):
    """A policy for `retry` and `Retrying`. Any number of functions and threads may share it."""

    def __init__(self, memory: Client, *, retry: OwnRetry | None = None, **about: Any) -> None:
        super().__init__(**about)
        self.memory = memory
        self.own_retry = retry or retry_if_exception_type()
        self.retry: retry_base = _Retry(self)

    def decide(self, state: RetryCallState) -> bool:
        """Whether there is another attempt. Never, where the failure is no `Exception` but the end of the program."""
        own, error = bool(self.own_retry(state)), failure_of(state)
        harmless(lambda: self._tell(state, own=own), otherwise=None)
        if error is None:
            return own
        if not isinstance(error, Exception):
            return False
        advice = ask(self.memory, error, bounds=self.bounds, about=lambda: self.about(state))
        self.keep(state, advice)
        return followed(advice, own=own)

    def _tell(self, state: RetryCallState, *, own: bool) -> None:
        outcome = self.outcome(state, own=own)
        if outcome is not None:
            self.memory.outcome(*outcome, attempt=state.attempt_number, waited_s=state.upcoming_sleep)


class AsyncAdvised(_Policy):
    """The same for coroutines, over an `AsyncClient`; its own `retry` may be a coroutine function too."""

    def __init__(
        self,
        memory: AsyncClient,
        *,
        retry: Callable[[RetryCallState], bool | Awaitable[bool]] | None = None,
        **about: Any,
    ) -> None:
        super().__init__(**about)
        self.memory = memory
        self.own_retry = retry or retry_if_exception_type()
        self.retry: async_retry_base = _AsyncRetry(self)

    async def decide(self, state: RetryCallState) -> bool:
        """Whether there is another attempt. Never, where the failure is a cancellation."""
        said, error = self.own_retry(state), failure_of(state)
        own = bool(await cast(Awaitable[bool], said)) if inspect.isawaitable(said) else bool(said)
        await harmless_async(lambda: self._tell(state, own=own), otherwise=None)
        if error is None:
            return own
        if not isinstance(error, Exception):
            return False
        advice = await ask_async(self.memory, error, bounds=self.bounds, about=lambda: self.about(state))
        self.keep(state, advice)
        return followed(advice, own=own)

    async def _tell(self, state: RetryCallState, *, own: bool) -> None:
        outcome = self.outcome(state, own=own)
        if outcome is not None:
            await self.memory.outcome(*outcome, attempt=state.attempt_number, waited_s=state.upcoming_sleep)


class _Retry(retry_base):
    def __init__(self, policy: Advised) -> None:
        self._policy = policy

    def __call__(self, retry_state: RetryCallState) -> bool:
        return self._policy.decide(retry_state)


class _AsyncRetry(async_retry_base):
    def __init__(self, policy: AsyncAdvised) -> None:
        self._policy = policy

    async def __call__(self, retry_state: RetryCallState) -> bool:
        return await self._policy.decide(retry_state)


class _Wait(wait_base):
    def __init__(self, policy: _Policy) -> None:
        self._policy = policy

    def __call__(self, retry_state: RetryCallState) -> float:
        """The advised seconds, else the host's own."""
        decision = self._policy.advice(retry_state).decision
        if decision.action == "retry" and decision.retry_delay_s is not None:
            return decision.retry_delay_s
        return self._policy.own_wait(retry_state)


class _Stop(stop_base):
    def __init__(self, policy: _Policy) -> None:
        self._policy = policy

    def __call__(self, retry_state: RetryCallState) -> bool:
        """After the advised number of attempts, else when the host's own says so."""
        advice = self._policy.advice(retry_state)
        if advice.decision.action == "retry":
            return self._policy.bounds.exhausted(advice, attempt=retry_state.attempt_number)
        return self._policy.own_stop(retry_state)


def followed(advice: Advice, *, own: bool) -> bool:
    """Whether to try again: as advised, else as the host would."""
    return own if advice.decision.action == "default" else advice.decision.action == "retry"


def failure_of(state: RetryCallState) -> BaseException | None:
    """What the attempt has raised."""
    return state.outcome.exception() if state.outcome is not None else None
