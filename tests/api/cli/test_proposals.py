"""`seenbefore proposals`: what agents proposed, seen and decided about by people."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.api.cli.conftest import Command
from tests.api.conftest import RunningService


@pytest.fixture
def proposal(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a proposal in a workspace of the test's own, which commands ask in."""
    workspace = f"proposals-{uuid4().hex[:16]}"
    monkeypatch.setenv("SEENBEFORE_URL", service.url)
    monkeypatch.setenv("SEENBEFORE_WORKSPACE", workspace)
    with httpx.Client(base_url=service.url, headers={"X-Workspace": workspace}) as client:
        incident = client.post("/incidents", json={"text": "boom"}).json()["id"]
        body = {"incident_id": incident, "summary": "Restart\x1b[2J it", "author": "an agent"}
        return str(client.post("/resolutions", json=body).json()["id"])


def test_proposals_are_listed_and_accepted(command: Command, proposal: str) -> None:
    """A person reads them, decides, and finds them accepted."""
    listed = command("proposals", "list")
    accepted = command("proposals", "accept", proposal, "--author", "ana", "--reason", "it held")
    left = command("proposals", "list")

    assert proposal in listed.stdout and "an agent" in listed.stdout
    assert "\x1b" not in listed.stdout + accepted.stdout
    assert "accepted: Restart" in accepted.stdout
    assert "No resolution is proposed." in left.stdout
    assert ["ana"] == [
        each["decided_by"] for each in command.json("proposals", "list", "--state", "accepted")["resolutions"]
    ]


def test_a_proposal_is_rejected(command: Command, proposal: str) -> None:
    """For good: what the service refuses afterwards is said."""
    rejected = command.json("proposals", "reject", proposal, "--author", "ana")
    late = command("proposals", "accept", proposal, "--author", "ben")

    assert "rejected" == rejected["state"]
    assert (3, True) == (late.exit_code, "It was rejected already." in late.output)


def test_somebody_decides(command: Command, proposal: str) -> None:
    """Without a name, and without an API key that has one, nobody does."""
    refused = command("proposals", "accept", proposal)

    assert (2, True) == (refused.exit_code, "Say who decides, with --author NAME" in refused.output)
