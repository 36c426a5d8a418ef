"""A key that the service refuses: told once, and what waits for it is brought once there is a better one."""

from __future__ import annotations

import contextlib
import logging
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import seenbefore
from seenbefore import engine
from seenbefore.settings import Target, place_of
from seenbefore.spool import Spool
from seenbefore.spool_command import main as spool_command
from tests.api.durability.process import started
from tests.api.http.test_auth import make_key
from tests.client import servers
from tests.client.conftest import MakeMemory
from tests.client.making import Torn
from tests.client.servers import Asked, Reply, problem, serving

INCIDENT = "/incidents/i-1/outcome"


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_refusing", set())


def keyed(asked: Asked) -> Reply:
    """A service that takes one key."""
    if asked.path == "/health/live" or asked.headers.get("authorization") == "Bearer right":
        return Reply(200, {"status": "ok"})
    return problem(401, "Send an API key.")


def standing(spool: Path) -> list[tuple[int, bool]]:
    """How much waits for each target, and whether its key was refused."""
    with contextlib.closing(Spool(spool)) as opened:
        return [(each.rows, each.refused is not None) for each in opened.standing()]


def attempt(memory: seenbefore.Client, *, fails_at: int | None = None, number: int = 20) -> list[str]:
    """An attempt at a run of so many sub-tasks; the names of those that it has begun."""
    begun: list[str] = []

    def produce(name: str) -> None:
        begun.append(name)
        if name == str(fails_at):
            raise Torn

    with contextlib.suppress(Torn), memory.run("p", run_id="r") as run, run.step("s", owner="o") as step:
        for each in range(number):
            step.sub_task(str(each), produce=partial(produce, str(each)))
    return begun


def test_refused_key_is_told_once(memory_of: MakeMemory, caplog: pytest.LogCaptureFixture, spool: Path) -> None:
    """With the address, and without the key."""
    with serving(keyed) as server:
        for _ in range(2):
            memory = memory_of(server.url.replace("//", "//bob:hunter2@"), api_key="sb_secret", timeout_s=5.0)
            memory.advise("x")
            memory.outcome("i-1", "failed")
            servers.wait_for(lambda: standing(spool) == [(1, True)] or standing(spool) == [(2, True)])
            memory.close()
    told = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]

    assert 1 == len(told)
    assert server.url in told[0]
    assert "sb_secret" not in caplog.text
    assert "hunter2" not in caplog.text


def test_missing_key_is_told_as_such(memory_of: MakeMemory, caplog: pytest.LogCaptureFixture) -> None:
    """With the setting that has it."""
    with serving(keyed) as server:
        assert "default" == memory_of(server.url, timeout_s=5.0).advise("x").decision.action

    assert "SEENBEFORE_API_KEY" in caplog.text


