"""`seenbefore advise` against the real service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.cli.advise import decision_text, duration

SLOW_DOWN = (
    "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation: "
    "Please reduce your request rate."
)


def test_answer_on_a_pipe(call: Any, service_url: str) -> None:
    """Names and values, then the precedents with tabs between the cells."""
    result = call("advise", "--url", service_url, "--workspace", "advise-pipe", input=SLOW_DOWN)

    assert (0, "verdict: transient, rate_limit") == (result.exit_code, result.stdout.partition(" (")[0])
    assert "similarity\tverdict\tcause\twhat\tresolution\tsource" in result.stdout.splitlines()
