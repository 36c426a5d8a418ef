"""tenacity's own decorators, with a policy over the real service, and over none."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import tenacity
from tenacity import (
    AsyncRetrying,
    RetryError,
    Retrying,
    TryAgain,
    retry,
    retry_if_exception_type,
    retry_if_not_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_after_delay,
    wait_fixed,
    wait_none,
)

from seenbefore import Advice, AsyncClient, Client, Decision
from seenbefore.adapters.guard import Bounds
from seenbefore.adapters.tenacity import Advised, AsyncAdvised
from tests.adapters.conftest import Page, misbehaving, scaled

RESET = ConnectionResetError(104, "Connection reset by peer")
MISSING = KeyError("customer_id")
UNHEARD = RuntimeError("zorp")


class Work:
    """Fails as it is told to, in order, then succeeds; counts its attempts."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.attempts = 0

    def __call__(self) -> str:
        """One attempt."""
        self.attempts += 1
        if self.attempts <= len(self.failures):
            raise self.failures[self.attempts - 1].with_traceback(None)
        return "done"


@pytest.fixture
def async_memory(service: Any, tmp_path: Path) -> Callable[[], AsyncClient]:
    """Make a client for an event loop."""
    return lambda: AsyncClient(
        service.url, workspace=service.workspace, timeout_s=30.0, spool=tmp_path / "async.sqlite3"
    )


def retrying(advised: Advised, waits: list[float], **more: Any) -> Retrying:
    """tenacity with the policy; its waits are noted and not waited for."""
    return Retrying(retry=advised.retry, wait=advised.wait, stop=advised.stop, sleep=waits.append, **more)


def test_waits_and_tries_as_advised(memory: Client) -> None:
    """A connection reset is retried after the documented wait, beyond what the own policy allows."""
    work, waits = Work(RESET, RESET), list[float]()
    advised = Advised(memory, pipeline="fraud", step="export", wait=wait_fixed(1), stop=stop_after_attempt(2))

    assert "done" == retrying(advised, waits)(work)
    assert (3, 2) == (work.attempts, len(waits))
    assert all(wait >= 10 for wait in waits)


def test_tells_how_each_retry_ended(memory: Client, service: Any) -> None:
    """The second attempt failed, the third passed: both are known afterwards, and so are both failures."""
    advised = Advised(memory, pipeline="fraud", step="export")

    retrying(advised, [])(Work(RESET, RESET))

    assert memory.flush(20.0)
    assert {"succeeded": [3], "failed": [2]} == service.retries(count=2, pipeline="fraud")
    assert [1, 2] == [each["attempt"] for each in service.incidents(pipeline="fraud", step="export")]


def test_stops_after_the_advised_number_of_attempts(memory: Client) -> None:
    """What is advised ends too, though the own policy would go on for ever: by number, or by `fail` in the end."""
    work, waits = Work(*[RESET] * 100), list[float]()

    with pytest.raises((RetryError, ConnectionResetError)):
        retrying(Advised(memory, pipeline="fraud"), waits)(work)

    assert 3 <= work.attempts <= 10


def test_fail_raises_what_the_function_raised(memory: Client, service: Any) -> None:
    """A genuine failure is not tried again, and comes as it is."""
    service.knows(MISSING, verdict="genuine", action="fix_then_rerun")
    work = Work(MISSING)

    with pytest.raises(KeyError, match="customer_id"):
        retrying(Advised(memory), [])(work)

    assert 1 == work.attempts


