"""Bring the starter precedents into the store, once a version, and to hand for the advisor."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from knowledge.advisor.advice import Neighbour
from knowledge.advisor.starters import Starters, Wording
from knowledge.embedding import Embedder
from knowledge.failures import Failure, Source, Verdict
from knowledge.index.port import vector_of
from knowledge.indexer import embed_missing
from knowledge.signature import sign
from knowledge.signature.signature import SIGNATURE_VERSION
from knowledge.starter.catalogue import Catalogue
from knowledge.starter.vectors import Lending, VectorFile
from knowledge.store import index_queue, starter
from knowledge.store.database import Database
from knowledge.store.records import StarterRow, StarterWording

log = logging.getLogger(__name__)


async def load_starter(database: Database, catalogue: Catalogue, *, embedder: Embedder, vectors: Path) -> Starters:
    """Load and embed what is not loaded yet (half a minute, once a version), then read all of it.

    `vectors` is the folder that keeps a file of what was embedded: a store that finds it there takes seconds.
    """
    wanted = f"{catalogue.version}/{SIGNATURE_VERSION}"
    async with database.connection() as connection:
        present = await starter.loaded_version(connection) == wanted
    if not present:
        await _load(database, wanted, await asyncio.to_thread(_sign_all, catalogue))
    await _embed(database, embedder, folder=vectors)
    async with database.connection() as connection:
        wordings = await starter.wordings(connection)
    return await asyncio.to_thread(lambda: Starters([_wording(each) for each in wordings]))


async def _load(database: Database, version: str, rows: list[StarterRow]) -> None:
    async with database.connection() as connection:
        # Every signature's profile is made of starter precedents. First, for it holds a page of precedents at a time:
        # whoever records does not wait, and where this ends here, it is all done anew.
        await index_queue.mark_all_stale(connection)
        loaded = await starter.load(connection, version, rows)
    log.info("loaded %d starter precedents with %d wordings", loaded.precedents, loaded.signatures)


async def _embed(database: Database, embedder: Embedder, *, folder: Path) -> None:
    file = VectorFile(folder, model_id=embedder.model_id, dimensions=embedder.dimensions)
    lending = Lending(embedder, file=file)
    while await embed_missing(database, lending):
        pass
    if lending.computed or not await asyncio.to_thread(file.read):
        async with database.connection() as connection:
            made = await starter.vectors(connection, model_id=embedder.model_id)
        await asyncio.to_thread(lambda: file.write({text: vector_of(stored) for text, stored in made.items()}))


def _sign_all(catalogue: Catalogue) -> list[StarterRow]:
    rows = [
        StarterRow(precedent, tuple(sign(Failure(text=wording)) for wording in precedent.wordings))
        for precedent in catalogue.precedents
    ]
    return without_contradictions(rows)


def without_contradictions(rows: list[StarterRow]) -> list[StarterRow]:
    """A wording that masks to the same as one with the other verdict decides nothing: neither precedent keeps it."""
    verdicts: dict[str, set[Verdict]] = defaultdict(set)
    for row in rows:
        for signature in row.signatures:
            verdicts[signature.fingerprint].add(row.precedent.verdict)
    return [
        replace(row, signatures=tuple(each for each in row.signatures if len(verdicts[each.fingerprint]) == 1))
        for row in rows
    ]


def _wording(loaded: StarterWording) -> Wording:
    return Wording(
        neighbour=Neighbour(
            precedent_id=loaded.precedent_id,
            source=Source.STARTER,
            similarity=0.0,
            verdict=loaded.verdict,
            template=loaded.template,
            cause=loaded.cause,
            action=loaded.action,
            exceptions=loaded.exceptions,
            codes=loaded.codes,
            operations=loaded.operations,
            terms=loaded.terms,
            title=loaded.title,
            resolution=loaded.resolution,
        ),
        vector=vector_of(loaded.embedding),
    )
