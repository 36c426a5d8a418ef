"""The composition root: builds everything from settings, and takes it down again in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.chat import composing
from api.chat.composing import Chat
from api.metrics import Metrics
from api.settings import Settings
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.calibration import shipped_fail_from
from knowledge.answering import Clock
from knowledge.decisions import Decisions
from knowledge.embedding import LocalEmbedder, load_embedder
from knowledge.errors import IndexDamaged, IndexUnavailable, KnowledgeError, SpoolUnavailable, StoreUnavailable
from knowledge.finding import Finding
from knowledge.incident_log import IncidentLog
from knowledge.index.port import LAYOUT, Index
from knowledge.indexer import Indexer
from knowledge.occurrences import Occurrences
from knowledge.overview import Overview
from knowledge.proposing import Proposals
from knowledge.recording import Recorder
from knowledge.resigning import resign
from knowledge.retention import forget
from knowledge.saved_searches import SavedSearches
from knowledge.service import KnowledgeService
from knowledge.spool import FILE as SPOOL_FILE
from knowledge.spool import Spool
from knowledge.starter.catalogue import read_catalogue
from knowledge.starter.loading import load_starter
from knowledge.state.memory import PipelineMemory
from knowledge.state.outline import Outlines
from knowledge.state.registry import Registry
from knowledge.state.schemas import read_shipped
from knowledge.store import account
from knowledge.store.database import Database
from knowledge.store.embedded import EmbeddedPostgres
from knowledge.tasks import end, wholly
from knowledge.votes import Votes
from knowledge.workspaces import Workspaces

KEEPER_S = 1.0
#: Between two attempts to open an index that is away, after the first few.
LONGEST_PAUSE_S = 5.0
#: Between two comparisons of the index with PostgreSQL, which read all of both.
COMPARE_EVERY_S = 10.0
#: Between two looks for signatures of an older version; without any, a look costs one read of an index.
RESIGN_EVERY_S = 60.0
#: From one forgetting of what is too old to the next.
FORGET_EVERY_S = 600.0
#: Between two looks at what workspaces learned; learning itself has its own pace.
CALIBRATION_S = 15.0
#: Between two looks for what a chat's channel is to be told; a message at most each time.
TELL_EVERY_S = 2.0
#: Between two looks for rationales that another model embedded: each costs three reads of an index.
RATIONALES_S = 30.0
#: Between two looks for days that are over and not counted: a day is over once a day.
OVERVIEW_S = 600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What runs, for those who look after it (health, command line)."""

    settings: Settings
    database: Database
    index: Index
    embedder: LocalEmbedder
    indexer: Indexer
    spool: Spool
    service: KnowledgeService
    registry: Registry
    memory: PipelineMemory
    outlines: Outlines
    overview: Overview
    decisions: Decisions
    proposals: Proposals
    finding: Finding
    saved_searches: SavedSearches
    occurrences: Occurrences
    incident_log: IncidentLog
    votes: Votes
    postgres: EmbeddedPostgres | None
    chat: Chat
    metrics: Metrics


