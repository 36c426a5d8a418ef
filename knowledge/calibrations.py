"""Each workspace's own calibration: learned beside the answers, kept in PostgreSQL, read by the answers from memory."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from knowledge.advisor import calibration as calibrating
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.calibration import Fit, Measured
from knowledge.errors import KnowledgeError
from knowledge.store import calibration as stored
from knowledge.store.database import Database

log = logging.getLogger(__name__)

#: A workspace is looked at again after so long at the earliest, by whichever replica comes first.
REFIT_EVERY = timedelta(minutes=10)
#: Storms and merges change the truth of what came out before, too: they are seen after so long.
REMEMBERED_S = 30.0


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Figures of a workspace, by what had come out until `latest`; good until that time of the monotonic clock."""

    measured: Measured
    latest: datetime | None
    until: float


class Calibrations:
    """What workspaces learned of confidence, and the settings that follow from it."""

    def __init__(self, database: Database, *, settings: AdvisorSettings) -> None:
        self._database = database
        self._shipped = settings
        self._fits: dict[int, Fit] = {}
        self._settings: dict[int, AdvisorSettings] = {}
        self._failed_at: dict[int, float] = {}
        self._measured: dict[int, _Remembered] = {}

    def settings_of(self, workspace_id: int | None) -> AdvisorSettings:
        """The settings in force for a workspace; those that ship where it has not learned its own."""
        return self._shipped if workspace_id is None else self._settings.get(workspace_id, self._shipped)

    def fit_of(self, workspace_id: int) -> Fit | None:
        """What a workspace learned."""
        return self._fits.get(workspace_id)

    async def relearn(self, *, every: timedelta = REFIT_EVERY) -> int:
        """Learn for the workspaces of which something new came out, and take up what all replicas learned.

        How many workspaces were looked at. One that fails stops no other, and is due again `every` later. Raises
        `StoreUnavailable`.
        """
        async with self._database.connection() as connection:
            due = await stored.due(connection, every=every)
        waited = time.monotonic() - every.total_seconds()
        taken = [each for each in due if self._failed_at.get(each, waited) <= waited]
        learned = [await self._learned(each, at=due[each]) for each in taken]
        async with self._database.connection() as connection:
            self._take_up(await stored.fits(connection))
        return sum(learned)

    async def measured(self, workspace_id: int) -> Measured:
        """How a workspace's latest answers fared of which the truth is known.

        It takes a tenth of a second where there are many, so it is remembered for `REMEMBERED_S` while nothing new
        comes out.
        """
        async with self._database.connection() as connection:
            latest = await stored.latest(connection, workspace_id=workspace_id)
            known = self._measured.get(workspace_id)
            if known is not None and known.latest == latest and time.monotonic() < known.until:
                return known.measured
            judged = await stored.judged(connection, workspace_id=workspace_id)
        measured = await asyncio.to_thread(calibrating.measure, judged)
        self._measured[workspace_id] = _Remembered(measured, latest=latest, until=time.monotonic() + REMEMBERED_S)
        return measured

    async def _learned(self, workspace_id: int, *, at: datetime) -> bool:
        """Whether a workspace was learned from, which marks it. The fit takes no connection from those who ask."""
        try:
            async with self._database.connection() as connection:
                judged = await stored.judged(connection, workspace_id=workspace_id, of_each=calibrating.MOST_OF_ONE)
            fit = await asyncio.to_thread(calibrating.fit, judged)
            async with self._database.connection() as connection:
                await stored.save(connection, workspace_id=workspace_id, fit=fit, at=at)
        except Exception as error:
            self._failed_at[workspace_id] = time.monotonic()
            unexpected = None if isinstance(error, KnowledgeError) else error
            reason = type(error).__name__
            log.warning("calibrating workspace %d failed: %s", workspace_id, reason, exc_info=unexpected)
            return False
        self._failed_at.pop(workspace_id, None)
        return True

    def _take_up(self, fits: dict[int, Fit]) -> None:
        self._fits = fits
        self._settings = {workspace_id: self._with(fit) for workspace_id, fit in fits.items()}

    def _with(self, fit: Fit) -> AdvisorSettings:
        bound = self._shipped.wrong_fail_bound
        threshold = self._shipped.fail_from if bound is None else calibrating.fail_from(fit, bound=bound)
        return replace(self._shipped, calibration=fit.calibration, fail_from=threshold)
