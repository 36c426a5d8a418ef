"""Decision records: kept with their run, found by meaning and word, and refused releases as incidents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from knowledge import rationales
from knowledge.decisions import DecisionQuery, Decisions, Said, fused
from knowledge.documents import Document
from knowledge.embedding import LocalEmbedder, Vectors
from knowledge.errors import InvalidInput, NotFound
from knowledge.failures import Failure
from knowledge.once import Once
from knowledge.refusals import Comparison, Reason
from knowledge.state.memory import PipelineMemory
from knowledge.state.schemas import read_shipped
from knowledge.state.states import RunSaid, Status
from knowledge.store import incidents, workspaces
from knowledge.store.database import Connection, Database
from knowledge.store.ids import uuid7
from knowledge.store.records import IncidentRecord
from knowledge.workspaces import Workspaces
from tests.knowledge.conftest import World

SECRET = "AKIA" + "Z7" * 8
PRECISION = Reason("precision@90recall", 0.83, Comparison.BELOW, 0.85)
RELEASE = Said("release-agent", "release", {"released": False}, "It would miss too many frauds.", (PRECISION,))
EXPLORED = {
    "learning rate": "Step sizes above 3e-3 diverge within two epochs, so the search stays below.",
    "batch": "Batches of 512 fill the memory of the card; larger ones are killed.",
    "features": "The merchant's country leaks the label and was left out.",
    "early stop": "Training ends after five epochs without a better validation loss.",
}


class AnotherModel:
    """The same texts, other vectors: those of the real model, turned round."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        self._embedder = embedder
        self.model_id = f"another/{embedder.model_id}"
        self.dimensions = embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors."""
        return (await self._embedder.embed(texts))[:, ::-1].copy()

    def begin(self, text: str) -> asyncio.Future[Vectors]:
        """One of them."""
        return asyncio.ensure_future(self.embed([text]))


Make = Callable[..., Decisions]


@pytest.fixture
def make(database: Database, embedder: LocalEmbedder) -> Make:
    """Make the facade, as a process has it that has just begun; without a word to an index worker."""
    parts: dict[str, Any] = {"embedder": embedder, "workspaces": Workspaces(database), "wake": asyncio.Event().set}
    return lambda **others: Decisions(database, **parts | others)


@pytest.fixture
async def decisions(database: Database, make: Make) -> Decisions:
    """Decision records, and the runs r and s of the workspace team."""
    memory = PipelineMemory(database, schemas=read_shipped(), workspaces=Workspaces(database))
    for run_id, pipeline in (("r", "fraud-training"), ("s", "churn-training")):
        await memory.put_run("team", run_id, RunSaid(pipeline, Status.RUNNING), expected_version=None)
    return make()


async def incidents_of(connection: Connection) -> list[IncidentRecord]:
    """The incidents of the workspace."""
    workspace_id = await workspaces.ensure(connection, "team")
    return await incidents.list_page(connection, workspace_id=workspace_id)


async def explore(decisions: Decisions, run_id: str = "r") -> dict[str, Document]:
    """What was explored, by its choice."""
    return {
        about: await decisions.record(
            "team", run_id, Said("tuner", "hyperparameters", {"about": about}, rationale, step="hpo")
        )
        for about, rationale in EXPLORED.items()
    }


async def found(decisions: Decisions, text: str | None, workspace: str = "team", **about: Any) -> list[Any]:
    """What their choices are about, best first."""
    query = DecisionQuery(text)
    query = replace(query, about=replace(query.about, **about))
    return [each["choice"].get("about") for each in await decisions.search(workspace, query)]


async def test_decisions_of_a_run_in_their_order(decisions: Decisions) -> None:
    """By pages, of this run alone; what was answered is what is read."""
    made = list((await explore(decisions)).values())
    await decisions.record("team", "s", RELEASE)
    first = await decisions.of_run("team", "r", after=None, limit=3)
    last = first[-1]
    after = (datetime.fromisoformat(last["created_at"]), UUID(last["id"]))

    assert made == first + await decisions.of_run("team", "r", after=after, limit=3)


async def test_unknown_run(decisions: Decisions) -> None:
    """Of the workspace; nothing is kept."""
    for workspace, run_id in (("team", "t"), ("others", "r")):
        with pytest.raises(NotFound, match=f"no run {run_id}"):
            await decisions.record(workspace, run_id, RELEASE)
        with pytest.raises(NotFound):
            await decisions.of_run(workspace, run_id, after=None, limit=10)

    assert [] == await decisions.search("team", DecisionQuery())


async def test_secrets_are_not_kept(decisions: Decisions) -> None:
    """Wherever they stand; the rest does."""
    said = Said(
        f"agent {SECRET}",
        "access",
        {"key": SECRET, "password": "hunter2 hunter2", "bucket": "models"},
        f"With {SECRET} it works.",
        (replace(PRECISION, metric=f"m {SECRET}"),),
        step=f"upload {SECRET}",
    )
    made = await decisions.record("team", "r", said)
    [read] = await decisions.of_run("team", "r", after=None, limit=10)

    assert SECRET not in f"{made}{read}"
    assert "hunter2" not in f"{made}{read}"
    assert ("models", "With [secret] it works.") == (read["choice"]["bucket"], read["rationale"])


async def test_rationale_that_explains_nothing(decisions: Decisions) -> None:
    """Is refused, also when it is so without its control codes."""
    with pytest.raises(InvalidInput) as caught:
        await decisions.record("team", "r", Said("a", "k", {}, "\x1b[31m \x1b[0m"))

    assert "rationale" == caught.value.field


async def test_search_by_meaning(decisions: Decisions) -> None:
    """No word of the question stands in what was said."""
    await explore(decisions)

    assert "learning rate" == (await found(decisions, "has this learning-rate region been explored?"))[0]
    assert "features" == (await found(decisions, "did we remove any column as it gives the target away?"))[0]


async def test_search_by_word(decisions: Decisions) -> None:
    """Of the rationale and of the choice; names that no model knows."""
    await explore(decisions)
    await decisions.record(
        "team", "r", Said("tuner", "data", {"about": "x", "table": "kundenstamm_v7"}, "Fresher rows.")
    )
    await decisions.record("team", "r", Said("tuner", "data", {"about": "y"}, "Wegen Überlauf in qzx9 verworfen."))

    assert "x" == (await found(decisions, "kundenstamm_v7"))[0]
    assert "y" == (await found(decisions, "QZX9"))[0]
    assert "y" == (await found(decisions, "überlauf"))[0]


async def test_search_among(decisions: Decisions) -> None:
    """Kind, agent and pipeline narrow it, with and without a question; other workspaces see nothing."""
    await explore(decisions)
    await decisions.record("team", "s", Said("other", "data", {"about": "s"}, "Steps above 1e-2 diverge."))

    for text in ("diverging step sizes", None):
        assert ["s"] == await found(decisions, text, pipeline="churn-training")
        assert ["s"] == await found(decisions, text, agent="other")
        assert 4 == len(await found(decisions, text, kind="hyperparameters"))
        assert [] == await found(decisions, text, kind="hyperparameters", agent="other")
        assert [] == await found(decisions, text, workspace="others")
    assert ["s", *reversed(EXPLORED)] == await found(decisions, None)


@pytest.mark.parametrize("text", ["'", "\\", "a & b | !c", "':*", "(", "x" * 2_000, "🔥", "  ", "<-> 'a' \\'"])
async def test_any_question_is_answered(decisions: Decisions, text: str) -> None:
    """Whatever it holds of PostgreSQL's own syntax."""
    await explore(decisions)

    assert set(EXPLORED) == set(await found(decisions, text))


