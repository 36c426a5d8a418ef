"""Schemas of attributes: by domain, in versions that are added in order and never changed.

Rows keep the version that they were written with; readers get them brought up to the one they ask for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any, TypeAlias

import orjson

from knowledge.errors import Conflict, InvalidInput, NotFound
from knowledge.signature.scrub import scrub
from knowledge.state.holding import check_can_hold
from knowledge.state.json_schemas import JsonSchema, Problem, check_attributes_size, check_schema_size
from knowledge.state.schema_texts import without_secrets
from knowledge.state.succession import check_succession
from knowledge.state.upcasting import Operation, Part, read_operations, upcast
from knowledge.store import schemas as stored
from knowledge.store.database import Connection
from knowledge.store.schemas import SchemaRow

#: Domains of a workspace and versions of a domain.
MOST_DOMAINS = 100
MOST_VERSIONS = 100
#: Domains kept in memory, with all their versions.
MOST_KEPT = 50
#: Attributes with more entries are checked beside the event loop.
FEW_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a domain's schema, ready to check and to bring up to."""

    row: SchemaRow
    run: JsonSchema
    step: JsonSchema | None
    upcast: tuple[Operation, ...]

    @classmethod
    def of(cls, row: SchemaRow) -> Version:
        """Raises `InvalidInput`, which names the field, for what is no schema."""
        return cls(
            row,
            run=JsonSchema(row.run, field="run"),
            step=None if row.step is None else JsonSchema(row.step, field="step"),
            upcast=read_operations(row.upcast),
        )

    def problem(self, attributes: Mapping[str, Any], *, part: Part) -> Problem | None:
        """What is wrong with the attributes; steps may have any where nothing is said of them."""
        schema = self.run if part == "run" else self.step
        return None if schema is None else schema.first_problem(attributes)

    def from_before(self, attributes: Mapping[str, Any], *, part: Part) -> dict[str, Any]:
        """Attributes of the version before, brought to this one."""
        return upcast(attributes, self.upcast, part=part)


#: All versions of a domain, the first first.
Versions: TypeAlias = tuple[Version, ...]


