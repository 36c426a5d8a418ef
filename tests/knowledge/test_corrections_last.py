"""What people said of precedents outlives recurrence, a new masking, new vectors and a new index."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from knowledge import intake, resigning
from knowledge.advisor.advising import AdvisorSettings
from knowledge.correcting import Correction, Merge, Signed, Split, Undo
from knowledge.embedding import LocalEmbedder, Vectors
from knowledge.errors import StoreUnavailable
from knowledge.failures import Cause, Failure, Verdict
from knowledge.index.edge import EdgeIndex
from knowledge.indexer import Indexer
from knowledge.signature import sign
from knowledge.signature.signature import Signature
from knowledge.store import resigning as resigning_store
from tests.knowledge.conftest import World

TORN = "PearError: the ledger of the orchard is torn"
NEAR = "PearError: the ledger of the second orchard seems torn in half"
SPILT = "PlumError: no lease was given for the barrel"
ROTTEN = "FigError: the crate was rotten on arrival"
ADA = Signed("ada", "looked at it")

Document = dict[str, Any]
Mask = Callable[[str], str]


def exactly(text: str) -> str:
    """A masking that masks nothing."""
    return text


def first_word(text: str) -> str:
    """A masking that keeps the class alone."""
    return text.split(":", maxsplit=1)[0]


class Past:
    """Signs as an older version did, while it is entered: with another masking, and with that version's number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def begin(self, mask: Mask = exactly) -> None:
        """From now on, sign as of old."""

        def of_old(failure: Failure) -> Signature:
            key = mask(failure.text or "")
            fingerprint = hashlib.sha256(f"v0 {key}".encode()).hexdigest()[:32]
            return replace(sign(failure), fingerprint=fingerprint, template=f"old {key}", version=0)

        self._monkeypatch.setattr(intake, "sign", of_old)

    def end(self) -> None:
        """The upgrade."""
        self._monkeypatch.setattr(intake, "sign", sign)


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Past:
    """The service before an upgrade."""
    return Past(monkeypatch)


class Team:
    """What people and pipelines of one workspace do."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def report(self, text: str, **known: Any) -> str:
        """Record an incident; its precedent's id."""
        made: str = (await self.world.service.record("team", Failure(text=text, **known)))["precedent_id"]
        return made

    async def ask(self, text: str) -> Document:
        """The advice, nothing recorded."""
        return await self.world.service.advise("team", Failure(text=text), dry_run=True)

    async def read(self, id: str) -> Document:
        """A precedent."""
        return await self.world.service.precedent("team", UUID(id))

    async def change(self, id: str, change: Any) -> Document:
        """Correct it, as it is now."""
        version = (await self.read(id))["version"]
        return await self.world.service.change("team", UUID(id), change, expected_version=version, signed=ADA)

    async def history(self, id: str) -> list[Document]:
        """What was done to it, newest first."""
        return await self.world.service.history("team", UUID(id), after=None, limit=50)

    async def counts(self, *ids: str) -> list[int]:
        """How often each was seen."""
        return [(await self.read(id))["occurrences"] for id in ids]

    async def fingerprints(self, id: str) -> set[str]:
        """What it is known by now."""
        return {each["fingerprint"] for each in (await self.read(id))["signatures"]}


@pytest.fixture
def team(world: World) -> Team:
    """A workspace."""
    return Team(world)


def fingerprint(text: str) -> str:
    """As this version signs."""
    return sign(Failure(text=text)).fingerprint


async def test_one_correction_changes_the_next_answer(team: Team) -> None:
    """To the same failure, and to one in other words, at once: what people said is asked of PostgreSQL."""
    id = await team.report(TORN, verdict=Verdict.TRANSIENT, cause=Cause.NETWORK)
    await team.world.indexer.drain()
    before = [await team.ask(text) for text in (TORN, NEAR)]
    await team.change(id, Correction(verdict=Verdict.GENUINE, cause=Cause.DATA_QUALITY))
    after = [await team.ask(text) for text in (TORN, NEAR)]

    assert [("transient", "network")] * 2 == [(each["verdict"], each["cause"]) for each in before]
    assert [("genuine", "data_quality")] * 2 == [(each["verdict"], each["cause"]) for each in after]


async def test_corrections_outlive_recurrence(team: Team) -> None:
    """Of fifty incidents that say the opposite, of each wording."""
    torn, spilt, rotten = [await team.report(text) for text in (TORN, SPILT, ROTTEN)]
    await team.change(torn, Correction(verdict=Verdict.GENUINE))
    await team.change(torn, Merge([UUID(spilt), UUID(rotten)]))
    parted = (await team.change(torn, Split([fingerprint(ROTTEN)])))["id"]
    said = [Failure(text=text, verdict=Verdict.TRANSIENT) for text in (TORN, SPILT, ROTTEN) for _ in range(50)]
    await team.world.service.record_many("team", said)

    assert [102, 51] == await team.counts(torn, parted)
    assert ["genuine", "genuine", "transient"] == [(await team.ask(text))["verdict"] for text in (TORN, SPILT, ROTTEN)]
    assert [torn, torn, parted] == [(await team.ask(text))["precedent"]["id"] for text in (TORN, SPILT, ROTTEN)]