async def test_usual_words_tell_nothing(decisions: Decisions) -> None:
    """Those of the question that stand everywhere do not outweigh the one that does not."""
    for number in range(12):
        rationale = f"Has this region been explored? It has been: this region {number}."
        await decisions.record("team", "r", Said("a", "k", {"about": number}, rationale))
    await decisions.record("team", "r", Said("a", "k", {"about": "dropout"}, "Dropout of a half was too much."))

    assert "dropout" == (await found(decisions, "has this region of dropout been explored?"))[0]


async def test_other_processes_find_what_was_recorded(decisions: Decisions, make: Make) -> None:
    """Their memory is brought up to date with each search."""
    other = make()
    assert [] == await found(other, "diverging step sizes")
    await explore(decisions)
    assert "learning rate" == (await found(other, "diverging step sizes"))[0]
    late = Said("a", "k", {"about": "late"}, "Diverging step sizes: all above 2e-3.")
    await decisions.record("team", "r", late)

    assert "late" == (await found(other, "diverging step sizes"))[0]
    assert 5 == len(set(await found(other, "diverging step sizes")))


async def test_those_with_earlier_ids_are_found_as_well(
    decisions: Decisions, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a request that took long, or of a replica whose clock is slow."""
    await explore(decisions)
    await found(decisions, "warm up")
    earlier = UUID(int=uuid7().int - (60_000 << 80))
    monkeypatch.setattr("knowledge.decisions.uuid7", lambda: earlier)
    await make().record("team", "r", Said("a", "k", {"about": "warm"}, "Zzyzx."))
    [best, *_] = await decisions.search("team", DecisionQuery("a desert road called zyzzyx"))
    ids = {each["id"] for each in await decisions.search("team", DecisionQuery("nothing of the kind"))}

    assert str(earlier) in ids
    assert best["similarity"] is not None


async def test_only_the_latest_are_searched_by_meaning(decisions: Decisions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older ones by their words."""
    monkeypatch.setattr(rationales, "MOST_VECTORS", 2)
    await explore(decisions)
    results = await decisions.search("team", DecisionQuery("epochs"))
    near = {each["choice"]["about"] for each in results if each["similarity"] is not None}

    assert {"features", "early stop"} == near
    assert {"features", "early stop", "learning rate"} == {each["choice"]["about"] for each in results}


async def test_change_of_the_model(decisions: Decisions, make: Make, embedder: LocalEmbedder) -> None:
    """Until they are embedded anew, decisions are found by their words; then by their meaning."""
    await explore(decisions)
    later = make(embedder=AnotherModel(embedder))
    before = await later.search("team", DecisionQuery("diverge"))
    assert [("learning rate", None)] == [(each["choice"]["about"], each["similarity"]) for each in before]
    assert (4, 0) == (await later.embed_all(), await later.embed_all())
    after = await later.search("team", DecisionQuery("diverging learning rates"))

    assert "learning rate" == after[0]["choice"]["about"]
    assert 4 == sum(each["similarity"] is not None for each in after)


async def test_refused_release_is_an_incident(decisions: Decisions, world: World) -> None:
    """Genuine, of model quality, with the run; other figures are the same failure again."""
    first = await decisions.record("team", "r", replace(RELEASE, step="evaluate"))
    worse = replace(RELEASE, kind="release_refused", choice={}, reasons=(replace(PRECISION, observed=0.5),))
    second = await decisions.record("team", "s", worse)
    read = await world.service.incident("team", UUID(first["incident_id"]))
    again = await world.service.incident("team", UUID(second["incident_id"]))

    assert "Release refused: precision@90recall 0.83 is below 0.85" == read["text"]
    assert ("genuine", "model_quality") == (read["verdict"], read["cause"])
    assert ("fraud-training", "evaluate", "r") == (read["pipeline"], read["step"], read["run_id"])
    assert (read["fingerprint"], read["precedent_id"]) == (again["fingerprint"], again["precedent_id"])
    assert 2 == (await world.service.precedent("team", UUID(read["precedent_id"])))["occurrences"]


async def test_refused_release_is_not_retried(decisions: Decisions, world: World) -> None:
    """Who asks about it is told to escalate."""
    for _ in range(3):
        await decisions.record("team", "r", RELEASE)
    await world.indexer.drain()
    text = "Release refused: precision@90recall 0.79 is below 0.85"
    advice = await world.service.advise("team", Failure(text=text, run_id="t", pipeline="fraud-training"))

    assert ("genuine", "model_quality") == (advice["verdict"], advice["cause"])
    assert ("fail", "escalate") == (advice["decision"]["action"], advice["strategy"]["action"])


@pytest.mark.parametrize(
    "said",
    [
        replace(RELEASE, choice={"released": True}),
        replace(RELEASE, reasons=()),
        replace(RELEASE, reasons=(replace(PRECISION, observed=0.93), replace(PRECISION, observed=0.85))),
        replace(RELEASE, choice={}),
        replace(RELEASE, kind="hyperparameters"),
    ],
)
async def test_other_decisions_are_no_incidents(decisions: Decisions, connection: Connection, said: Said) -> None:
    """A release that went out, or that was refused for no reason that was given, or for none that holds."""
    made = await decisions.record("team", "r", said)

    assert None is made["incident_id"]
    assert [] == await incidents_of(connection)


async def test_reasons_in_whatever_order(decisions: Decisions, connection: Connection) -> None:
    """Of the same metrics are the same failure."""
    others = (Reason("auc", 0.7, Comparison.AT_MOST, 0.7), Reason("drift", 3, Comparison.ABOVE, 1.5))
    for reasons in ((PRECISION, *others), (*reversed(others), PRECISION)):
        await decisions.record("team", "r", replace(RELEASE, reasons=reasons))
    read = await incidents_of(connection)

    assert 2 == len(read)
    assert 1 == len({each.fingerprint for each in read})
    told = "auc 0.7 is at most 0.7; drift 3 is above 1.5; precision@90recall 0.83 is below 0.85"
    assert f"Release refused: {told}" == read[0].text


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (Comparison.BELOW, [True, False, False]),
        (Comparison.AT_MOST, [True, True, False]),
        (Comparison.EQUAL, [False, True, False]),
        (Comparison.NOT_EQUAL, [True, False, True]),
        (Comparison.AT_LEAST, [False, True, True]),
        (Comparison.ABOVE, [False, False, True]),
    ],
)
def test_reasons_are_held_against_their_figures(comparison: Comparison, expected: list[bool]) -> None:
    """Below the threshold, at it, and above."""
    assert expected == [Reason("m", observed, comparison, 0.85).holds for observed in (0.83, 0.85, 0.93)]


