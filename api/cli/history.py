"""`seenbefore history`: who changed a precedent, when, why and what."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import click

from api.cli.asking import Document, Target, connect, target_options
from api.cli.output import json_option, show_json, show_table


@click.command("history", epilog="Exit codes: 0 answered, 2 wrong usage, 3 the service cannot be reached or refuses.")
@click.argument("precedent", type=click.UUID)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Most changes.")
@json_option
@target_options
def command(*, precedent: UUID, limit: int, as_json: bool, target: Target) -> None:
    """Show what was done to PRECEDENT (an id, as evidence and incidents name it), newest first.

    Take a change back with: seenbefore undo PRECEDENT CHANGE
    """
    with connect(target) as service:
        page = service.get(f"/precedents/{precedent}/history", params={"limit": limit})
    if as_json:
        show_json(page)
        return
    columns = ("change", "at", "author", "what", "reason", "after", "state")
    show_table(columns, [_row(each) for each in page["changes"]], title=f"History of {precedent}")


def _row(change: Document) -> tuple[str, ...]:
    state = "undone" if change["undone_by"] else ("can be undone" if change["undoable"] else "")
    what = change["action"].removeprefix("precedent.")
    shown = (change["author"] or "", what, change["reason"] or "", _said(change["after"]))
    return (change["id"], change["at"], *shown, state)


def _said(after: dict[str, Any] | None) -> str:
    """What was said, without what was not."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in (after or {}).items()
        if value is not None
    )
