"""How retries of a cause fared: counted whether or not anybody explained them afterwards."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.failures import Cause
from knowledge.store import advice, corrections, incidents, outcomes, precedents, resolutions, workspaces
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.records import Recorded
from tests.knowledge.store.conftest import MakeIncident

Result = Literal["succeeded", "failed"]
Counts = dict[Cause, tuple[int, int]]


@dataclass
class Team:
    """A workspace whose pipelines ask, and whose people explain."""

    connection: Connection
    workspace: int
    incident: MakeIncident

    async def asks(self, kind: str, *, advised: Cause | None) -> Recorded:
        """A failure of this kind, with the cause that its advice names."""
        row = self.incident(kind, workspace_id=self.workspace)
        answer = {"cause": advised and advised.value}
        return await incidents.record_with_advice(self.connection, row, advice_id=uuid7(), answer=answer)

    async def ends(self, of: Recorded, result: Result, attempt: int = 2) -> None:
        """How its retry ended."""
        await outcomes.record(
            self.connection,
            workspace_id=self.workspace,
            incident_id=of.incident_id,
            result=result,
            attempt=attempt,
            waited_s=10,
        )

    async def explains(self, of: Recorded, cause: Cause) -> None:
        """What a person found out."""
        await resolutions.record(
            self.connection,
            workspace_id=self.workspace,
            incident_id=of.incident_id,
            summary=f"It was {cause}",
            cause=cause,
        )

    async def corrects(self, id: UUID, cause: Cause | None) -> None:
        """What a person says of the precedent as a whole."""
        before = await precedents.get(self.connection, workspace_id=self.workspace, id=id)
        await corrections.patch(
            self.connection, workspace_id=self.workspace, id=id, expected_version=before.version, cause=cause
        )

    async def counts(self) -> Counts:
        """Passed and failed retries of each cause that has any, as advice sees them."""
        seen = await self.asks("onlooker", advised=None)
        found = await precedents.get(self.connection, workspace_id=self.workspace, id=seen.precedent_id)
        summed = {
            cause: (int(sum(each.succeeded for each in fared)), int(sum(each.failed for each in fared)))
            for cause, fared in found.history.by_cause.items()
        }
        return {cause: counted for cause, counted in summed.items() if any(counted)}


async def team_of(connection: Connection, incident: MakeIncident) -> Team:
    """A workspace of its own."""
    return Team(connection, await workspaces.ensure(connection, uuid4().hex), incident)


async def test_passes_that_nobody_explains_count(connection: Connection, incident: MakeIncident) -> None:
    """As the failures do that are explained: the share of passes is that of all retries."""
    team = await team_of(connection, incident)
    for number in range(35):
        made = await team.asks(f"kind {number}", advised=Cause.RATE_LIMIT)
        await team.ends(made, "failed" if number % 7 == 0 else "succeeded")
        if number % 7 == 0:
            await team.explains(made, Cause.RATE_LIMIT)

    assert {Cause.RATE_LIMIT: (30, 5)} == await team.counts()


async def test_of_one_precedent_as_well(connection: Connection, incident: MakeIncident) -> None:
    """Each outcome once, whenever the precedent is explained."""
    team = await team_of(connection, incident)
    made = [await team.asks("same", advised=Cause.RATE_LIMIT) for _ in range(35)]
    for number, each in enumerate(made):
        await team.ends(each, "failed" if number % 7 == 0 else "succeeded")
    before = await team.counts()
    await team.explains(made[0], Cause.RATE_LIMIT)

    assert {Cause.RATE_LIMIT: (30, 5)} == before == await team.counts()


async def test_what_is_stated_later_says_which_cause_it_was(connection: Connection, incident: MakeIncident) -> None:
    """The counts move to it, and are not there twice; a correction moves them on, and back."""
    team = await team_of(connection, incident)
    made, other = [await team.asks(kind, advised=Cause.NETWORK) for kind in "ab"]
    await team.ends(made, "failed")
    await team.ends(other, "succeeded")
    await team.explains(made, Cause.CONTENTION)
    stated = await team.counts()
    await team.corrects(made.precedent_id, Cause.NETWORK)
    corrected = await team.counts()
    await team.corrects(made.precedent_id, None)

    assert {Cause.NETWORK: (1, 0), Cause.CONTENTION: (0, 1)} == stated == await team.counts()
    assert {Cause.NETWORK: (1, 1)} == corrected


async def test_explanations_do_not_bring_failures_alone(connection: Connection, incident: MakeIncident) -> None:
    """Where no cause was known, passes are not explained afterwards: nor do the failures count that are. What ends when
    the cause is known counts; a correction of the precedent as a whole brings all of it."""
    team = await team_of(connection, incident)
    for number in range(6):
        made = await team.asks("same" if number > 3 else f"kind {number}", advised=None)
        await team.ends(made, "succeeded" if number % 2 else "failed")
        if number % 2 == 0:
            await team.explains(made, Cause.NETWORK)
    explained = await team.counts()
    await team.corrects(made.precedent_id, Cause.NETWORK)

    assert {Cause.NETWORK: (1, 0)} == explained  # the last one
    assert {Cause.NETWORK: (1, 1)} == await team.counts()


async def test_advice_given_before_the_latest_counts(connection: Connection, incident: MakeIncident) -> None:
    """By the cause that was named last before the retry; who asks again later changes nothing."""
    team = await team_of(connection, incident)
    made = await team.asks("a", advised=Cause.NETWORK)

    async def advised(cause: Cause) -> None:
        where = {"workspace_id": team.workspace, "incident_id": made.incident_id}
        await advice.record(connection, id=uuid7(), answer={"cause": cause.value}, **where)

    await advised(Cause.CONTENTION)
    await team.ends(made, "failed")
    await advised(Cause.RATE_LIMIT)
    await team.ends(made, "succeeded")

    assert {Cause.CONTENTION: (1, 0)} == await team.counts()


CAUSES = st.sampled_from([Cause.NETWORK, Cause.CONTENTION, Cause.RATE_LIMIT])
DEEDS = st.one_of(
    st.tuples(st.just("asks"), st.sampled_from("ab"), st.none() | CAUSES),
    st.tuples(st.just("ends"), st.integers(0, 9), st.sampled_from(["succeeded", "failed"]), st.integers(2, 3)),
    st.tuples(st.just("explains"), st.integers(0, 9), CAUSES),
    st.tuples(st.just("corrects"), st.sampled_from("ab"), st.none() | CAUSES),
)


@dataclass
class Expected:
    """What must be counted: said in plain words, kept in memory."""

    advised: list[tuple[str, Cause | None]] = field(default_factory=list)
    stated: dict[str, Cause] = field(default_factory=dict)
    corrected: dict[str, Cause | None] = field(default_factory=dict)
    ended: dict[tuple[int, int], str] = field(default_factory=dict)
    known: set[tuple[int, int]] = field(default_factory=set)
    explained: set[tuple[int, Cause]] = field(default_factory=set)

    def cause_of(self, incident: int, attempt: int) -> Cause | None:
        """Which cause this outcome counts for."""
        kind, advised = self.advised[incident]
        told = self.stated.get(kind, advised) if (incident, attempt) in self.known else None
        return self.corrected.get(kind) or told

    def explain(self, incident: int, cause: Cause) -> None:
        """A person found out; the very same said again, as a request sent twice is, changes nothing."""
        if (incident, cause) not in self.explained:
            self.explained.add((incident, cause))
            self.stated[self.advised[incident][0]] = cause

    def end(self, incident: int, result: str, attempt: int) -> None:
        """A retry ended; how it ended before is no more."""
        kind, advised = self.advised[incident]
        first = (incident, attempt) not in self.ended
        if first and (advised or self.stated.get(kind) or self.corrected.get(kind)):
            self.known.add((incident, attempt))
        self.ended[incident, attempt] = result

    def counts(self) -> Counts:
        """Passed and failed."""
        found: defaultdict[Cause, Counter[str]] = defaultdict(Counter)
        for (incident, attempt), result in self.ended.items():
            if cause := self.cause_of(incident, attempt):
                found[cause][result] += 1
        return {cause: (counted["succeeded"], counted["failed"]) for cause, counted in found.items()}


@given(deeds=st.lists(DEEDS, max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_outcome_counts_once(
    connection: Connection, incident: MakeIncident, deeds: list[tuple[Any, ...]]
) -> None:
    """For one cause at most, in whatever order people ask, retry, explain and correct."""
    team, expected = await team_of(connection, incident), Expected()
    made = [await team.asks(kind, advised=None) for kind in "ab"]
    expected.advised += [("a", None), ("b", None)]
    for deed in deeds:
        match deed:
            case ("asks", kind, cause):
                made.append(await team.asks(kind, advised=cause))
                expected.advised.append((kind, cause))
            case ("ends", number, result, attempt):
                await team.ends(made[number % len(made)], result, attempt)
                expected.end(number % len(made), result, attempt)
            case ("explains", number, cause):
                await team.explains(made[number % len(made)], cause)
                expected.explain(number % len(made), cause)
            case ("corrects", kind, cause):
                await team.corrects(made["ab".index(kind)].precedent_id, cause)
                expected.corrected[kind] = cause

    assert expected.counts() == await team.counts()