def test_accepted_key_adopts_what_waits_for_refused_ones(
    memory_of: MakeMemory, spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the same service and workspace; in order, under the same idempotency keys."""
    with serving(keyed) as server, serving(keyed) as elsewhere:
        for key in (None, "wrong"):
            memory = memory_of(server.url, api_key=key, timeout_s=5.0)
            memory.outcome("i-1", "failed", attempt=1 if key is None else 2)
            servers.wait_for(lambda: all(refused for _, refused in standing(spool)))
            memory.close()
        for url, workspace in ((elsewhere.url, None), (server.url, "another")):
            memory = memory_of(url, api_key="wrong", workspace=workspace, timeout_s=5.0)
            memory.outcome("i-1", "failed", attempt=3)
            servers.wait_for(lambda: all(refused for _, refused in standing(spool)))
            memory.close()
        assert 0 == spool_command(["--spool", str(spool), "show"])
        assert 4 == capsys.readouterr().out.count("its key was refused (401: Send an API key.)")
        right = memory_of(server.url, api_key="right", timeout_s=10.0)
        right.outcome("i-2", "succeeded")
        assert right.flush()
        taken = [each for each in server.of(INCIDENT) if each.headers.get("authorization") == "Bearer right"]

    assert [1, 2] == [each.body["attempt"] for each in taken]
    assert [(1, True), (1, True)] == standing(spool)
    refused = {each.headers["idempotency-key"] for each in server.of(INCIDENT) if each not in taken}
    assert {each.headers["idempotency-key"] for each in taken} < refused


def test_command_names_what_waits_for_a_refused_key(
    memory_of: MakeMemory, spool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And brings it when it is told to."""
    with serving(keyed) as server:
        wrong = memory_of(server.url, api_key="wrong", workspace="w", timeout_s=5.0)
        wrong.outcome("i-1", "failed")
        servers.wait_for(lambda: standing(spool) == [(1, True)])
        wrong.close()
        monkeypatch.setenv("SEENBEFORE_URL", server.url)
        monkeypatch.setenv("SEENBEFORE_API_KEY", "right")
        command = ["--spool", str(spool), "drain"]
        assert 0 == spool_command(command)
        hint = "1 wait for a key that was refused: drain --adopt "
        told = next(line for line in capsys.readouterr().out.splitlines() if line.startswith(hint))
        assert 0 == spool_command([*command, "--adopt", *shlex.split(told.removeprefix(hint))])

    assert [] == standing(spool)


def test_accepted_reading_is_enough(memory_of: MakeMemory, spool: Path) -> None:
    """A client that has nothing to write brings it too; one whose service only says that it lives does not."""
    with serving(keyed) as server:
        wrong = memory_of(server.url, api_key="wrong", timeout_s=5.0)
        wrong.outcome("i-1", "failed")
        servers.wait_for(lambda: standing(spool) == [(1, True)])
        wrong.close()
        memory_of(server.url, api_key="right", timeout_s=5.0).advise("x")
        servers.wait_for(lambda: standing(spool) == [])


def test_mended_key_brings_the_run_to_the_real_service(
    new_data: Callable[[], Path], memory_of: MakeMemory, spool: Path
) -> None:
    """Every checkpoint, into the workspace of the key; nothing is done again, and what the first attempt says of its
    end undoes nothing."""
    data = new_data()
    key = make_key(data, "pears")
    with started(data) as service:
        wrong = memory_of(service.url, api_key="sb_wrong", timeout_s=5.0)
        assert [str(number) for number in range(13)] == attempt(wrong, fails_at=12)
        servers.wait_for(lambda: all(refused for _, refused in standing(spool)))
        wrong.close()
        right = memory_of(service.url, api_key=key, timeout_s=20.0)
        assert [str(number) for number in range(12, 20)] == attempt(right)
        assert right.flush()
        with service.client("pears", Authorization=f"Bearer {key}") as client:
            found = client.get("/runs/r").json()

    assert ("succeeded", "succeeded") == (found["status"], found["steps"][0]["status"])
    assert {"completed"} == {each["status"] for each in found["steps"][0]["sub_tasks"]}
    assert [str(number) for number in range(20)] == [each["sub_task"] for each in found["steps"][0]["sub_tasks"]]


@pytest.mark.parametrize("answer", [keyed, lambda _: Reply(502, raw=b"<html>", kind="text/html")], ids=["key", "away"])
def test_new_key_keeps_the_history_of_the_machine(
    memory_of: MakeMemory, spool: Path, answer: Callable[[Asked], Reply]
) -> None:
    """Where the service does not know it yet, or is away; that of another workspace is another's."""
    with serving(answer) as server:
        old = memory_of(server.url, api_key="old", timeout_s=5.0)
        assert ["0", "1", "2"] == attempt(old, fails_at=2, number=4)
        old.close()
        assert ["2", "3"] == attempt(memory_of(server.url, api_key="new", timeout_s=5.0), number=4)
        elsewhere = memory_of(server.url, api_key="new", workspace="another", timeout_s=5.0)
        assert ["0", "1", "2", "3"] == attempt(elsewhere, number=4)


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("workspace", [None, "w"])
def test_place_is_the_name_without_the_key(key: str | None, workspace: str | None) -> None:
    """Whichever of the two is missing."""
    named = Target("https://bob@host/seen", workspace=workspace, api_key=key)

    assert ("https://host/seen w" if workspace else "https://host/seen") == named.place == place_of(named.name)


@pytest.mark.parametrize(
    ("reply", "accepted"),
    [
        (Reply(200, {}), True),
        (problem(404, "no"), True),
        (problem(422, "no"), True),
        (problem(401, "no"), False),
        (problem(403, "no"), False),
        (problem(429, "no"), False),
        (Reply(404, raw=b"<html>", kind="text/html"), False),
        (problem(500, "no"), False),
    ],
    ids=lambda each: str(each.status) if isinstance(each, Reply) else "",
)
def test_what_shows_that_a_key_is_known(memory_of: MakeMemory, reply: Reply, accepted: bool) -> None:
    """What the service has done, and what it refuses for the sake of what is asked; nothing that others say."""
    with serving(lambda _: reply) as server:
        memory = memory_of(server.url, api_key="k", timeout_s=5.0)
        memory.advise("x")

        assert accepted == memory._core.engine.accepted
