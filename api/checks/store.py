"""PostgreSQL: its programs, whether it starts and answers, its schema, what the service put into it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.admin import postgres_folder, wait_for_server
from api.auth import any_key
from api.checks.check import Check, fail, ok, warn
from api.settings import Settings
from knowledge.errors import DataFolderInUse, KnowledgeError, StarterDataError
from knowledge.signature.signature import SIGNATURE_VERSION
from knowledge.starter.catalogue import read_catalogue
from knowledge.store import starter
from knowledge.store.binaries import find_binaries, major_version
from knowledge.store.database import Database
from knowledge.store.embedded import EmbeddedPostgres
from knowledge.store.migrate import current_revision
from knowledge.store.migrations import head


@dataclass(frozen=True, slots=True)
class Reached:
    """A PostgreSQL that answers. `trial` is one in a temporary folder, where there is no data folder yet."""

    url: str
    how: str
    trial: bool = False
    shared: bool = False


def programs(settings: Settings) -> Check:
    """Whether PostgreSQL's programs are there and new enough."""
    try:
        folder = find_binaries(settings.postgres_bin)
        version = major_version(folder)
    except KnowledgeError as error:
        mend = "install the package anew, or name a folder with PostgreSQL's programs: SEENBEFORE_POSTGRES_BIN"
        return fail("PostgreSQL programs", str(error), mend=mend)
    return ok("PostgreSQL programs", f"version {version} in {folder}")


@asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[Reached]:
    """The PostgreSQL of these settings, by the least that reaches it; raises `StoreUnavailable`."""
    if settings.database_url is not None:
        yield Reached(settings.database_url.get_secret_value(), "the server of SEENBEFORE_DATABASE_URL", shared=True)
        return
    async with AsyncExitStack() as stack:
        folder = postgres_folder(settings)
        trial = not (folder / "cluster").exists()
        if trial:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seenbefore-doctor-")))
        server = EmbeddedPostgres(folder, bin_dir=settings.postgres_bin)
        try:
            await asyncio.to_thread(server.start)
        except DataFolderInUse:
            yield Reached(await asyncio.to_thread(wait_for_server, folder), "the running service's", shared=True)
            return
        stack.push_async_callback(asyncio.to_thread, server.stop)
        how = "starts (tried in a temporary folder; yours is made at the first start)" if trial else "starts and stops"
        yield Reached(server.url, how, trial=trial)


async def answers(database: Database, *, how: str) -> tuple[Check, timedelta]:
    """That it answers, and how far its clock is from this machine's, whatever time the answer took."""
    async with database.connection() as connection:
        before = datetime.now(UTC)
        row = await (await connection.execute(b"SELECT clock_timestamp()")).fetchone()
        after = datetime.now(UTC)
        version = connection.info.parameter_status("server_version") or "of unknown version"
    assert row is not None  # noqa: S101 - for the type checker: this statement answers one row
    return ok("PostgreSQL", f"{version}, {how}"), max(before - row[0], row[0] - after, timedelta())


def schema(url: str) -> Check:
    """Whether the tables are those of this program (blocking)."""
    found, wanted = current_revision(url), head()
    if found == wanted:
        return ok("schema", f"revision {found}")
    if found is not None and found > wanted:
        mend = "install a version of this program that is at least as new as the one that used the data"
        return fail("schema", f"revision {found} is newer than this program's {wanted}", mend=mend)
    detail = "no tables yet" if found is None else f"revision {found}, this program's is {wanted}"
    return warn("schema", detail, mend="start the service: it brings the tables up to date")


async def starter_precedents(database: Database) -> Check:
    """Whether those that ship with this program are loaded."""
    name = "starter precedents"
    try:
        catalogue = await asyncio.to_thread(read_catalogue)
        number = len(await asyncio.to_thread(lambda: catalogue.precedents))
    except (StarterDataError, OSError) as error:
        return fail(name, str(error), mend="install the package anew")
    async with database.connection() as connection:
        loaded = await starter.loaded_version(connection)
    if loaded == f"{catalogue.version}/{SIGNATURE_VERSION}":
        return ok(name, f"{number} loaded")
    detail = "not loaded" if loaded is None else "those of another version are loaded"
    return warn(name, detail, mend="restart the service: it loads them")


async def authentication(database: Database, settings: Settings) -> Check:
    """Whether the address that is listened on needs keys, and has them."""
    if await any_key(database):
        return ok("authentication", "API keys exist: the service asks for them")
    if settings.loopback:
        return ok("authentication", "off: only this machine can reach the service")
    where = "" if settings.database_url else f" --data {settings.data}"
    mend = f"make a key: seenbefore keys create --workspace NAME --name NAME{where}"
    return fail("authentication", f"no API key, so the service refuses to listen on {settings.host}", mend=mend)
