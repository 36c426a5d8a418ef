"""Asking for advice: it never raises, waits at most its timeout, and any doubt is `default`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seenbefore
from seenbefore.breaker import Breaker
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.servers import ADVICE, Asked, Reply, serving, talking

#: Seconds that a loaded machine may add to a timeout.
SLACK_S = 0.4
TIMEOUT_S = 0.5
NONSENSE = [
    Reply(500, {"detail": "no"}),
    Reply(503, {"detail": "no"}),
    Reply(200, kind="text/html", raw=b"<html>Welcome to the hotel's network</html>"),
    Reply(302, kind="text/html", raw=b"", headers=(("Location", "http://127.0.0.1:9/"),)),
    Reply(200, []),
    Reply(200, "retry"),
    Reply(200, {}),
    Reply(200, raw=b"\xff\xfe{"),
    Reply(200, raw=b"[" * 100_000),
    Reply(200, raw=b'{"decision": ' * 20_000),
    Reply(200, raw=b"1" * 10_000),
    Reply(200, ADVICE, headers=(("Content-Encoding", "gzip"),)),
    servers.problem(422, "text: too long"),
    servers.problem(401, "An API key is needed."),
]


def with_decision(**changed: Any) -> dict[str, Any]:
    """The advice with another decision."""
    return ADVICE | {"decision": ADVICE["decision"] | changed}


WRONG = [
    with_decision(action="reboot"),
    with_decision(action=None),
    with_decision(action=["retry"]),
    with_decision(retry_delay_s=math.nan),
    with_decision(retry_delay_s=math.inf),
    with_decision(retry_delay_s=-1),
    with_decision(retry_delay_s=1e12),
    with_decision(retry_delay_s="42"),
    with_decision(retry_delay_s=True),
    with_decision(retry_delay_s=10**400),
    with_decision(max_attempts=0),
    with_decision(max_attempts=2.5),
    with_decision(reason=7),
    ADVICE | {"decision": "retry"},
    ADVICE | {"verdict": "perhaps"},
    ADVICE | {"confidence": 1.5},
    ADVICE | {"strategy": None},
    ADVICE | {"evidence": "none"},
    ADVICE | {"incident_id": 7},
    {name: value for name, value in ADVICE.items() if name != "verdict"},
]


class TimedOut(Exception):
    """A failure of a pipeline."""


def asked_of(memory: seenbefore.Client) -> tuple[seenbefore.Advice, float]:
    """The advice, and the seconds that it took."""
    begun = time.perf_counter()
    advice = memory.advise(TimedOut("read timed out"), pipeline="p", step="s", attempt=1)
    return advice, time.perf_counter() - begun


def test_advice_is_read(memory_of: MakeMemory) -> None:
    """As the contract has it."""
    with serving(lambda _: Reply(200, ADVICE)) as server:
        advice = memory_of(server.url, timeout_s=5.0).advise(TimedOut("x"))

    assert seenbefore.Decision("retry", 42.0, 5, "It has passed before.") == advice.decision
    assert ("transient", 0.94, "rate_limit", "i-1") == (
        advice.verdict,
        advice.confidence,
        advice.cause,
        advice.incident_id,
    )
    assert advice.resume is not None
    assert "scaling" == advice.resume["sub_task"]


def test_exception_is_told_with_its_traceback(memory_of: MakeMemory) -> None:
    """And with its context; a secret header says who asks."""
    with serving(lambda _: Reply(200, ADVICE)) as server:
        memory = memory_of(server.url, api_key="k-1", workspace="w", timeout_s=5.0)
        try:
            raise TimedOut("read timed out") from OSError(5, "I/O")
        except TimedOut as error:
            memory.advise(error, pipeline="p", run_id="r", max_attempts=4, environment={"n": math.nan}, spent={"h": 3})
        sent = server.of("/advise")[0]

    error = sent.body.pop("error")
    assert f"{__name__}.TimedOut" == error["type"]
    assert "read timed out" == error["message"]
    assert "OSError: [Errno 5] I/O" in error["stacktrace"]
    assert {"pipeline", "run_id", "max_attempts", "environment", "spent", "external_id"} == sent.body.keys()
    assert ("Bearer k-1", "w") == (sent.headers["authorization"], sent.headers["x-workspace"])


@pytest.mark.parametrize("reply", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_default(memory_of: MakeMemory, reply: Reply) -> None:
    """Whatever is answered."""
    with serving(lambda _: reply) as server:
        advice, _ = asked_of(memory_of(server.url, timeout_s=3.0))

    assert "default" == advice.decision.action
    assert advice.decision.reason


@pytest.mark.parametrize("document", WRONG, ids=range(len(WRONG)))
def test_any_doubt_is_default(memory_of: MakeMemory, document: dict[str, Any]) -> None:
    """One field that is not what it should be makes the rest doubtful too."""
    with serving(lambda _: Reply(200, document)) as server:
        advice, _ = asked_of(memory_of(server.url, timeout_s=3.0))

    assert seenbefore.Decision("default", None, None, advice.decision.reason) == advice.decision


@pytest.mark.parametrize("talk", [servers.silent, servers.dripping_head, servers.dripping_body])
def test_slow_service_costs_its_timeout_once(memory_of: MakeMemory, talk: Callable[..., None]) -> None:
    """In total, though it drips bytes; then it is not asked for a while."""
    with talking(talk) as url:
        memory = memory_of(url, timeout_s=TIMEOUT_S)
        memory.flush()
        time.sleep(1.0)  # httpx is imported by now: what is timed below is the service
        first, first_s = asked_of(memory)
        second, second_s = asked_of(memory)

    assert ("default", "default") == (first.decision.action, second.decision.action)
    assert TIMEOUT_S * 0.9 <= first_s < TIMEOUT_S + SLACK_S
    assert second_s < 0.05


@pytest.mark.parametrize("talk", [servers.huge, servers.rubbish, servers.hanging_up])
def test_broken_service_is_default(memory_of: MakeMemory, talk: Callable[..., None]) -> None:
    """Within the timeout as well."""
    with talking(talk) as url:
        advice, seconds = asked_of(memory_of(url, timeout_s=2.0))

    assert "default" == advice.decision.action
    assert seconds < 2.0 + SLACK_S


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://[::1", "http://no.such.host.invalid", ""])
def test_service_that_is_not_there(memory_of: MakeMemory, url: str) -> None:
    """Down, misspelt, or nowhere."""
    advice, seconds = asked_of(memory_of(url or "http://:0", timeout_s=2.0))

    assert "default" == advice.decision.action
    assert seconds < 2.0 + SLACK_S


def test_no_header_can_be_made_of_the_key(memory_of: MakeMemory) -> None:
    """A key with a line break is nobody's key."""
    advice, _ = asked_of(memory_of("http://127.0.0.1:1", api_key="a\r\nX-Evil: 1"))

    assert "default" == advice.decision.action


