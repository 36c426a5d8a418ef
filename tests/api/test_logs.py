"""The log as it is set up: no line has an exception's words, whoever wrote it and however."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import Response

from api import logs, problems

SECRET = "the vault of miss marple"
#: Whatever may write an exception: our own code, a library that formats one, the event loop, a server.
PROGRAM = f"""
import asyncio, gc, logging
from api import logs

logs.install(level="info", format=logs.LogFormat({{format!r}}))
log = logging.getLogger("knowledge.indexer")
try:
    try:
        raise KeyError({SECRET!r})
    except KeyError as error:
        raise ValueError({SECRET!r}) from error
except ValueError as error:
    log.exception("the worker met an error")
    log.warning("a library says: %s", error)
    log.error("again", exc_info=error)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=logs.bare(error))

async def fail(said):
    raise LookupError(said)

def break_(said):
    raise OSError(said)

async def main():
    task = asyncio.get_running_loop().create_task(fail({SECRET!r}))
    asyncio.get_running_loop().call_soon(break_, {SECRET!r})
    await asyncio.sleep(0.01)
    del task
    gc.collect()

asyncio.run(main())
log.info("it goes on after %d of %s", 2, "them")
"""


def written(format: str) -> str:
    """What the program writes to its log."""
    program = [sys.executable, "-c", PROGRAM.format(format=str(format))]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=True).stderr


@pytest.mark.parametrize("format", list(logs.LogFormat))
def test_no_line_has_the_words_of_an_exception(format: logs.LogFormat) -> None:
    """But its class, where it was raised, and what our own code said of it."""
    said = written(format)

    assert "marple" not in said
    assert 3 == said.count("Bared: ValueError")
    assert ["Bared: LookupError", "Bared: OSError"] == [
        each for each in ("Bared: LookupError", "Bared: OSError") if each in said
    ]
    assert "a library says: ValueError" in said
    assert "Task exception was never retrieved" in said
    assert "Exception in callback break_" in said
    assert "it goes on after 2 of them" in said


def test_lines_of_json_are_objects() -> None:
    """One a line, tracebacks within them."""
    lines = [json.loads(line) for line in written("json").splitlines()]

    assert ["ERROR", "WARNING", "ERROR", "ERROR", "ERROR", "ERROR", "INFO"] == [line["level"] for line in lines]
    assert "Traceback" in lines[0]["exc_info"]


def test_why_there_is_no_connection_is_told() -> None:
    """Its driver says it, and nothing of a failure."""
    error = OSError('password authentication failed for user "ana"')
    record = logging.LogRecord("psycopg.pool", logging.WARNING, "", 0, "error connecting: %s", (error,), None)
    logs.Bare().filter(record)

    assert "error connecting: password authentication failed" in record.getMessage()


def test_a_request_that_breaks_is_told_by_its_route(caplog: pytest.LogCaptureFixture) -> None:
    """Callers make the names in an address up."""
    app = FastAPI()
    problems.install(app)

    @app.get("/runs/{run_id}")
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError(SECRET)

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/runs/miss-marple")

    assert 500 == answer.status_code
    assert "GET /runs/{run_id} failed with ZeroDivisionError" in caplog.text
    assert "marple" not in "".join(each.getMessage() for each in caplog.records if each.name == "api.problems")
