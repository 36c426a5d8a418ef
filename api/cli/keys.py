"""`seenbefore keys`: API keys, each of which opens one workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from api.cli.offline import data_option, note, run, settings_in_use
from api.cli.output import json_option, say, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from knowledge.store.database import Connection
    from knowledge.store.records import ApiKeyRecord

LONGEST_NAME = 200


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys, whether or not the service runs.

    From half a minute after the first key was made, every request needs one; revoking the last opens nothing again.
    """


@command.command("create")
@click.option("--workspace", required=True, help="Workspace that the key opens; made if need be.")
@click.option("--name", required=True, help="What you will know the key by.")
@data_option
@json_option
def create(*, workspace: str, name: str, data: Path | None, as_json: bool) -> None:
    """Make a key. Its secret is printed this once, to standard output; nothing but its hash is kept."""
    check_workspace(workspace)
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise click.UsageError(f"--name has 1 to {LONGEST_NAME} printable characters")

    async def work(connection: Connection) -> tuple[ApiKeyRecord, str, bool]:
        from knowledge.store import api_keys, workspaces  # noqa: PLC0415 - not needed for help

        first = not await api_keys.list_all(connection)
        workspace_id = await workspaces.ensure(connection, workspace)
        key, secret = await api_keys.create(connection, workspace_id=workspace_id, name=name)
        return key, secret, first

    key, secret, first = _in_store(work, data=data)
    if as_json:
        show_json({**_document(key), "secret": secret})
    else:
        say(f"key {key.id} opens workspace {key.workspace}. Its secret, shown this once:", err=True)
        say(secret)
    if first:
        say("This is the first key: within half a minute, a service that runs asks for one.", err=True)


@command.command("list")
@click.option("--workspace", help="Only the keys of this workspace.")
@data_option
@json_option
def list_keys(*, workspace: str | None, data: Path | None, as_json: bool) -> None:
    """List keys, oldest first, without their secrets."""

    async def work(connection: Connection) -> list[ApiKeyRecord]:
        from knowledge.store import api_keys  # noqa: PLC0415 - not needed for help

        return await api_keys.list_all(connection)

    keys = [key for key in _in_store(work, data=data) if workspace in (None, key.workspace)]
    if as_json:
        show_json({"keys": [_document(key) for key in keys]})
        return
    rows = [[str(value or "") for value in _document(key).values()] for key in keys]
    show_table(("id", "workspace", "name", "created", "revoked"), rows)


@command.command("revoke")
@click.argument("key_id", type=click.UUID, metavar="ID")
@data_option
def revoke(*, key_id: UUID, data: Path | None) -> None:
    """End a key: within half a minute it opens nothing any more."""

    async def work(connection: Connection) -> ApiKeyRecord:
        from knowledge.errors import NotFound  # noqa: PLC0415 - not needed for help
        from knowledge.store import api_keys  # noqa: PLC0415

        found = next((key for key in await api_keys.list_all(connection) if key.id == key_id), None)
        if found is None:
            raise NotFound("There is no such API key.")
        await api_keys.revoke(connection, workspace_id=found.workspace_id, id=key_id)
        return found

    key = _in_store(work, data=data)
    say(f"key {key.id} ({key.name}) opens workspace {key.workspace} no longer")


def check_workspace(name: str) -> None:
    """Refuse what the service would refuse as `X-Workspace`."""
    from api.context import checked_workspace  # noqa: PLC0415 - not needed for help
    from api.problems import Problem  # noqa: PLC0415

    try:
        checked_workspace(name)
    except Problem as problem:
        raise click.UsageError(f"--workspace: {problem}") from None


def _in_store(work: Callable[[Connection], Awaitable[Any]], *, data: Path | None) -> Any:
    settings = settings_in_use(data=data)

    async def opened() -> Any:
        from api.admin import open_store_beside  # noqa: PLC0415 - not needed for help

        async with open_store_beside(settings, say=note) as store, store.database.transaction() as connection:
            return await work(connection)

    return run(opened)


def _document(key: ApiKeyRecord) -> dict[str, str | None]:
    return {
        "id": str(key.id),
        "workspace": key.workspace,
        "name": key.name,
        "created_at": key.created_at.isoformat(timespec="seconds"),
        "revoked_at": key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else None,
    }
