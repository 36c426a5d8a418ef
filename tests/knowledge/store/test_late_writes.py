"""Sub-tasks that are told of late, in whatever order: hypothesis against the real PostgreSQL."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.errors import Conflict, VersionRequired
from knowledge.state.states import SubTask, SubTaskStatus
from knowledge.store import sub_tasks
from knowledge.store.database import Connection
from tests.knowledge.store.test_runs import Writer

#: What was said of a sub-task, one after the other, and in which order it is delivered.
SAID = st.lists(st.sampled_from(list(SubTaskStatus)), min_size=1, max_size=6)
DELIVERED = SAID.flatmap(lambda said: st.permutations(list(enumerate(said))))
#: Between two that were said: longer than a latency that is put up with, and than a busy machine takes for a write.
APART_S = 5.0


@pytest.fixture
async def write(connection: Connection, workspace: int) -> Writer:
    """Write a run of the test's workspace, and the step that it has."""
    writer = Writer(connection, workspace=workspace)
    await writer.run()
    await writer.step()
    return writer


async def deliver(write: Writer, name: str, *, number: int, of: int, status: SubTaskStatus) -> SubTask | None:
    """As a client does: of the version that is there, where there is one; None where more was said since."""
    made = {"x": {"sha256": f"{number:064x}"}} if status is SubTaskStatus.COMPLETED else None
    said: dict[str, Any] = {"status": status, "artifacts": made, "age_s": (of - number) * APART_S}
    version = None
    while True:
        try:
            return await write.sub_task(name, version=version, **said)
        except VersionRequired as unread:
            version = unread.members["version"]
        except Conflict as refused:
            assert refused.members["superseded"] is True
            return None


@given(delivered=DELIVERED)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_was_said_last_stays(write: Writer, delivered: list[tuple[int, SubTaskStatus]]) -> None:
    """In whatever order: the last completion unless something was said after it, with its own artifacts; and the rows
    in between are such as can be."""
    name, last = uuid4().hex, max(delivered)
    for number, status in delivered:
        row = await deliver(write, name, number=number, of=len(delivered), status=status)
        if row is not None:
            completed = row.status is SubTaskStatus.COMPLETED
            assert completed == bool(row.artifacts) == (row.completed_at is not None)
            assert row.started_at <= (row.completed_at or row.started_at) <= row.updated_at
    found = await sub_tasks.get(write.connection, workspace_id=write.workspace, run_id="r", step="s", name=name)

    if last[1] is SubTaskStatus.COMPLETED:
        assert {"x": {"sha256": f"{last[0]:064x}"}} == found.artifacts
    if all(status is not SubTaskStatus.COMPLETED for _, status in delivered):
        # A claim that comes before its holder's end of the one before is taken for a renewal of that, which it ends.
        claims = [number for number, status in delivered if status is SubTaskStatus.STARTED]
        renewed = last[1] is SubTaskStatus.STARTED and len(claims) > 1
        assert found.status in {last[1], *([SubTaskStatus.FAILED] if renewed else [])}
    if delivered == sorted(delivered):
        assert last[1] is found.status