@contextlib.asynccontextmanager
async def build(
    settings: Settings, *, say: Callable[[str], None] = log.info, clock: Clock = lambda: datetime.now(UTC)
) -> AsyncIterator[Parts]:
    """Everything, ready to answer; taken down at the end. `say` tells a person what takes time."""
    async with contextlib.AsyncExitStack() as stack:
        make_data_folder(settings)
        postgres, database = await open_store(settings, stack=stack, say=say)
        embedder = await _open_model(settings, stack=stack, say=say)
        index = make_index(settings, embedder=embedder)
        stack.push_async_callback(index.close)
        try:
            await open_index(index)
        except IndexUnavailable as error:
            say(f"the index is away; until it comes, documented and known failures answer: {error}")
        say("loading the starter precedents (the first time takes half a minute)")
        starters = await load_starter(database, read_catalogue(), embedder=embedder, vectors=settings.models)
        indexer = Indexer(database, index=index, embedder=embedder, starters=starters)
        metrics = Metrics()
        spool = Spool(settings.data / SPOOL_FILE)
        stack.callback(spool.close)
        service = KnowledgeService(
            database=database,
            index=index,
            embedder=embedder,
            indexer=indexer,
            spool=spool,
            starters=starters,
            settings=advisor_settings(settings),
            observer=metrics,
            clock=clock,
        )
        workspaces = Workspaces(database)
        schemas = read_shipped()
        registry = Registry(database, schemas=schemas, workspaces=workspaces)
        memory = PipelineMemory(database, schemas=schemas, workspaces=workspaces, clock=clock)
        outlines = Outlines(database, schemas=schemas, workspaces=workspaces, clock=clock)
        overview = Overview(database, workspaces=workspaces, clock=clock)
        stack.push_async_callback(overview.close)
        decisions = Decisions(database, embedder=embedder, workspaces=workspaces, wake=indexer.wake, clock=clock)
        proposals = Proposals(database, workspaces=workspaces, wake=indexer.wake)
        opening = composing.opened(settings, service=service, proposals=proposals, database=database, clock=clock)
        chat = await stack.enter_async_context(opening)
        yield Parts(
            settings=settings,
            database=database,
            index=index,
            embedder=embedder,
            indexer=indexer,
            spool=spool,
            service=service,
            registry=registry,
            memory=memory,
            outlines=outlines,
            overview=overview,
            decisions=decisions,
            proposals=proposals,
            finding=Finding(database, searching=service.searching, workspaces=workspaces, clock=clock),
            saved_searches=SavedSearches(database, workspaces=workspaces),
            occurrences=Occurrences(database, workspaces=workspaces),
            incident_log=IncidentLog(database, workspaces=workspaces, clock=clock),
            votes=Votes(database, workspaces=workspaces),
            postgres=postgres,
            chat=chat,
            metrics=metrics,
        )


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """The work beside the answers: the index worker, and the keepers of the store and of the index."""
    parts.indexer.start()
    keepers = {
        asyncio.create_task(_keep_store(parts), name="keeper of the store"),
        asyncio.create_task(_keep_index(parts), name="keeper of the index"),
        asyncio.create_task(_keep_signatures(parts), name="keeper of the signatures"),
        asyncio.create_task(_keep_calibration(parts), name="keeper of the calibration"),
        asyncio.create_task(_keep_rationales(parts), name="keeper of the rationales"),
        asyncio.create_task(_keep_overview(parts), name="keeper of the overview"),
        asyncio.create_task(_keep_channel(parts), name="keeper of the chat's channel"),
        asyncio.create_task(_keep_no_longer(parts), name="keeper of what is kept for a time"),
    }
    try:
        yield
    finally:
        await end(keepers)
        await parts.indexer.stop()


def make_data_folder(settings: Settings) -> None:
    """The data folder, for nobody but who runs this; one that is there stays as its owner has made it."""
    # Root's PostgreSQL runs under another account, which must get through where it cannot pass over permissions.
    mode = 0o700 if settings.database_url is not None or account.can_reach_private_folders() else 0o711
    settings.data.mkdir(mode=mode, parents=True, exist_ok=True)
    settings.models.mkdir(mode=0o700, exist_ok=True)


async def open_store(
    settings: Settings, *, stack: contextlib.AsyncExitStack, say: Callable[[str], None]
) -> tuple[EmbeddedPostgres | None, Database]:
    """PostgreSQL, embedded or named, migrated and connected."""
    from knowledge.store.migrate import migrate  # noqa: PLC0415 - alembic, only where a schema is looked at

    postgres: EmbeddedPostgres | None = None
    if settings.database_url is None:
        postgres = EmbeddedPostgres(settings.data / "postgres", bin_dir=settings.postgres_bin)
        say("starting PostgreSQL")
        # Whoever stops the service while PostgreSQL starts stops that too.
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        await wholly(postgres.start)
    url = settings.database_url.get_secret_value() if settings.database_url else (postgres.url if postgres else "")
    await asyncio.to_thread(migrate, url)
    database = Database(url)
    await database.open()
    stack.push_async_callback(database.close)
    return postgres, database


async def _open_model(
    settings: Settings, *, stack: contextlib.AsyncExitStack, say: Callable[[str], None]
) -> LocalEmbedder:
    say(f"loading the embedding model {settings.model} (the first time takes a few seconds longer)")
    embedder = await asyncio.to_thread(
        load_embedder,
        settings.model,
        cache=settings.models,
        fast=settings.fast_embedding,
        taught=settings.model_adapter,
    )
    stack.callback(embedder.close)
    return embedder


async def open_index(index: Index) -> None:
    """Open it; one that is damaged is moved aside and begun anew, for all of it is in PostgreSQL.

    Raises `IndexUnavailable` while it is away, `DataFolderInUse` while another process has it.
    """
    try:
        await index.open()
    except IndexDamaged as error:
        log.error("the index cannot be opened: %s", type(error).__name__)
        log.warning("it is moved to %s and made anew from PostgreSQL", await index.set_aside())
        await index.open()


