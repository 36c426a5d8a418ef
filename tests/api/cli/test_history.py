"""`seenbefore history` and `seenbefore undo`, against the running service."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.cli.conftest import Command

Document = dict[str, Any]


@pytest.fixture
def where(service_url: str) -> tuple[str, ...]:
    """The service, and a workspace of the test's own."""
    return ("--url", service_url, "--workspace", f"history-{uuid4().hex}")


@pytest.fixture
def corrected(where: tuple[str, ...]) -> Document:
    """A precedent that somebody has corrected."""
    with httpx.Client(base_url=where[1], headers={"X-Workspace": where[3]}) as client:
        made = client.post("/incidents", json={"text": "FigError: the sieve is torn"}).json()
        path = f"/precedents/{made['precedent_id']}"
        body = {"verdict": "genuine", "author": "ana", "reason": "\x1b[31mtorn"}
        version = client.get(path).headers["ETag"]
        document: Document = client.patch(path, json=body, headers={"If-Match": version}).json()
        return document


def test_history_is_shown_and_a_change_taken_back(
    command: Command, corrected: Document, where: tuple[str, ...]
) -> None:
    """With what it needs to be taken back; then it says so."""
    shown = command("history", corrected["id"], *where)
    (change,) = command.json("history", corrected["id"], *where)["changes"]
    undone = command.json("undo", corrected["id"], change["id"], "--author", "bob", "--reason", "it held", *where)
    after = command.json("history", corrected["id"], *where)["changes"]
    again = command("undo", corrected["id"], change["id"], *where)

    assert (0, True, False) == (shown.exit_code, "can be undone" in shown.stdout, "\x1b" in shown.stdout)
    assert ("unknown", False) == (undone["verdict"], undone["verdict_overridden"])
    assert [("bob", "it held"), ("ana", "torn")] == [(each["author"], each["reason"]) for each in after]
    assert (3, True) == (again.exit_code, "undone already" in again.output)


def test_undo_says_what_it_did(command: Command, corrected: Document, where: tuple[str, ...]) -> None:
    """In a line."""
    change = json.loads(command("history", corrected["id"], "--json", *where).stdout)["changes"][0]["id"]
    result = command("undo", corrected["id"], change, *where)

    assert (0, f"undone: {change}; the precedent {corrected['id']} is unknown, seen 1 time\n") == (
        result.exit_code,
        result.stdout,
    )


@pytest.mark.parametrize("arguments", [("history", "x"), ("undo", str(uuid4())), ("undo", str(uuid4()), "latest")])
def test_wrong_usage(command: Command, arguments: tuple[str, ...]) -> None:
    """Ids are ids."""
    assert 2 == command(*arguments).exit_code
