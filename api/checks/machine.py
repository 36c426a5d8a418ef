"""The machine: Python, the data folder, the port, the clock."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.checks.check import Check, fail, ok, warn
from api.settings import Settings

OLDEST_PYTHON = (3, 11)
#: Bytes. A fresh data folder takes 150 MB; below the first nothing starts, below the second there is little to grow.
LEAST_FREE, LITTLE_FREE = 300_000_000, 2_000_000_000
#: This program was not there before; a clock that says so breaks TLS, ids by time, and every date of an incident.
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
LARGEST_SKEW = timedelta(seconds=5)


def python_version() -> Check:
    """Whether this Python is new enough."""
    found = sys.version.split()[0]
    if sys.version_info >= OLDEST_PYTHON:
        return ok("python", found)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return fail("python", f"{found} is too old", mend=f"install Python {oldest} or newer and make the environment anew")


def data_folder(settings: Settings) -> Check:
    """Whether the data folder, or the one it will be made in, can be written and has room."""
    name, folder = "data folder", settings.data.expanduser().absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        return fail(name, f"{existing} is not a folder", mend="choose another: SEENBEFORE_DATA or --data")
    if not os.access(existing, os.W_OK | os.X_OK):
        return fail(
            name, f"{existing} cannot be written", mend="give this user the right to, or choose another: --data"
        )
    return _room(name, folder, existing=existing)


def _room(name: str, folder: Path, *, existing: Path) -> Check:
    free = shutil.disk_usage(existing).free
    detail = f"{folder}{'' if existing == folder else ' (made at the first start)'}, {free / 1e9:.1f} GB free"
    mend = "free some space, or choose a folder on another disk: SEENBEFORE_DATA or --data"
    if free < LEAST_FREE:
        return fail(name, detail, mend=mend)
    return warn(name, detail, mend=mend) if free < LITTLE_FREE else ok(name, detail)


def port(settings: Settings, *, served: int | None) -> Check:
    """Whether the service has the port, or could take it; `served` is where one answers on this machine, if any."""
    address = f"{settings.host}:{settings.port}"
    if served == settings.port:
        return ok("port", f"{address} is the running service's")
    mend = "choose another: PORT=8001 make serve, or SEENBEFORE_PORT"
    elsewhere = "" if served is None else f" (the running service has {served})"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except (OSError, OverflowError) as error:
            bad = fail if served is None else warn
            return bad("port", f"{address}: {error}{elsewhere}", mend=mend)
    return ok("port", f"{address} is free{elsewhere}")


def clock(now: datetime, *, skew: timedelta | None) -> Check:
    """Whether the clock can be right, and how far it is from that of PostgreSQL's machine (None: it was not asked)."""
    shown = now.isoformat(timespec="seconds")
    mend = "set the clock; let it be kept by NTP (timedatectl set-ntp true)"
    if now < EARLIEST:
        return fail("clock", f"{shown} is in the past", mend=mend)
    if skew is not None and skew > LARGEST_SKEW:
        return warn("clock", f"{shown} differs from PostgreSQL's clock by {skew.total_seconds():.0f} s", mend=mend)
    return ok("clock", shown)
