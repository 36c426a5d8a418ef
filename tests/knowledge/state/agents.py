"""Agents that write one run at once, and what they remember of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from knowledge.documents import Document
from knowledge.errors import Conflict, KnowledgeError, StaleVersion, VersionRequired
from knowledge.state.memory import PipelineMemory, Written
from knowledge.state.states import RunSaid, Status, StepSaid, SubTaskSaid, SubTaskStatus

WORKSPACE, RUN, OWNER = "team", "r-118", "ana"
STEPS = ("preprocess", "train")
#: An agent's next deed: what it does, to which of the shared sub-tasks, for how long it claims that, how long it rests.
Verb = Literal["claim", "complete", "fail", "note", "add", "guess"]
Deed = tuple[Verb, int, float, float]
SHARED = 3


@dataclass(frozen=True)
class Accepted:
    """A write that was taken: the row after it, the version that it built on, whether it moved that, and when its agent
    asked and was answered (one clock for all)."""

    agent: str
    place: tuple[str, ...]
    row: Document
    created: bool
    changed: bool
    expected: int | None
    asked: float
    answered: float
    lease_s: float | None = None
    noted: str | None = None


@dataclass
class Agent:
    """Writes through its own service; remembers the versions that it was told."""

    name: str
    memory: PipelineMemory
    run_id: str
    log: list[Accepted] = field(default_factory=list)
    known: dict[str, int | None] = field(default_factory=dict)

    async def live(self, deeds: Sequence[Deed]) -> None:
        """Do all deeds in turn; a refusal is an answer like another."""
        for number, (verb, place, lease_s, rest_s) in enumerate(deeds):
            step = STEPS[place % len(STEPS)]
            match verb:
                case "claim" | "complete" | "fail":
                    await self._work(step, f"shared-{place}", verb, lease_s=lease_s)
                case "guess":
                    self.known[f"shared-{place}"] = number + 1
                    await self._work(step, f"shared-{place}", "complete", lease_s=lease_s)
                case "note":
                    await self._note(step, f"{self.name}-{number}")
                case "add":
                    await self._work(step, f"{self.name}-{number}", "claim", lease_s=lease_s)
            await asyncio.sleep(rest_s)

    async def _work(self, step: str, name: str, verb: str, *, lease_s: float) -> None:
        status = {"claim": SubTaskStatus.STARTED, "complete": SubTaskStatus.COMPLETED, "fail": SubTaskStatus.FAILED}[
            verb
        ]
        said = SubTaskSaid(OWNER, status, self.name, lease_s)

        async def write() -> Written:
            return await self.memory.put_sub_task(
                WORKSPACE, self.run_id, step, name, said, expected_version=self.known.get(name)
            )

        claimed = lease_s if verb == "claim" else None
        try:
            taken = await self._take((step, name), write, expected=self.known.get(name), lease_s=claimed)
            self.known[name] = taken["version"]
        except (Conflict, StaleVersion, VersionRequired) as refused:
            self.known[name] = refused.members.get("version")

    async def _note(self, step: str, note: str) -> None:
        """Read, add, write: again until nobody was faster."""
        while True:
            row = await self.memory.step(WORKSPACE, self.run_id, step)
            notes = {"notes": [*row["attributes"].get("notes", []), note]}
            said = StepSaid(OWNER, Status.RUNNING, attributes=notes)

            async def write(said: StepSaid = said, version: int = row["version"]) -> Written:
                return await self.memory.put_step(WORKSPACE, self.run_id, step, said, expected_version=version)

            try:
                await self._take((step,), write, expected=row["version"], noted=note)
                return
            except StaleVersion:
                continue

    async def _take(
        self,
        place: tuple[str, ...],
        write: Callable[[], Coroutine[Any, Any, Written]],
        *,
        expected: int | None,
        lease_s: float | None = None,
        noted: str | None = None,
    ) -> Document:
        asked = time.monotonic()
        written = await write()
        answered, row = time.monotonic(), written.row
        # What changed nothing is answered with a version that another has written, or this one before.
        mine = row.get("holder", self.name) == self.name
        changed = mine and not any((each.place, each.row["version"]) == (place, row["version"]) for each in self.log)
        self.log.append(
            Accepted(
                self.name, place, row, written.created, changed, expected, asked, answered, lease_s=lease_s, noted=noted
            )
        )
        return row


async def begin(memory: PipelineMemory, run_id: str) -> None:
    """The run and its steps, for all to write."""
    await memory.put_run(WORKSPACE, run_id, RunSaid("fraud", Status.RUNNING), expected_version=None)
    for step in STEPS:
        await memory.put_step(WORKSPACE, run_id, step, StepSaid(OWNER, Status.RUNNING), expected_version=None)


async def live_together(
    memories: Sequence[PipelineMemory], lives: Sequence[Sequence[Deed]], *, run_id: str
) -> list[Accepted]:
    """All agents at once, over several services; all that was taken."""
    agents = [Agent(f"agent-{number}", memories[number % len(memories)], run_id) for number in range(len(lives))]
    await asyncio.gather(*(agent.live(deeds) for agent, deeds in zip(agents, lives, strict=True)))
    return [each for agent in agents for each in agent.log]


def beliefs(log: Sequence[Accepted]) -> dict[tuple[str, ...], list[tuple[datetime, datetime, str]]]:
    """From when until when (by PostgreSQL's clock) each agent could believe that it held a sub-task.

    Until its lease ends, or it writes the row again itself: the log of an agent is in its order.
    """
    found: dict[tuple[str, ...], list[tuple[datetime, datetime, str]]] = {}
    for index, each in enumerate(log):
        if each.lease_s is None:
            continue
        since, until = claim(each, lease_s=each.lease_s)
        later = (other for other in log[index + 1 :] if (other.agent, other.place) == (each.agent, each.place))
        for other in later:
            if other.lease_s is not None:
                until = min(until, claim(other, lease_s=other.lease_s)[0])
            elif other.changed:
                until = min(until, moment(other.row["updated_at"]))
        found.setdefault(each.place, []).append((since, until, each.agent))
    return found


def claim(accepted: Accepted, *, lease_s: float) -> tuple[datetime, datetime]:
    """When PostgreSQL gave it, and when its lease ends."""
    until = moment(accepted.row["lease_expires_at"])
    return until - timedelta(seconds=lease_s), until


def moment(text: str) -> datetime:
    """A time of a document."""
    return datetime.fromisoformat(text)


async def outcome(work: Coroutine[Any, Any, Written]) -> Written | KnowledgeError:
    """The answer, or the refusal as a value."""
    try:
        return await work
    except KnowledgeError as refused:
        return refused
