"""Ids of failures that their host can name: a backfill of its history makes the same, so that both are one incident."""

from __future__ import annotations

import hashlib

#: Characters that the service takes.
LONGEST = 500


def id_of(host: str, *parts: object) -> str:
    """`airflow:nightly:manual__2026-11-20:load:-1:2`, or a hash where that is too long."""
    named = [str(part) for part in parts]
    id = ":".join((host, *named))
    if len(id) <= LONGEST:
        return id
    return f"{host}:{hashlib.sha256(chr(0).join(named).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
