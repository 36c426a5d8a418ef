"""What asks whether the service is well, and how."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_can_be_asked_for_its_head(client: httpx.Client, path: str) -> None:
    """As load balancers do; there is no body."""
    response = client.head(path)

    assert (200, b"") == (response.status_code, response.content)


def test_what_waits_to_be_indexed_is_told(client: httpx.Client) -> None:
    """As a number, which changes nothing about the status."""
    ready = client.get("/health/ready").json()

    assert ("ok", True) == (ready["status"], ready["index_pending"] >= 0)
