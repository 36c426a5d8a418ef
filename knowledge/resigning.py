"""Signing again what an older version signed, so that fingerprints change and what is known of them does not.

Safe with several processes, and after a kill: what is done is done in small transactions, and what is left is found by
asking PostgreSQL. Starter precedents are signed again by their own loader.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence

from knowledge.errors import InvalidInput, StoreBusy, StoreUnavailable
from knowledge.failures import ErrorInfo, Failure
from knowledge.intake import prepare_now
from knowledge.signature.signature import SIGNATURE_VERSION, Signature
from knowledge.store import resigning
from knowledge.store.contention import anew
from knowledge.store.database import Database
from knowledge.store.resigning import Pending, Sample, Wording

AT_ONCE = 50
#: Incidents of a signature that are signed again, the latest. Of those beyond, nobody knows whether a new masking tells
#: them apart: they stay with the wording that most of these have.
SAMPLES = 50

log = logging.getLogger(__name__)


async def pending(database: Database, *, version: int = SIGNATURE_VERSION) -> int:
    """How many signatures are of an older version, and were not looked at for this one."""
    async with database.connection() as connection:
        return await resigning.pending_count(connection, version=version)


async def resign(
    database: Database, *, wake: Callable[[], None] = lambda: None, version: int = SIGNATURE_VERSION
) -> int:
    """Sign again what an older version signed and no other process has claimed; how many signatures were looked at.

    One that cannot be signed again is logged, stays as it is, and is not looked at again for this version. `wake` is
    called after each batch: there is something to embed and to index. Raises `StoreUnavailable`.
    """
    total = 0
    while done := await _resign_some(database, version=version):
        total += done
        wake()
    if total:
        log.info("looked at %d signatures of older versions, to sign them again for version %d", total, version)
    return total


async def _resign_some(database: Database, *, version: int) -> int:
    async with database.transaction() as claims:
        claimed = await resigning.claim(claims, version=version, limit=AT_ONCE)
        for each in claimed:
            try:
                await _resign_one(database, each, version=version)
            except (StoreUnavailable, StoreBusy):
                raise
            except Exception as error:  # of whatever kind: it would be the first in line again, for ever
                _log_given_up(each, error, version=version)
                async with database.transaction() as connection:
                    await resigning.give_up(connection, each, version=version)
    return len(claimed)


async def _resign_one(database: Database, pending: Pending, *, version: int) -> None:
    async with database.connection() as connection:
        samples = await resigning.samples(connection, pending.id, limit=SAMPLES)
    wordings = await asyncio.to_thread(_wordings, samples)

    async def work() -> None:
        async with database.transaction() as connection:
            await resigning.apply(connection, pending, wordings, version=version)

    await anew(work)


def _log_given_up(pending: Pending, error: Exception, *, version: int) -> None:
    """Where it went wrong, and not in what words: an error may quote what was reported."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "nowhere"
    kind = type(error).__name__
    log.error("signature %s cannot be signed again for version %d: %s in %s", pending.id, version, kind, place)


def _wordings(samples: Sequence[Sample]) -> list[Wording]:
    """What the incidents sign to now, the most frequent first, of equals the one reported last."""
    signatures: dict[str, Signature] = {}
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        signature = _signed(sample)
        if signature is not None:
            signatures.setdefault(signature.fingerprint, signature)
            groups[signature.fingerprint].append(sample)
    frequent = sorted(groups, key=lambda fingerprint: -len(groups[fingerprint]))
    return [Wording(signatures[fingerprint], groups[fingerprint]) for fingerprint in frequent]


def _signed(sample: Sample) -> Signature | None:
    failure = Failure(error=ErrorInfo(**sample.error) if sample.error else None, text=sample.text)
    try:
        return prepare_now(failure).signature
    except InvalidInput:  # scrubbing by newer rules has left nothing
        return None