def make_index(settings: Settings, *, embedder: LocalEmbedder) -> Index:
    """The index that the settings name: a server, or the engine in this process."""
    model = "".join(char if char.isalnum() else "-" for char in embedder.model_id)
    collection = f"precedents-{LAYOUT}-{model}"
    if settings.qdrant_url is None:
        from knowledge.index.edge import EdgeIndex  # noqa: PLC0415 - each with an engine of its own

        return EdgeIndex(Path(settings.data) / "qdrant", collection=collection, dimensions=embedder.dimensions)
    from qdrant_client import AsyncQdrantClient  # noqa: PLC0415

    from knowledge.index.server import ServerIndex  # noqa: PLC0415

    key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
    client = AsyncQdrantClient(url=settings.qdrant_url, api_key=key)
    return ServerIndex(client, collection=collection, dimensions=embedder.dimensions)


async def _keep_store(parts: Parts) -> None:
    """Restart an embedded PostgreSQL that died, write what was spooled."""
    recorder = Recorder(parts.database, spool=parts.spool, wake=parts.indexer.wake)
    while True:
        if parts.postgres is not None and not parts.postgres.is_alive:
            await _attempt(lambda: _restart(parts), "restarting PostgreSQL")
        await _attempt(recorder.replay, "writing what was spooled")
        await asyncio.sleep(KEEPER_S)


async def _keep_index(parts: Parts) -> None:
    """Open the index where it is away, and put it right each time that it comes."""
    compared, next_at, pause = False, 0.0, KEEPER_S
    loop = asyncio.get_running_loop()
    while True:
        if not parts.index.is_open:
            compared = False
            opened = await _attempt(lambda: open_index(parts.index), "opening the index")
            pause = KEEPER_S if opened else min(2 * pause, LONGEST_PAUSE_S)
        if parts.index.is_open and not compared and loop.time() >= next_at:
            compared = await _attempt(parts.indexer.reconcile, "comparing the index with PostgreSQL")
            next_at = loop.time() + (COMPARE_EVERY_S if compared else 0)
        await asyncio.sleep(pause)


async def _keep_calibration(parts: Parts) -> None:
    """Learn what confidence is worth, and take up what other replicas learned."""
    while True:
        await _attempt(parts.service.relearn_calibration, "calibrating confidence")
        await asyncio.sleep(CALIBRATION_S)


async def _keep_channel(parts: Parts) -> None:
    """Tell a channel of what is new."""
    if parts.chat.slack is None or parts.chat.slack.telling is None:
        return
    while True:
        await _attempt(parts.chat.slack.telling.look, "telling a channel")
        await asyncio.sleep(TELL_EVERY_S)


async def _keep_overview(parts: Parts) -> None:
    """Count the days of large workspaces before anybody looks at them."""
    while True:
        await _attempt(parts.overview.count_ahead, "counting days for the overview")
        await asyncio.sleep(OVERVIEW_S)


async def _keep_rationales(parts: Parts) -> None:
    """Embed what was embedded by another model; those who ask come between its steps."""
    while True:
        await _attempt(parts.decisions.embed_all, "embedding rationales")
        await asyncio.sleep(RATIONALES_S)


async def _keep_no_longer(parts: Parts) -> None:
    """Forget old idempotency keys and runs; again soon where PostgreSQL was away."""
    days = parts.settings.runs_kept_days
    kept = timedelta(days=days) if days else None
    while True:
        done = await _attempt(lambda: forget(parts.database, runs_kept=kept), "forgetting what is too old")
        await asyncio.sleep(FORGET_EVERY_S if done else LONGEST_PAUSE_S)


def advisor_settings(settings: Settings) -> AdvisorSettings:
    """The threshold of `fail` as it was set, or by the bound on wrong ones."""
    if settings.fail_confidence is not None:
        return AdvisorSettings(fail_from=settings.fail_confidence, wrong_fail_bound=None)
    bound = settings.wrong_fail_bound
    return AdvisorSettings(fail_from=shipped_fail_from(bound), wrong_fail_bound=bound)


async def _keep_signatures(parts: Parts) -> None:
    """Sign again what an older version signed: after an upgrade, and while another process still runs that version."""
    while True:
        await _attempt(lambda: resign(parts.database, wake=parts.indexer.wake), "signing again")
        await asyncio.sleep(RESIGN_EVERY_S)


async def _restart(parts: Parts) -> None:
    assert parts.postgres is not None  # noqa: S101 - asked by the caller
    log.warning("the embedded PostgreSQL has died and is started again")
    await asyncio.to_thread(parts.postgres.start)


async def _attempt(work: Callable[[], Awaitable[object]], what: str) -> bool:
    try:
        await work()
    except SpoolUnavailable as error:
        log.warning("%s failed: %s", what, type(error).__name__)
        return False
    except StoreUnavailable:
        return False
    except KnowledgeError as error:
        log.warning("%s failed: %s", what, type(error).__name__)
        return False
    except Exception:
        log.exception("%s failed", what)
        return False
    return True
