"""The service learns what confidence is worth beside its answers, and keeps to the threshold that was set."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.composition import advisor_settings
from api.settings import Settings
from knowledge.advisor.calibration import NEVER, SHIPPED_FAIL_FROM
from tests.api.conftest import running_service

SLOW = "ClientError: An error occurred (SlowDown) when calling the PutObject operation"
DENIED = "ClientError: An error occurred (AccessDenied) when calling the PutObject operation"
#: Thirteen, so that each kind of failure is of enough precedents.
OPERATIONS = (
    *("PutObject", "GetObject", "HeadObject", "CopyObject", "DeleteObject", "ListObjectsV2", "UploadPart"),
    *("UploadPartCopy", "CreateMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts"),
    "PutObjectAcl",
)
LIMIT_S = 60.0


@pytest.mark.parametrize(
    ("given", "fail_from", "bound"),
    [
        ({}, SHIPPED_FAIL_FROM[0.02], 0.02),
        ({"wrong_fail_bound": 0.0}, NEVER, 0.0),
        ({"fail_confidence": 0.9}, 0.9, None),
        ({"fail_confidence": 0.9, "wrong_fail_bound": 0.01}, 0.9, None),
    ],
)
def test_threshold_follows_from_the_bound(given: dict[str, float], fail_from: float, bound: float | None) -> None:
    """Unless it was set by hand."""
    made = advisor_settings(Settings(**given))  # type: ignore[arg-type]

    assert (fail_from, bound) == (made.fail_from, made.wrong_fail_bound)


def report(client: httpx.Client, text: str, result: str) -> None:
    """A failure, and how its retry ended."""
    incident = client.post("/advise", json={"text": text}).json()["incident_id"]
    client.post(f"/incidents/{incident}/outcome", json={"result": result}).raise_for_status()


def test_running_service_learns_by_itself(new_data: Callable[[], Path]) -> None:
    """From outcomes that came before it was started; nobody asks it to."""
    settings = Settings(data=new_data())
    with running_service(settings) as url, httpx.Client(base_url=url, timeout=LIMIT_S) as client:
        for number in range(52):
            text, result = (DENIED, "failed") if number % 4 == 3 else (SLOW, "succeeded")
            report(client, text.replace("PutObject", OPERATIONS[number // 4]), result)
        before = client.get("/calibration").json()
    with running_service(settings) as url, httpx.Client(base_url=url, timeout=LIMIT_S) as client:
        until = time.monotonic() + LIMIT_S
        while not (after := client.get("/calibration").json())["fitted"] and time.monotonic() < until:
            time.sleep(0.2)

    assert (52, 52, False, True) == (before["judged"], after["judged"], before["fitted"], after["fitted"])
    assert (None, 52) == (before["fitted_on"], after["fitted_on"])
    assert (1.0, 0.0) != (after["slope"], after["intercept"])