async def test_corrections_outlive_a_new_masking(team: Team, past: Past) -> None:
    """Each wording is found by its new fingerprint, at the precedent where people had put it, counted as before."""
    past.begin()
    torn, spilt = [await team.report(text) for text in (TORN, SPILT)]
    rotten = await team.report(ROTTEN, verdict=Verdict.TRANSIENT)
    await team.change(torn, Correction(verdict=Verdict.GENUINE))
    await team.change(torn, Merge([UUID(spilt), UUID(rotten)]))
    parted = (await team.change(torn, Split([(await team.read(torn))["signatures"][2]["fingerprint"]])))["id"]
    await team.world.indexer.drain()
    past.end()
    forgotten = await team.ask(TORN)

    assert 3 == await resigning.resign(team.world.database)
    await team.world.indexer.drain()
    answers = [await team.ask(text) for text in (TORN, SPILT, ROTTEN)]
    assert forgotten["precedent"] is None
    assert [torn, torn, parted] == [each["precedent"]["id"] for each in answers]
    assert ["genuine", "genuine", "transient"] == [each["verdict"] for each in answers]
    assert [2, 1] == await team.counts(torn, parted)
    assert [{fingerprint(TORN), fingerprint(SPILT)}, {fingerprint(ROTTEN)}] == [
        await team.fingerprints(id) for id in (torn, parted)
    ]
    assert 0 == await team.world.indexer.reconcile()
    assert [0, 0] == [await resigning.pending(team.world.database), await resigning.resign(team.world.database)]


async def test_corrections_of_before_are_taken_back_after_a_new_masking(team: Team, past: Past) -> None:
    """The new signatures part and join as those that they follow did."""
    past.begin()
    torn, spilt = [await team.report(text) for text in (TORN, SPILT)]
    await team.change(torn, Merge([UUID(spilt)]))
    past.end()
    await resigning.resign(team.world.database)
    merged = (await team.history(torn))[0]["id"]
    await team.change(torn, Undo(UUID(merged)))
    apart = [await team.report(text) for text in (TORN, SPILT)]
    counts = await team.counts(torn, spilt)
    await team.change(torn, Undo(UUID((await team.history(torn))[0]["id"])))

    assert ([torn, spilt], [2, 2], [4]) == (apart, counts, await team.counts(torn))
    assert {fingerprint(TORN), fingerprint(SPILT)} == await team.fingerprints(torn)


async def test_wordings_that_a_new_masking_joins_are_merged(team: Team, past: Past) -> None:
    """Into the older, with the reason in the history of both; a precedent that was begun since is the younger."""
    past.begin()
    texts = [f"PearError: the ledger is torn at row {row}" for row in (1700001, 1700002)]
    first, second = [await team.report(text) for text in texts]
    await team.change(second, Correction(verdict=Verdict.GENUINE))
    past.end()
    third = await team.report(texts[0])
    await resigning.resign(team.world.database)
    entries = [(await team.history(id))[0] for id in (second, third)]

    assert fingerprint(texts[0]) == fingerprint(texts[1])
    assert 3 == len({first, second, third})
    assert {first} == {(await team.read(id))["id"] for id in (first, second, third)}
    assert ([3], "genuine") == (await team.counts(first), (await team.ask(texts[1]))["verdict"])
    for entry in entries:
        assert ("precedent.merge", "seenbefore", True) == (
            entry["action"],
            entry["author"],
            fingerprint(texts[0]) in entry["reason"],
        )


@pytest.mark.parametrize("said", ["split", "override"])
async def test_what_people_keep_apart_stays_apart(team: Team, past: Past, said: str) -> None:
    """Though a new masking cannot tell the wordings: one keeps the fingerprint, each its incidents and verdict."""
    past.begin()
    texts = [f"PearError: the ledger is torn at row {row}" for row in (1700001, 1700002)]
    first, second = [await team.report(text) for text in texts]
    await team.report(texts[1])
    if said == "split":
        await team.change(first, Merge([UUID(second)]))
        old = (await team.read(first))["signatures"]
        second = (await team.change(first, Split([old[1]["fingerprint"]])))["id"]
    else:
        await team.change(first, Correction(verdict=Verdict.TRANSIENT))
    await team.change(second, Correction(verdict=Verdict.GENUINE))
    past.end()
    await resigning.resign(team.world.database)
    again = await team.report(texts[0])
    told = [each for each in await team.history(first) if each["action"] == "precedent.kept_apart"]

    assert second == again  # more was seen of it, or it alone has a verdict
    assert [1, 3] == await team.counts(first, second)
    assert ([fingerprint(texts[0])], [second]) == (
        [each["after"]["fingerprint"] for each in told],
        [each["after"]["kept_by"] for each in told],
    )
    await team.world.indexer.drain()
    assert 0 == await team.world.indexer.reconcile()


