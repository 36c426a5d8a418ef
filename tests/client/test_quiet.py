"""The client's calls are nobody's business in a pipeline's log; the pipeline's own are."""

from __future__ import annotations

import logging

import httpx
import pytest

from tests.client.conftest import MakeMemory
from tests.client.servers import ADVICE, Reply, serving


def test_only_the_pipelines_own_calls_are_logged(memory_of: MakeMemory, caplog: pytest.LogCaptureFixture) -> None:
    """By httpx as INFO and by httpcore as DEBUG; before, after and while ours are made."""
    caplog.set_level(logging.DEBUG)
    with serving(lambda _: Reply(200, ADVICE)) as server:
        memory = memory_of(server.url, timeout_s=5.0)
        httpx.get(f"{server.url}/theirs-1")
        assert "transient" == memory.advise("x").verdict
        memory.outcome("i-1", "failed")
        assert memory.flush()
        httpx.get(f"{server.url}/theirs-2")
    told = [each for each in caplog.records if each.name.startswith("httpx")]

    assert ["/theirs-1", "/theirs-2"] == [each.getMessage().split()[3].rpartition(":")[2][5:] for each in told]
    assert {"MainThread"} == {each.threadName for each in caplog.records if each.name.startswith("http")}