class Schemas:
    """The schemas that ship and those that workspaces registered. Built once, by the composition root."""

    def __init__(self, shipped: Mapping[str, Versions]) -> None:
        self._shipped = dict(shipped)
        self._kept: OrderedDict[tuple[int, str], Versions] = OrderedDict()

    def shipped(self, domain: str) -> Versions:
        """The versions of a domain that ships."""
        return self._shipped[domain]

    async def check(
        self,
        connection: Connection,
        *,
        workspace_id: int,
        domain: str,
        version: int | None,
        part: Part,
        attributes: Mapping[str, Any],
    ) -> int:
        """The version that the attributes keep to: the one named, else the latest.

        Raises `InvalidInput`, which names `domain`, `schema_version` or the place in `attributes`.
        """
        check_attributes_size(attributes, field="attributes")
        versions = await self._versions(connection, workspace_id=workspace_id, domain=domain, least=version)
        wanted = _numbered(versions, version, domain=domain)
        check = partial(wanted.problem, attributes, part=part)
        # What a workspace registered may cost a fifth of a second; what ships costs little.
        small = domain in self._shipped and len(attributes) <= FEW_ENTRIES
        found = check() if small else await asyncio.to_thread(check)
        if found is not None:
            place = ".".join(filter(None, ("attributes", found.place)))
            raise InvalidInput(f"{found.text} ({domain}, version {wanted.row.version})", field=place)
        return wanted.row.version

    async def brought_up(
        self,
        connection: Connection,
        *,
        workspace_id: int,
        domain: str,
        written: int,
        wanted: int | None,
        part: Part,
        attributes: Mapping[str, Any],
    ) -> tuple[int, dict[str, Any]]:
        """The attributes as of the version wanted, else the latest, and which that is.

        Raises `Conflict` when that is older than the one they were written with, `InvalidInput` when there is none.
        """
        reader = await self.reader(connection, workspace_id=workspace_id, domains=[domain], wanted=wanted)
        return reader.brought_up(domain=domain, written=written, part=part, attributes=attributes)

    async def reader(
        self, connection: Connection, *, workspace_id: int, domains: Collection[str], wanted: int | None = None
    ) -> Reader:
        """`brought_up` for many rows: at most one question for all of their domains, where they are known already."""
        own = {domain for domain in domains if domain not in self._shipped}
        newest = {} if wanted is not None else await self._latest(connection, workspace_id=workspace_id, domains=own)
        versions = {
            domain: await self._versions(
                connection, workspace_id=workspace_id, domain=domain, least=wanted or newest.get(domain)
            )
            for domain in set(domains)
        }
        return Reader(versions, wanted)

    async def register(
        self, connection: Connection, *, workspace_id: int, domain: str, version: int, document: Mapping[str, Any]
    ) -> tuple[SchemaRow, bool]:
        """Add a version of a domain; the row, and whether it is new: the same again changes nothing.

        `document` has `run`, `step` and `upcast`. Raises `Conflict` for a domain that ships, for another schema under
        the same version, and out of order; `InvalidInput` for what is no schema, or one that nothing can keep to, and
        where `upcast` does not fit the version before.
        """
        if domain in self._shipped:
            raise Conflict(f"The schemas of {domain} ship with the product: choose another name.", field="domain")
        row = await asyncio.to_thread(_row_of, domain, version, document)
        there = await stored.of_domain(connection, workspace_id=workspace_id, domain=domain)
        if version == len(there) + 1:  # one that is there stays, whatever is asked of new ones
            await asyncio.to_thread(_check_new, row, before=there[-1] if there else None)
        if await stored.add(connection, row, workspace_id=workspace_id):
            await self._check_number(connection, workspace_id=workspace_id)
            return row, True
        there = await stored.of_domain(connection, workspace_id=workspace_id, domain=domain)
        if version > len(there):
            raise Conflict(f"Versions are added in order: the next of {domain} is {len(there) + 1}.", field="version")
        if there[version - 1].digest != row.digest:
            raise Conflict(f"Version {version} of {domain} is there, and is never changed: add {len(there) + 1}.")
        return there[version - 1], False

    async def domains(self, connection: Connection, *, workspace_id: int) -> list[tuple[str, bool, list[int]]]:
        """Each domain by name: whether it ships, and its versions."""
        own = await stored.domains(connection, workspace_id=workspace_id)
        shipped = [(name, True, [each.row.version for each in found]) for name, found in self._shipped.items()]
        return sorted(shipped + [(name, False, found) for name, found in own.items() if name not in self._shipped])

    async def domain(self, connection: Connection, *, workspace_id: int, domain: str) -> tuple[bool, list[SchemaRow]]:
        """Whether a domain ships, and its versions, the first first; raises `NotFound`."""
        shipped = self._shipped.get(domain)
        if shipped is not None:
            return True, [each.row for each in shipped]
        rows = await stored.of_domain(connection, workspace_id=workspace_id, domain=domain)
        if not rows:
            raise NotFound(f"There is no domain {domain} in this workspace.")
        return False, rows

    async def _latest(self, connection: Connection, *, workspace_id: int, domains: Collection[str]) -> dict[str, int]:
        if not domains:
            return {}
        return await stored.latest(connection, workspace_id=workspace_id, domains=domains)

    async def _versions(self, connection: Connection, *, workspace_id: int, domain: str, least: int | None) -> Versions:
        """All versions of a domain, from memory where they go up to `least`; None asks for the latest there is."""
        if domain in self._shipped:
            return self._shipped[domain]
        if least is None:
            newest = await self._latest(connection, workspace_id=workspace_id, domains=[domain])
            least = newest.get(domain, 0)
        kept = self._kept.get((workspace_id, domain), ())
        if len(kept) < max(least, 1):
            kept = await self._load(connection, workspace_id=workspace_id, domain=domain)
        self._kept.move_to_end((workspace_id, domain))
        return kept

    async def _load(self, connection: Connection, *, workspace_id: int, domain: str) -> Versions:
        rows = await stored.of_domain(connection, workspace_id=workspace_id, domain=domain)
        if not rows:
            known = ", ".join(name for name, _, _ in await self.domains(connection, workspace_id=workspace_id))
            raise InvalidInput(f"There is no domain {scrub(domain)[:80]!a}; there are {known}.", field="domain")
        versions = await asyncio.to_thread(lambda: tuple(Version.of(row) for row in rows))
        self._kept[workspace_id, domain] = versions
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return versions

    async def _check_number(self, connection: Connection, *, workspace_id: int) -> None:
        if len(await stored.domains(connection, workspace_id=workspace_id)) > MOST_DOMAINS:
            raise Conflict(f"A workspace has at most {MOST_DOMAINS} domains.", field="domain")