async def test_a_signature_that_a_new_masking_parts_stays_one_precedent(team: Team, past: Past) -> None:
    """It is known by each new fingerprint, and a split by one of them takes its incidents along."""
    past.begin(first_word)
    texts = [f"PearError: the {what} is gone from the orchard" for what in ("ledger", "ladder", "basket")]
    ids = {await team.report(text) for text in (*texts, texts[0], texts[0])}
    past.end()
    await resigning.resign(team.world.database)
    (id,) = ids
    known = await team.fingerprints(id)
    parted = (await team.change(id, Split([fingerprint(texts[1])])))["id"]

    assert {fingerprint(text) for text in texts} == known
    assert [4, 1] == await team.counts(id, parted)
    assert [id, parted, id] == [await team.report(text) for text in texts]


async def test_signing_again_goes_on_where_it_was_killed(
    team: Team, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done is done; several processes share the rest, and none is done twice."""
    past.begin()
    texts = [
        f"{name}Error: the {name} of the orchard is torn"
        for name in ["Pear", "Plum", "Fig", "Kiwi", "Lime", "Date", "Sloe"]
    ]
    ids = [await team.report(text) for text in texts]
    past.end()
    apply, left = resigning_store.apply, iter(range(3))

    async def killed(*given: Any, **named: Any) -> None:
        if next(left, None) is None:
            raise StoreUnavailable
        await apply(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(resigning_store, "apply", killed)
        with pytest.raises(StoreUnavailable):
            await resigning.resign(team.world.database)
    waiting = await resigning.pending(team.world.database)
    monkeypatch.setattr(resigning, "AT_ONCE", 1)
    done = await asyncio.gather(*(resigning.resign(team.world.database) for _ in range(2)))

    assert (4, 4) == (waiting, sum(done))
    assert ids == [await team.report(text) for text in texts]
    assert [2] * len(ids) == await team.counts(*ids)


@pytest.mark.parametrize("where", ["_wordings", "apply"])
async def test_one_that_cannot_be_signed_again_stops_no_other(
    team: Team, past: Past, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """It stays as it was, is not looked at again for this version, and the log says which, without its text."""
    past.begin()
    ids = [await team.report(text) for text in (TORN, SPILT, ROTTEN)]
    past.end()
    module: Any = {"_wordings": resigning, "apply": resigning_store}[where]
    work, numbers = getattr(module, where), iter(range(3))

    def failing(*given: Any, **named: Any) -> Any:
        if next(numbers) == 0:
            raise KeyError(TORN)
        return work(*given, **named)

    monkeypatch.setattr(module, where, failing)
    done = await resigning.resign(team.world.database)
    known = [await team.fingerprints(id) for id in ids]
    as_new = [{fingerprint(text)} for text in (TORN, SPILT, ROTTEN)]
    told = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]

    assert (3, 0) == (done, await resigning.pending(team.world.database))
    assert 2 == sum(now == new for now, new in zip(known, as_new, strict=True))
    assert ["KeyError in failing" in message for message in told] == [True]
    assert TORN not in caplog.text


class Renamed:
    """The same vectors under another model's id."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        self._embedder = embedder
        self.model_id = f"{embedder.model_id}-other"
        self.dimensions = embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """As the model does."""
        return await self._embedder.embed(texts)

    def begin(self, text: str) -> asyncio.Future[Vectors]:
        """As the model does."""
        return self._embedder.begin(text)


async def test_corrections_outlive_new_vectors_and_a_new_index(team: Team, tmp_path: Path) -> None:
    """Another model fills another collection; an index that was lost is filled anew."""
    world = team.world
    torn, spilt = [await team.report(text) for text in (TORN, SPILT)]
    await team.change(torn, Correction(verdict=Verdict.GENUINE))
    await team.change(torn, Merge([UUID(spilt)]))
    await world.indexer.drain()
    other = Renamed(world.embedder)
    index = EdgeIndex(tmp_path / "other", collection="other", dimensions=world.embedder.dimensions)
    await index.open()
    indexer = Indexer(world.database, index=index, embedder=other, starters=world.starters)
    await indexer.reconcile()
    await indexer.drain()
    service = type(world.service)(
        database=world.database,
        index=index,
        embedder=other,
        indexer=indexer,
        spool=world.spool,
        starters=world.starters,
        settings=AdvisorSettings(),
    )
    answers = [await service.advise("team", Failure(text=text), dry_run=True) for text in (TORN, SPILT, NEAR)]
    await index.close()

    assert ["genuine"] * 3 == [each["verdict"] for each in answers]
    assert [torn] * 3 == [each["evidence"][0]["precedent_id"] for each in answers]
