"""What was judged with what came out, and what workspaces learned from it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from knowledge.advisor.calibration import FAIL_GRID, Calibration, Fit, Judged
from knowledge.advisor.strategy import FAIL_FROM_SIMILARITY
from knowledge.failures import DecisionAction, Verdict
from knowledge.store.database import Connection
from knowledge.store.rows import execute, fetch_all, fetch_one, to_json

#: Advice that is looked at: enough for a share of 2 % to be known to 0.3 %, and what the workspace was long ago fades.
LATEST = 2_000


async def due(connection: Connection, *, every: timedelta) -> dict[int, datetime]:
    """Workspaces of which something came out since what they learned was saved, at least `every` ago; with the time."""
    return {row["workspace_id"]: row["at"] for row in await fetch_all(connection, "calibration.due", every=every)}


async def judged(
    connection: Connection, *, workspace_id: int, of_each: int = LATEST, limit: int = LATEST
) -> list[Judged]:
    """The latest advice of which the truth is known, newest first; of each precedent at most `of_each`."""
    rows = await fetch_all(connection, "calibration.judged", workspace_id=workspace_id, of_each=of_each, limit=limit)
    return [_judged(row) for row in rows]


async def latest(connection: Connection, *, workspace_id: int) -> datetime | None:
    """When something last came out of which a workspace learns."""
    row = await fetch_one(connection, "calibration.latest", workspace_id=workspace_id)
    return row["at"] if row else None


async def save(connection: Connection, *, workspace_id: int, fit: Fit | None, at: datetime) -> None:
    """Keep what a workspace learned from what had come out until `at`; None: too little to learn from."""
    document = None if fit is None else to_json(_document(fit))
    await execute(connection, "calibration.save", workspace_id=workspace_id, fit=document, at=at)


async def fits(connection: Connection) -> dict[int, Fit]:
    """What workspaces learned, by id; what an older version kept of other thresholds is left out."""
    rows = await fetch_all(connection, "calibration.all")
    found = {row["workspace_id"]: _fit(row["fit"]) for row in rows}
    return {id: fit for id, fit in found.items() if len(fit.wrong_fails) == len(FAIL_GRID)}


def _judged(row: dict[str, Any]) -> Judged:
    return Judged(
        precedent=row["precedent"],
        odds=row["odds"],
        verdict=Verdict(row["verdict"]),
        confidence=row["confidence"],
        decision=DecisionAction(row["decision"]),
        near=(row["nearest"] or 0.0) >= FAIL_FROM_SIMILARITY,
        said=Verdict(row["said"]) if row["said"] else None,
        passed=None if row["result"] is None else row["result"] == "succeeded",
    )


def _document(fit: Fit) -> dict[str, Any]:
    return {**asdict(fit.calibration), "judged": fit.judged, "wrong_fails": fit.wrong_fails}


def _fit(document: dict[str, Any]) -> Fit:
    calibration = Calibration(document["slope"], document["intercept"])
    return Fit(calibration, document["judged"], tuple(document["wrong_fails"]))
