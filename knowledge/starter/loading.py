"""Bring the starter precedents into the store, once a version, and learn from them how much each word says."""

from __future__ import annotations

import asyncio
import logging

from knowledge.advisor.term_weights import TermWeights
from knowledge.failures import Failure
from knowledge.signature import sign
from knowledge.signature.signature import SIGNATURE_VERSION
from knowledge.starter.catalogue import Catalogue
from knowledge.store import index_queue, settings, starter
from knowledge.store.database import Database
from knowledge.store.records import StarterRow

TERMS_KEY = "starter_terms"

log = logging.getLogger(__name__)


async def load_starter(database: Database, catalogue: Catalogue) -> TermWeights:
    """Load what is not loaded yet; the weights of words come from the same texts, so they are kept beside them."""
    wanted = f"{catalogue.version}/{SIGNATURE_VERSION}"
    async with database.connection() as connection:
        if await starter.loaded_version(connection) == wanted:
            kept = await settings.get(connection, TERMS_KEY)
            if kept:
                return TermWeights(documents=kept["documents"], frequencies=kept["frequencies"])
    rows = await asyncio.to_thread(_sign_all, catalogue)
    terms = TermWeights.of(signature.terms for row in rows for signature in row.signatures)
    async with database.connection() as connection:
        await settings.put(connection, TERMS_KEY, {"documents": terms.documents, "frequencies": terms.frequencies})
        loaded = await starter.load(connection, wanted, rows)
        # Every signature's profile is made of starter precedents.
        await index_queue.mark_all_stale(connection)
    log.info("loaded %d starter precedents with %d signatures", loaded.precedents, loaded.signatures)
    return terms


def _sign_all(catalogue: Catalogue) -> list[StarterRow]:
    return [
        StarterRow(precedent, tuple(sign(Failure(text=wording)) for wording in precedent.wordings))
        for precedent in catalogue.precedents
    ]
