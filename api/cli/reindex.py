"""`seenbefore reindex`: rebuild the index from PostgreSQL."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli.asking import ServiceTrouble, Target, connect, target_options
from api.cli.offline import data_option, note, run, settings_in_use
from api.cli.output import json_option, show_fields, show_json
from api.cli.progress import Advance, progress

if TYPE_CHECKING:
    from api.rebuild import Rebuilt

EPILOG = "Exit codes: 0 index and PostgreSQL agree, 1 they do not or something is away, 2 wrong usage."


@click.command("reindex", epilog=EPILOG)
@data_option
@json_option
@target_options
def command(*, data: Path | None, as_json: bool, target: Target) -> None:
    """Rebuild all of Qdrant from PostgreSQL.

    What an earlier version has signed is signed again first; what people said of it stays.

    If the service runs, its own index worker does it while it goes on answering. With SEENBEFORE_DATABASE_URL and
    SEENBEFORE_QDRANT_URL the servers are used directly. `--url` is asked how many points a running service has.
    """
    settings = settings_in_use(data=data)

    async def work() -> Rebuilt:
        from api.rebuild import rebuild  # noqa: PLC0415 - not needed for help

        with contextlib.ExitStack() as stack:
            return await rebuild(
                settings,
                say=note,
                to_sign=_Bar(stack, "signing again").left,
                left=_Bar(stack, "indexing").left,
                points=lambda: _points_of(target),
            )

    rebuilt = run(work)
    if as_json:
        show_json({**asdict(rebuilt), "agree": rebuilt.agree})
    else:
        shown = "unknown: no service answers at --url" if rebuilt.points is None else str(rebuilt.points)
        fields = [("signatures in PostgreSQL", str(rebuilt.signatures)), ("points in the index", shown)]
        show_fields([*fields, ("agree", "yes" if rebuilt.agree else "no")], title="Rebuilt")
    if not rebuilt.agree:
        raise click.ClickException("Restart the service: it removes points that PostgreSQL does not know.")


class _Bar:
    """A bar whose length is known with the first number of what is left; it goes when nothing is."""

    def __init__(self, stack: contextlib.ExitStack, label: str) -> None:
        self._stack = stack.enter_context(contextlib.ExitStack())
        self._label = label
        self._before = 0
        self._advance: Advance | None = None

    def left(self, count: int) -> None:
        """What is left to do now."""
        if self._advance is None:
            self._advance = self._stack.enter_context(progress(self._label, total=count, unit="steps"))
            self._before = count
        self._advance(max(0, self._before - count))
        self._before = min(self._before, count)
        if not count:
            self._stack.close()  # a terminal shows one bar at a time
            self._advance = None


def _points_of(target: Target) -> int | None:
    """Points of the service at this address; None when it does not tell."""
    try:
        with connect(target) as service:
            points = service.get("/health/ready")["precedents_indexed"]
    except ServiceTrouble:
        return None
    return points if isinstance(points, int) else None
