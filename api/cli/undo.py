"""`seenbefore undo`: take a correction of a precedent back."""

from __future__ import annotations

import json
from uuid import UUID

import click

from api.cli.asking import Target, connect, target_options
from api.cli.output import json_option, say, show_json
from api.wording import counted


@click.command("undo", epilog="Exit codes: 0 undone, 2 wrong usage, 3 the service cannot be reached or refuses.")
@click.argument("precedent", type=click.UUID)
@click.argument("change", type=click.UUID)
@click.option("--author", help="Who takes it back; kept in the history.")
@click.option("--reason", help="Why; kept in the history.")
@json_option
@target_options
def command(
    *, precedent: UUID, change: UUID, author: str | None, reason: str | None, as_json: bool, target: Target
) -> None:
    """Take back CHANGE of PRECEDENT: an override, a merge, a split, or an undo of one.

    `seenbefore history PRECEDENT` shows the changes.
    """
    body = {"change": str(change), "author": author, "reason": reason}
    with connect(target) as service:
        read = service.get(f"/precedents/{precedent}")
        after = service.post(
            f"/precedents/{precedent}/undo", json.dumps(body).encode(), headers={"If-Match": f'"{read["version"]}"'}
        )
    if as_json:
        show_json(after)
    else:
        seen = counted(after["occurrences"], "time")
        say(f"undone: {change}; the precedent {after['id']} is {after['verdict']}, seen {seen}")
