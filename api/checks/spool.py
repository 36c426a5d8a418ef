"""The spool: what waits for PostgreSQL, and what could not be written."""

from __future__ import annotations

from api.checks.check import Check, fail, ok, warn
from api.settings import Settings
from knowledge.errors import SpoolUnavailable
from knowledge.spool import FILE, look_into

NAME = "spool"


def spool(settings: Settings) -> Check:
    """Look into the spool of the data folder, whether or not a service uses it (blocking)."""
    path = settings.data / FILE
    try:
        found = look_into(path)
    except SpoolUnavailable as error:
        mend = f"look at space and rights of {settings.data}; if the file is damaged, move {path} aside and restart"
        return fail(NAME, str(error), mend=mend)
    if found.refused:
        detail = f"{found.waiting} waiting for PostgreSQL, {found.refused} that could not be written"
        mend = f"read the table `refused` of {path} (sqlite3): its column `reason` says why; delete what is settled"
        return warn(NAME, detail, mend=mend)
    return ok(NAME, f"{found.waiting} waiting for PostgreSQL")