@dataclass(frozen=True, slots=True)
class Reader:
    """Brings rows up to the version that a reader wants, None for the latest of each domain."""

    versions: Mapping[str, Versions]
    wanted: int | None

    def brought_up(
        self, *, domain: str, written: int, part: Part, attributes: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """As `Schemas.brought_up`."""
        versions = self.versions[domain]
        version = _numbered(versions, self.wanted, domain=domain).row.version
        if version < written:
            raise Conflict(
                f"This was written with version {written} of {domain} and cannot be read as version {version}.",
                field="schema_version",
            )
        brought = dict(attributes)
        for each in versions[written:version]:
            brought = each.from_before(brought, part=part)
        return version, brought


def read_shipped() -> Schemas:
    """The schemas that ship, from `domains/*.json`."""
    folder = resources.files("knowledge.state").joinpath("domains")
    files = (orjson.loads(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".json"))
    return Schemas({each["domain"]: _shipped(each) for each in sorted(files, key=lambda each: str(each["domain"]))})


def _shipped(file: Mapping[str, Any]) -> Versions:
    rows = (_row_of(file["domain"], number, document) for number, document in enumerate(file["versions"], start=1))
    return tuple(Version.of(row) for row in rows)


def _row_of(domain: str, version: int, document: Mapping[str, Any]) -> SchemaRow:
    """A version as it is stored; raises `InvalidInput`, which names the field, for what is no schema."""
    if not 1 <= version <= MOST_VERSIONS:
        raise InvalidInput(f"Versions are numbered from 1 to {MOST_VERSIONS}.", field="version")
    for name in ("run", "step"):
        check_schema_size(document.get(name) or {}, field=name)
    clean = without_secrets({name: document.get(name) for name in ("run", "step", "upcast")})
    digest = hashlib.sha256(orjson.dumps(clean, option=orjson.OPT_SORT_KEYS)).digest()
    row = SchemaRow(domain, version, clean["run"], clean["step"], clean["upcast"] or [], digest)
    Version.of(row)
    if version == 1 and row.upcast:
        raise InvalidInput("There is nothing before version 1 to bring up to it.", field="upcast")
    return row


def _check_new(row: SchemaRow, *, before: SchemaRow | None) -> None:
    """Raise `InvalidInput` for a schema that nothing can keep to, and for operations that do not fit."""
    check_can_hold(row.run, field="run")
    if row.step is not None:
        check_can_hold(row.step, field="step")
    if before is not None:
        check_succession(
            {"run": before.run, "step": before.step},
            {"run": row.run, "step": row.step},
            read_operations(row.upcast),
            version=row.version,
        )


def _numbered(versions: Versions, number: int | None, *, domain: str) -> Version:
    """The version of that number, None for the latest; raises `InvalidInput`."""
    if number is None:
        return versions[-1]
    if not 1 <= number <= len(versions):
        raise InvalidInput(f"{domain} has versions 1 to {len(versions)}.", field="schema_version")
    return versions[number - 1]
