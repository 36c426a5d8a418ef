"""Sub-tasks that are claimed by callers without a name: of two of one owner, one holds it, and knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.models_runs import SubTaskAnswer
from tests.api.http.asking import checked, fields_of, problem
from tests.api.http.pipelines import SUB_TASK, put, put_sub_task

CALLERS = 8


def test_one_of_many_without_a_holder_has_the_claim(begun: httpx.Client) -> None:
    """All at once and of one owner: the others are told who has it, and so is whoever comes later."""

    def claim(_: int) -> httpx.Response:
        return put_sub_task(begun, status="started")

    with ThreadPoolExecutor(CALLERS) as callers:
        answers = list(callers.map(claim, range(CALLERS)))
    answers.append(claim(0))
    held = [each.json() for each in answers if each.status_code == 201]
    refused = [problem(each, 409) for each in answers if each.status_code != 201]

    assert (1, CALLERS) == (len(held), len(refused))
    assert held[0]["holder"].startswith("ana#")
    assert {(held[0]["holder"], "holder")} == {(each["holder"], *fields_of(each)) for each in refused}


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_claim_without_a_holder_is_ended_without_one(begun: httpx.Client, status: str) -> None:
    """By the version of the claim, which another one moves; with the holder that was issued it is renewed before."""
    claimed = checked(put_sub_task(begun, status="started"), SubTaskAnswer, status=201)
    renewed = checked(put_sub_task(begun, status="started", holder=claimed["holder"], lease_s=300), SubTaskAnswer)
    unread = problem(put_sub_task(begun, status=status), 428)
    stale = problem(put(begun, SUB_TASK, version=7, owner="ana", status=status), 412)
    ended = checked(put_sub_task(begun, status=status, version=1), SubTaskAnswer)

    assert (1, True) == (renewed["version"], renewed["lease_expires_at"] > claimed["lease_expires_at"])
    assert (1, 1) == (unread["version"], stale["version"])
    assert (2, status, None) == (ended["version"], ended["status"], ended["lease_expires_at"])


def test_claim_with_a_holder_is_not_ended_without_one(begun: httpx.Client) -> None:
    """Whoever has a name of its own is asked for it."""
    put_sub_task(begun, status="started", holder="worker-1")
    refused = problem(put_sub_task(begun, version=1), 409)

    assert ("worker-1", ["holder"]) == (refused["holder"], fields_of(refused))