class Mute(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("error", [Mute(), "\ud800\0", "", None, 7, RecursionError("x" * 10**6), b"\xff", [object()]])
def test_any_failure_can_be_asked_about(memory_of: MakeMemory, error: Any) -> None:
    """Whatever a pipeline holds in its hands, what is sent is sound."""
    with serving(lambda _: Reply(200, ADVICE)) as server:
        advice = memory_of(server.url, timeout_s=5.0).advise(error, environment={1: {object()}}, spent={"h": "many"})
        body = server.of("/advise")[0].body

    assert "retry" == advice.decision.action
    assert "\0" not in str(body)
    assert "\ud800" not in str(body)


def test_unanswered_failure_is_recorded_later(memory_of: MakeMemory) -> None:
    """Once the service is back, and as one incident: `external_id` is that of the question."""
    port = servers.free_port()
    memory = memory_of(f"http://127.0.0.1:{port}")
    memory.advise("OSError: gone", run_id="r-1")
    with serving(lambda _: Reply(200, {"status": "ok"}), port=port) as server:
        servers.wait_for(lambda: server.of("/incidents"), limit_s=20)
        told = server.of("/incidents")[0].body

    assert ("OSError: gone", "r-1") == (told["text"], told["run_id"])
    assert told["external_id"].startswith("seenbefore-")
    assert "occurred_at" in told


def test_breaker_opens_for_longer_each_time() -> None:
    """And an answer forgets it all."""
    now = 0.0
    breaker = Breaker(clock=lambda: now)

    assert [True, False] == [breaker.failed(), breaker.failed()]
    assert not breaker.closed
    assert not breaker.wants_probe
    now = 5.0
    assert breaker.wants_probe
    breaker.probed(alive=True)
    assert breaker.closed
    breaker.failed()
    now = 14.0
    assert not breaker.wants_probe
    now = 15.0
    assert breaker.wants_probe
    breaker.answered()
    assert breaker.closed


def test_service_that_is_back_is_asked_again(memory_of: MakeMemory) -> None:
    """A probe in the background finds it; no call of the pipeline pays for that."""
    port = servers.free_port()
    memory = memory_of(f"http://127.0.0.1:{port}", timeout_s=3.0)
    assert "default" == memory.advise("x").decision.action

    def answer(asked: Asked) -> Reply:
        return Reply(200, ADVICE if asked.path == "/advise" else {"status": "ok"})

    with serving(answer, port=port):
        servers.wait_for(lambda: memory.advise("x").decision.action == "retry", limit_s=20)


async def test_a_client_that_is_closed_meanwhile_cancels_nobody(spool: Path) -> None:
    """Whoever asks just then gets `default`; only the pipeline's own cancellation is one."""
    with talking(servers.silent) as url:
        memory = seenbefore.AsyncClient(url, spool=spool, timeout_s=20.0)
        asking = asyncio.create_task(memory.advise(TimedOut("x")))
        await asyncio.sleep(0.5)
        await memory.close()
        assert "default" == (await asyncio.wait_for(asking, 5.0)).decision.action

        memory = seenbefore.AsyncClient(url, spool=spool, timeout_s=20.0)
        asking = asyncio.create_task(memory.advise(TimedOut("x")))
        await asyncio.sleep(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await memory.close()


def test_advice_is_told_in_one_line() -> None:
    """With where to go on; what cannot be printed is left out, and it is bounded."""
    resume = {"run_id": "r", "step": "pre", "sub_task": "sca\x1b[31mling"}
    advice = seenbefore.Advice(
        seenbefore.Decision("retry", 1.0, None, "Passed\nbefore."), strategy=seenbefore.Strategy("x", resume=resume)
    )

    assert "Passed before. It can resume behind pre/sca [31mling." == advice.told
    assert "" == seenbefore.Advice().told
    assert None is seenbefore.Advice().resume_point
    assert 2_100 > len(seenbefore.Advice(seenbefore.Decision(reason="x" * 9_999)).told)


async def test_async_client_asks_the_same(spool: Path) -> None:
    """Of a service that answers, and of one that does not."""
    with serving(lambda _: Reply(200, ADVICE)) as server:
        async with seenbefore.AsyncClient(server.url, spool=spool, timeout_s=5.0) as memory:
            assert "retry" == (await memory.advise(TimedOut("x"))).decision.action
    with talking(servers.silent) as url:
        async with seenbefore.AsyncClient(url, spool=spool, timeout_s=TIMEOUT_S) as memory:
            begun = time.perf_counter()
            assert "default" == (await memory.advise(TimedOut("x"))).decision.action
            assert time.perf_counter() - begun < TIMEOUT_S + SLACK_S


def test_silence_is_told_from_a_service_that_is_not_there(memory_of: MakeMemory) -> None:
    """Nobody has waited for a refused connection."""
    with servers.talking(servers.silent) as url:
        silent = memory_of(url).advise(TimedOut("x"))
    absent = memory_of(f"http://127.0.0.1:{servers.free_port()}").advise(TimedOut("x"))

    assert "Seen Before has not answered in time." == silent.decision.reason
    assert "Seen Before does not answer." == absent.decision.reason
