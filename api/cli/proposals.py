"""`seenbefore proposals`: resolutions that were proposed, shown, accepted and rejected."""

from __future__ import annotations

import json
from uuid import UUID

import click

from api.cli.asking import Document, ServiceTrouble, Target, connect, target_options
from api.cli.output import json_option, say, show_json, show_table
from api.untrusted import one_line

EPILOG = "Exit codes: 0 done, 2 wrong usage, 3 the service cannot be reached or refuses."


@click.group("proposals", epilog=EPILOG)
def command() -> None:
    """Resolutions that agents or people have proposed. They count once a person has accepted them."""


@command.command("list", epilog=EPILOG)
@click.option(
    "--state",
    type=click.Choice(["proposed", "accepted", "rejected"]),
    default="proposed",
    show_default=True,
    help="Where they stand.",
)
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="Most proposals.")
@json_option
@target_options
def list_(*, state: str, limit: int, as_json: bool, target: Target) -> None:
    """Show proposals, newest first."""
    with connect(target) as service:
        page = service.get("/resolutions", params={"state": state, "limit": limit})
    if as_json:
        show_json(page)
        return
    if not page["resolutions"]:
        say(f"No resolution is {state}.")
        return
    rows = [_row(each) for each in page["resolutions"]]
    show_table(("id", "proposed by", "precedent", "what"), rows, title=f"Resolutions: {state}")
    if page["next"]:
        say("There are more; --limit shows them.", err=True)


@command.command("accept", epilog=EPILOG)
@click.argument("proposal", type=click.UUID)
@click.option("--author", help="Who accepts it: not who proposed it. Kept in the history.")
@click.option("--reason", help="Why; kept in the history.")
@json_option
@target_options
def accept(*, proposal: UUID, author: str | None, reason: str | None, as_json: bool, target: Target) -> None:
    """Make PROPOSAL a resolution, which advice shows from now on."""
    _decide("accept", proposal, author=author, reason=reason, as_json=as_json, target=target)


@command.command("reject", epilog=EPILOG)
@click.argument("proposal", type=click.UUID)
@click.option("--author", help="Who rejects it; kept in the history.")
@click.option("--reason", help="Why; kept in the history.")
@json_option
@target_options
def reject(*, proposal: UUID, author: str | None, reason: str | None, as_json: bool, target: Target) -> None:
    """Put PROPOSAL aside for good."""
    _decide("reject", proposal, author=author, reason=reason, as_json=as_json, target=target)


def _decide(
    decision: str, proposal: UUID, *, author: str | None, reason: str | None, as_json: bool, target: Target
) -> None:
    body = json.dumps({"author": author, "reason": reason}).encode()
    try:
        with connect(target) as service:
            decided = service.post(f"/resolutions/{proposal}/{decision}", body)
    except ServiceTrouble as trouble:
        if author is None and "author" in trouble.fields:  # the service speaks of the field, people have an option
            raise click.UsageError("Say who decides, with --author NAME: no API key with a name asks.") from None
        raise
    if as_json:
        show_json(decided)
    else:
        say(f"{decided['state']}: {one_line(decided['summary'])}")


def _row(proposal: Document) -> tuple[str, str, str, str]:
    return (proposal["id"], proposal["proposed_by"] or "", proposal["precedent_id"], proposal["summary"])