async def test_what_does_not_hold_is_marked_and_not_told(decisions: Decisions, connection: Connection) -> None:
    """The incident tells of the others; what was said stays as it was said."""
    false = Reason("auc", 0.93, Comparison.BELOW, 0.85)
    made = await decisions.record("team", "r", replace(RELEASE, reasons=(false, PRECISION)))
    [incident] = await incidents_of(connection)
    [read] = await decisions.of_run("team", "r", after=None, limit=10)

    assert [("auc", False), ("precision@90recall", True)] == [
        (each["metric"], each["holds"]) for each in read["reasons"]
    ]
    assert made == read
    assert "Release refused: precision@90recall 0.83 is below 0.85" == incident.text


async def test_once_by_its_key(decisions: Decisions, connection: Connection) -> None:
    """One decision and one incident, however often it is sent."""
    once = Once.of("key", route="POST /runs/r/decisions", body=b"{}")
    answers = [await decisions.record("team", "r", RELEASE, once=once) for _ in range(3)]
    at_once = [decisions.record("team", "s", RELEASE, once=Once.of("k", route="", body=b"")) for _ in range(5)]

    assert [answers[0]] * 3 == answers
    assert 1 == len({each["id"] for each in await asyncio.gather(*at_once)})
    assert 2 == len(await incidents_of(connection))


async def test_nothing_is_kept_of_what_fails(decisions: Decisions, connection: Connection) -> None:
    """Neither the decision nor the incident: they stand or fall together."""
    reason = replace(PRECISION, metric="m")
    broken = replace(RELEASE, reasons=(reason,), choice={"released": False, "bad": object()})  # type: ignore[dict-item]
    with pytest.raises(InvalidInput):
        await decisions.record("team", "r", broken)

    assert [] == await decisions.of_run("team", "r", after=None, limit=10)
    assert [] == await incidents_of(connection)


async def test_clock_far_off(decisions: Decisions, make: Make) -> None:
    """The order of a run's decisions is that of PostgreSQL's clock, whatever the service's says."""
    slow = make(clock=lambda: datetime.now(UTC) - timedelta(days=1))
    made = [await each.record("team", "r", Said("a", "k", {}, "why")) for each in (decisions, slow, decisions)]

    assert made == await decisions.of_run("team", "r", after=None, limit=10)


def test_fusion_of_rankings() -> None:
    """Second of both comes before first of one; among equals the newest."""
    a, b, c = sorted(uuid7() for _ in range(3))

    assert [b, c, a] == fused([[a, b], [c, b], []])
