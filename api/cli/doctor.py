"""`seenbefore doctor`: look at everything, and say what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from api.checks.check import Check, Status, fail, ok, warn, worst
from api.cli.asking import (
    Document,
    NoService,
    ServiceAway,
    ServiceTrouble,
    Target,
    connect,
    is_local,
    target_options,
)
from api.cli.offline import data_option, quiet
from api.cli.output import is_terminal, json_option, say, show_json

if TYPE_CHECKING:
    from api.checks.index import Ask
    from api.checks.store import Reached
    from api.settings import Settings
    from knowledge.store.database import Database

COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}


@click.command("doctor", epilog="Exit codes: 0 nothing fails, 1 something does, 2 wrong usage.")
@data_option
@json_option
@target_options
def command(*, data: Path | None, as_json: bool, target: Target) -> None:
    """Check Python, settings, data folder, PostgreSQL, index, model and service, whether or not the service runs."""

    async def work() -> list[Check]:
        found = []
        async for check in examine(data=data, target=target):
            found.append(check)
            if not as_json:
                _show(check)
        return found

    with quiet():
        checks = asyncio.run(work())
    if as_json:
        show_json({"status": worst(checks), "checks": [_document(check) for check in checks]})
    if worst(checks) is Status.FAIL:
        raise click.exceptions.Exit(1)


async def examine(*, data: Path | None, target: Target) -> AsyncIterator[Check]:
    """All checks, each as soon as it is made."""
    from api.checks import machine, model, spool, store  # noqa: PLC0415 - not needed for help
    from api.settings import SettingsError, load_settings  # noqa: PLC0415

    yield machine.python_version()
    try:
        settings = load_settings(data=data)
    except SettingsError as error:
        yield fail("settings", str(error), mend="correct or unset them; the README lists all settings")
        return
    yield ok("settings", "understood")
    yield machine.data_folder(settings)
    service, health = service_check(target)
    yield service
    yield machine.port(settings, served=_port_of(target) if health is not None else None)
    yield spool.spool(settings)
    yield await asyncio.to_thread(model.model, settings)
    if settings.database_url is None:
        yield store.programs(settings)
    ask = (lambda: service_check(target)[1]) if health else None
    async for check in _of_store(settings, ask=ask):
        yield check


def service_check(target: Target) -> tuple[Check, Document | None]:
    """Whether the service answers and can give advice, and what it said (None when nothing answers, or another)."""
    try:
        with connect(target) as service:
            health = service.get("/health/ready")
    except NoService:
        mend = "start it: make serve; or name its address: --url"
        return warn("service", f"none answers at {target.shown}", mend=mend), None
    except ServiceAway:
        return fail("service", f"{target.shown} answers, and can give no advice", mend="see the parts below"), {}
    except ServiceTrouble as trouble:
        return fail("service", str(trouble), mend="see its log; or name another address: --url"), None
    pending, spooled = health.get("index_pending"), health.get("spooled")
    detail = f"{health.get('status')} at {target.shown}, {pending} pending, {spooled} spooled"
    if health.get("status") == "ok":
        return ok("service", detail), health
    parts = ", ".join(f"{name}: {said}" for name, said in dict(health.get("parts", {})).items())
    return warn("service", f"{detail} ({parts})", mend="see the parts below, and the service's log"), health


def _port_of(target: Target) -> int | None:
    """The port where the service answers; None when that is on another machine."""
    parts = urlsplit(target.url)
    return (parts.port or {"http": 80, "https": 443}[parts.scheme]) if is_local(target) else None


async def _of_store(settings: Settings, *, ask: Ask | None) -> AsyncIterator[Check]:
    """PostgreSQL, and all that needs it."""
    from api.checks import machine, store  # noqa: PLC0415 - not needed for help
    from knowledge.errors import KnowledgeError  # noqa: PLC0415
    from knowledge.store.database import Database  # noqa: PLC0415

    skew = None
    try:
        async with store.reach(settings) as reached, Database(reached.url) as database:
            check, skew = await store.answers(database, how=reached.how)
            yield check
            if not reached.trial:
                async for check in _of_content(settings, database=database, reached=reached, ask=ask):
                    yield check
    except KnowledgeError as error:
        where = "the server" if settings.database_url else f"{settings.data / 'postgres' / 'postgres.log'}"
        yield fail("PostgreSQL", str(error), mend=f"look at {where}, and at space and rights of the data folder")
    yield machine.clock(datetime.now(UTC), skew=skew)


async def _of_content(
    settings: Settings, *, database: Database, reached: Reached, ask: Ask | None
) -> AsyncIterator[Check]:
    """What the service put into PostgreSQL, and whether the index shows it."""
    from api.checks import index, store  # noqa: PLC0415 - not needed for help

    schema = await asyncio.to_thread(store.schema, reached.url)
    yield schema
    if schema.status is not Status.OK:
        return
    yield await store.authentication(database, settings)
    yield await store.starter_precedents(database)
    if ask is not None and reached.shared:
        yield await index.of_service(database, ask)
    else:
        yield await index.of_settings(database, settings)


def _show(check: Check) -> None:
    status = f"{check.status:<5}"
    shown = click.style(status, fg=COLOURS[check.status]) if is_terminal() else status
    click.echo(shown, nl=False)
    say(f"{check.name}: {check.detail}")
    if check.mend:
        say(f"     -> {check.mend}")


def _document(check: Check) -> dict[str, str]:
    return {"name": check.name, "status": check.status, "detail": check.detail, "mend": check.mend}