def test_asks_once_a_failure(memory: Client, service: Any) -> None:
    """`retry`, `wait` and `stop` follow one advice, and hooks can see it."""
    service.knows(RESET, verdict="transient", action="retry_now")
    seen, advised = [], Advised(memory, pipeline="once")

    retrying(advised, [], before_sleep=lambda state: seen.append(advised.advice(state)))(Work(RESET))

    assert ["retry"] == [advice.decision.action for advice in seen]
    assert 1 == len(service.incidents(pipeline="once"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
def test_never_retries_the_end_of_the_program(memory: Client, error: BaseException) -> None:
    """Not even where the own predicate, being negated, would."""
    work = Work(error)
    advised = Advised(memory, retry=retry_if_not_exception_type(ValueError))

    with pytest.raises(type(error)):
        retrying(advised, [])(work)

    assert 1 == work.attempts


def test_results_and_try_again_stay_with_the_own_policy(memory: Client) -> None:
    """Advice is about exceptions; what else the own policy retries, it retries as ever."""
    answers: Iterator[Any] = iter([None, TryAgain, "done"])
    waits: list[float] = []

    def work() -> Any:
        answer = next(answers)
        if answer is TryAgain:
            raise TryAgain
        return answer

    advised = Advised(memory, retry=retry_if_result(lambda result: result is None), wait=wait_fixed(3))

    assert "done" == retrying(advised, waits)(work)
    assert [3, 3] == waits


def test_composes_as_other_strategies_do(memory: Client, service: Any) -> None:
    """`|` bounds what advice can grant."""
    service.knows(RESET, verdict="transient", action="retry_now")
    work, advised = Work(*[RESET] * 9), Advised(memory)

    @retry(
        retry=advised.retry | retry_if_exception_type(OSError),
        wait=advised.wait + wait_fixed(0),
        stop=advised.stop | stop_after_attempt(2) | stop_after_delay(600),
    )
    def bounded() -> str:
        return work()

    with pytest.raises(RetryError):
        bounded()

    assert 2 == work.attempts


def test_coroutines_are_retried_as_advised(service: Any, async_memory: Callable[[], AsyncClient]) -> None:
    """The same over an async client, with an own predicate that is a coroutine function."""
    service.knows(RESET, verdict="transient", action="retry_now")
    work = Work(RESET, RESET)

    async def never(_: tenacity.RetryCallState) -> bool:
        return False

    async def main() -> str:
        async with async_memory() as memory:
            advised = AsyncAdvised(memory, pipeline="async", retry=never)

            @retry(retry=advised.retry, wait=advised.wait, stop=advised.stop)
            async def export() -> str:
                return work()

            answer = await export()
            assert await memory.flush(20.0)
            return answer

    assert "done" == asyncio.run(main())
    assert {"succeeded": [3], "failed": [2]} == service.retries(count=2, pipeline="async")


def test_a_cancelled_coroutine_ends(async_memory: Callable[[], AsyncClient]) -> None:
    """Cancellation goes through, whatever the own predicate says."""

    async def main() -> int:
        attempts = 0
        async with async_memory() as memory:
            advised = AsyncAdvised(memory, retry=retry_if_not_exception_type(ValueError))

            async def work() -> None:
                nonlocal attempts
                attempts += 1
                await asyncio.sleep(60)

            retrying = AsyncRetrying(retry=advised.retry, wait=advised.wait, stop=advised.stop)
            task = asyncio.create_task(retrying(work))
            await asyncio.sleep(0.05)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return attempts

    assert 1 == asyncio.run(main())


def test_no_service_is_as_without_us(lost: Client) -> None:
    """Dead, hanging, stumbling or talking nonsense: attempts, waits and exception are those of the own policy."""
    own = {"retry": retry_if_exception_type(OSError), "wait": wait_fixed(7), "stop": stop_after_attempt(3)}

    def outcome(policy: dict[str, Any], *failures: BaseException) -> tuple[int, list[float], str]:
        work, waits = Work(*failures), list[float]()
        try:
            end = Retrying(**policy, sleep=waits.append)(work)
        except Exception as error:
            end = repr(error)[:20]
        return work.attempts, waits, end

    advised = Advised(lost, **own)
    policy = {"retry": advised.retry, "wait": advised.wait, "stop": advised.stop}

    for failures in ([RESET], [RESET] * 9, [MISSING], [RESET, MISSING], []):
        assert outcome(own, *failures) == outcome(policy, *failures)


def test_no_service_is_as_without_us_in_an_event_loop(trouble_url: str, tmp_path: Path) -> None:
    """The same for coroutines."""
    work = Work(*[RESET] * 9)

    async def main() -> None:
        async with AsyncClient(trouble_url, timeout_s=0.5, spool=tmp_path / "async.sqlite3") as lost:
            advised = AsyncAdvised(lost, stop=stop_after_attempt(3))
            await AsyncRetrying(retry=advised.retry, wait=advised.wait, stop=advised.stop)(work)

    with pytest.raises(RetryError):
        asyncio.run(main())

    assert 3 == work.attempts


class Broken(Client):
    """A client with a bug, which the rule holds for too."""

    def advise(self, *_: Any, **__: Any) -> Advice:
        """As a bug would."""
        raise ZeroDivisionError("ours")

    outcome = advise  # type: ignore[assignment]


class Extreme(Client):
    """A client whose service is out of its mind, though well-formed."""

    decision = Decision(action="retry", retry_delay_s=800_000.0, max_attempts=1_000_000)

    def advise(self, *_: Any, **__: Any) -> Advice:
        """Anything that the contract allows."""
        return replace(Advice(), decision=self.decision)


def test_a_bug_of_ours_is_none_of_the_hosts(tmp_path: Path) -> None:
    """Only the log tells of it."""
    work, waits = Work(*[RESET] * 9), list[float]()

    with Broken("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3") as broken, pytest.raises(RetryError):
        retrying(Advised(broken, wait=wait_fixed(7), stop=stop_after_attempt(3)), waits)(work)

    assert (3, [7, 7]) == (work.attempts, waits)


class Deaf(Client):
    """A client that advises, and cannot be told how it went."""

    def advise(self, *_: Any, **__: Any) -> Advice:
        """A retry at once."""
        return replace(Advice(), decision=Decision(action="retry", retry_delay_s=0.0), incident_id="i-1")

    def outcome(self, *_: Any, **__: Any) -> None:
        """As a bug would."""
        raise ZeroDivisionError("ours")


def test_an_outcome_that_cannot_be_told_is_none_of_the_hosts(tmp_path: Path) -> None:
    """The work goes on as advised."""
    with Deaf("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3") as deaf:
        assert "done" == retrying(Advised(deaf), [])(Work(RESET, RESET))


def test_a_hundred_threads_wait_once(hanging: Client) -> None:
    """For a service that hangs each of them waits its timeout beside the others, not behind them."""
    advised = Advised(hanging, wait=wait_none(), stop=stop_after_attempt(3))
    work = [Work(RESET, RESET) for _ in range(100)]
    begun = time.monotonic()

    with ThreadPoolExecutor(100) as pool:
        assert ["done"] * 100 == list(pool.map(lambda each: retrying(advised, [])(each), work))
    assert time.monotonic() - begun < 5


def test_a_hundred_coroutines_wait_once(tmp_path: Path) -> None:
    """The same in one event loop, which goes on meanwhile."""

    async def main() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        with misbehaving("hangs") as url:
            async with AsyncClient(url, timeout_s=0.5, spool=tmp_path / "async.sqlite3") as memory:
                advised = AsyncAdvised(memory, wait=wait_none(), stop=stop_after_attempt(3))
                policy = {"retry": advised.retry, "wait": advised.wait, "stop": advised.stop}
                ticking = asyncio.create_task(tick())
                done = await asyncio.gather(*(AsyncRetrying(**policy)(Work(RESET, RESET)) for _ in range(100)))
                ticking.cancel()
        assert ["done"] * 100 == done
        return ticks

    begun = time.monotonic()

    assert 10 < asyncio.run(main())
    assert time.monotonic() - begun < 6


def test_a_resume_point_is_seen_by_hooks(memory: Client, service: Any, tmp_path: Path) -> None:
    """Where the run can go on, once it has done something."""
    service.knows(RESET, verdict="transient", action="retry_now")
    place, seen = {"pipeline": "fraud", "run_id": "r-118", "step": "pre"}, []
    scaled(memory, place, tmp_path)
    advised = Advised(memory, **place)

    retrying(advised, [], before_sleep=lambda state: seen.append(advised.advice(state).resume_point))(Work(RESET))

    assert ["pre/scaling"] == seen


def test_a_wait_of_days_is_not_taken(tmp_path: Path) -> None:
    """Beyond the bound the own policy decides."""
    waits: list[float] = []

    with Extreme("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3") as extreme, pytest.raises(RetryError):
        retrying(Advised(extreme, wait=wait_fixed(7), stop=stop_after_attempt(3)), waits)(Work(*[UNHEARD] * 9))

    assert [7, 7] == waits


def test_a_million_attempts_are_not_granted(tmp_path: Path) -> None:
    """No advice grants more attempts than the bound."""
    work = Work(*[UNHEARD] * 99)

    with Extreme("http://127.0.0.1:9", spool=tmp_path / "spool.sqlite3") as extreme, pytest.raises(RetryError):
        bounds = Bounds(longest_wait_s=1e9, most_attempts=4)
        retrying(Advised(extreme, bounds=bounds), [])(work)

    assert 4 == work.attempts


@pytest.mark.parametrize("make", [Advised, AsyncAdvised])
def test_a_policy_travels_to_other_processes(
    make: Callable[..., Any], memory: Client, async_memory: Callable[[], AsyncClient], service: Any
) -> None:
    """Its client is made anew where it arrives; what decorates a function must not keep it at home."""
    service.knows(RESET, verdict="transient", action="retry_now")
    mine = memory if make is Advised else async_memory()

    there = cloudpickle.loads(cloudpickle.dumps(make(mine, pipeline="afar", wait=wait_fixed(3))))

    assert type(mine) is type(there.memory)
    assert there.memory is not mine
    if make is Advised:
        with there.memory:
            assert "done" == retrying(there, [])(Work(RESET))
        assert {"succeeded": [2], "failed": []} == service.retries(count=1, pipeline="afar")


def test_the_pages_program_runs(page: Page, tmp_path: Path) -> None:
    """As it is there; and the page names the version that is tested."""
    assert "exporting" in page.run(tmp_path)
    assert f"Tested with tenacity {version('tenacity')}" in page.text
