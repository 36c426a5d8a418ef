"""What people say of precedents: set a verdict or cause, merge, split, and take any of it back.

Each change is durable, versioned and audited. What holds of them is a constraint: recurrence, a new masking, new
vectors and a new index leave it as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from knowledge.errors import Conflict, InvalidInput, NotFound
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.store import audit, membership, precedents
from knowledge.store.database import Connection
from knowledge.store.ids import uuid7
from knowledge.store.membership import Contents
from knowledge.store.records import Change, Keep, PrecedentRecord
from knowledge.store.rows import Row, execute, fetch_all, fetch_one, to_json

KEEP = Keep.KEEP
OVERRIDES = ("verdict", "cause", "action")

State = dict[str, Any]


async def patch(
    connection: Connection,
    *,
    workspace_id: int,
    id: UUID,
    expected_version: int,
    verdict: Verdict | Keep | None = KEEP,
    cause: Cause | Keep | None = KEEP,
    action: Action | Keep | None = KEEP,
    resolution: Resolution | Keep = KEEP,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Set (or with `None` take away) what a person says of a precedent, and how it was resolved.

    Raises `NotFound`, `StaleVersion`, and `Conflict` for a starter precedent or one that was merged away.
    """
    wanted = {"verdict": verdict, "cause": cause, "action": action}
    given = {name: value for name, value in wanted.items() if not isinstance(value, Keep)}
    async with connection.transaction():
        before = (await membership.lock_living(connection, workspace_id=workspace_id, ids=[id]))[id]
        membership.check_version(before, expected_version)
        after: dict[str, Any] = {**_overrides(before), **given}
        await execute(connection, "corrections.override", id=id, **after)
        said = None
        if isinstance(resolution, Resolution):
            said = await _resolve(connection, workspace_id=workspace_id, id=id, resolution=resolution)
            after["resolution"] = resolution.summary
        await membership.touch(connection, id)
        await _keep(
            connection,
            "patch",
            workspace_id=workspace_id,
            precedents=[id],
            fields=list(given),
            actor=actor,
            reason=reason,
            before=_said(before),
            after=after,
            state={"before": _overrides(before), "after": given, "resolution": said},
        )
        return await precedents.get(connection, workspace_id=workspace_id, id=id)


async def merge(
    connection: Connection,
    *,
    workspace_id: int,
    into: UUID,
    sources: Sequence[UUID],
    expected_version: int | None,
    source_versions: Mapping[UUID, int] | None = None,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Join precedents: signatures, incidents, resolutions, outcomes and counts move, and recurrences follow.

    The sources' ids go on to lead to `into`. `expected_version` is None where nobody has read it: a merge that
    re-signing asks for. `source_versions`: those of the sources that were read. Raises `NotFound`, `StaleVersion`,
    `Conflict`, `InvalidInput`.
    """
    moved = list(dict.fromkeys(sources))
    if not moved or into in moved:
        raise InvalidInput("Name at least one precedent to merge, and not the one to merge into.", field="precedents")
    async with connection.transaction():
        await membership.own_workspace(connection, workspace_id=workspace_id)
        locked = await membership.lock_living(connection, workspace_id=workspace_id, ids=[into, *moved])
        if expected_version is not None:
            membership.check_version(locked[into], expected_version)
        for id in moved:
            if source_versions and id in source_versions:
                membership.check_version(locked[id], source_versions[id])
        contents = await membership.contents(connection, moved)
        joined = await fetch_one(connection, "corrections.inherit_overrides", into=into, sources=moved)
        await membership.join(connection, into=into, sources=moved)
        after = _overrides(joined or locked[into])
        await _keep(
            connection,
            "merge",
            workspace_id=workspace_id,
            precedents=[into, *moved],
            actor=actor,
            reason=reason,
            before=_said(locked[into]),
            after={"sources": [str(id) for id in moved], **after},
            state={
                "before": _overrides(locked[into]),
                "after": after,
                "sources": [each.document() for each in contents],
            },
        )
        return await precedents.get(connection, workspace_id=workspace_id, id=into)


async def split(
    connection: Connection,
    *,
    workspace_id: int,
    id: UUID,
    fingerprints: Sequence[str],
    expected_version: int,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Part the named signatures, with their incidents, from a precedent; returns the new precedent.

    Both are counted anew; what a person said of the whole stays with the old one. Raises `NotFound`, `StaleVersion`,
    `Conflict`, and `InvalidInput` when a fingerprint is not its own or nothing would be left.
    """
    named, new = list(dict.fromkeys(fingerprints)), uuid7()
    async with connection.transaction():
        await membership.own_workspace(connection, workspace_id=workspace_id)
        before = (await membership.lock_living(connection, workspace_id=workspace_id, ids=[id]))[id]
        membership.check_version(before, expected_version)
        await _check_parts(connection, workspace_id=workspace_id, id=id, named=named)
        leaving = Contents(new, await membership.named(connection, id=id, fingerprints=named))
        whole = (await membership.contents(connection, [id]))[0]
        staying = [each for each in whole.signatures if each not in set(leaving.signatures)]
        await membership.add(connection, id=new, whole=id)
        await membership.part(connection, id=id, leaving=leaving)
        await _keep(
            connection,
            "split",
            workspace_id=workspace_id,
            precedents=[id, new],
            actor=actor,
            reason=reason,
            before=_said(before),
            after={"new": str(new), "fingerprints": named},
            state={"leaving": leaving.document(), "staying": staying},
        )
        return await precedents.get(connection, workspace_id=workspace_id, id=new)


async def undo(
    connection: Connection,
    *,
    workspace_id: int,
    id: UUID,
    change: UUID,
    expected_version: int,
    actor: str | None = None,
    reason: str | None = None,
) -> PrecedentRecord:
    """Take a change of a precedent back, or bring back what an undo took; the precedent `id` as it is then.

    Raises `NotFound` when the precedent's history has no such change, `StaleVersion`, and `Conflict` when it cannot be
    taken back: it was already, it is no correction, or a later change stands in the way (which the message names).
    """
    async with connection.transaction():
        await membership.own_workspace(connection, workspace_id=workspace_id)
        found, locked = await _hold(connection, workspace_id=workspace_id, id=id, change=change)
        membership.check_version(locked[id], expected_version)
        if found is None:
            raise NotFound(f"The history of the precedent {id} has no correction {change}.")
        await _check_undoable(connection, found)
        how = UNDO if found["effective"] else REDO
        subject: UUID = found["precedents"][0]
        state = await how[found["kind"]](connection, locked[subject], found["state"])
        entry = await _keep(
            connection,
            "undo",
            workspace_id=workspace_id,
            precedents=found["precedents"],
            root=found["root"],
            actor=actor,
            reason=reason,
            before=found["after"] if found["effective"] else found["before"],
            after={
                "undone": str(change),
                "action": found["action"],
                **((found["before"] if found["effective"] else found["after"]) or {}),
            },
        )
        values = {"root": found["root"], "change": change, "by": entry, "state": to_json(state)}
        await execute(connection, "corrections.toggle", **values)
        return await precedents.get(connection, workspace_id=workspace_id, id=id)


async def history(
    connection: Connection,
    *,
    workspace_id: int,
    id: UUID,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Change]:
    """What was done to a precedent, newest first; `after` is `(at, id)` of the last one of the page before.

    Raises `NotFound`.
    """
    if await fetch_one(connection, "corrections.exists", workspace_id=workspace_id, id=id) is None:
        raise NotFound(f"There is no precedent {id} in this workspace.")
    rows = await fetch_all(
        connection,
        "corrections.history",
        prepare=False,
        workspace_id=workspace_id,
        id=id,
        after_time=after[0] if after else None,
        after_id=after[1] if after else None,
        limit=limit,
    )
    return [_change(row) for row in rows]


async def _keep(
    connection: Connection,
    kind: str,
    *,
    workspace_id: int,
    precedents: Sequence[UUID],
    fields: Sequence[str] = (),
    root: UUID | None = None,
    actor: str | None,
    reason: str | None,
    before: Any,
    after: Any,
    state: Any = None,
) -> UUID:
    """The entry in the audit log, and what taking it back needs; the first of the precedents is the subject."""
    id = await audit.record(
        connection,
        workspace_id=workspace_id,
        action=f"precedent.{kind}",
        subject_id=precedents[0],
        also=precedents[1:],
        actor=actor,
        reason=reason,
        before=before,
        after=after,
    )
    await execute(
        connection,
        "corrections.keep",
        id=id,
        workspace_id=workspace_id,
        kind=kind,
        precedents=list(precedents),
        fields=list(fields),
        state=None if state is None else to_json(state),
        root=root or id,
    )
    return id


async def _hold(
    connection: Connection, *, workspace_id: int, id: UUID, change: UUID
) -> tuple[Row | None, dict[UUID, Row]]:
    """The change, if there is one, and the precedents that it touched, with `id`, which lives: locked all at once."""
    found = await fetch_one(connection, "corrections.find", workspace_id=workspace_id, precedent=id, id=change)
    touched: list[UUID] = found["precedents"] if found else []
    locked = await membership.lock(connection, workspace_id=workspace_id, ids=list({id, *touched}))
    membership.check_living(locked[id])
    return found, locked


async def _check_undoable(connection: Connection, found: Row) -> None:
    if found["undone_by"] is not None:
        raise Conflict(f"It was undone already, by {found['undone_by']}: undo that to bring it back.")
    if found["state"] is None:
        raise Conflict("It was made by a version that did not keep what undoing it needs: correct it anew.")
    if later := await fetch_one(connection, "corrections.in_the_way", id=found["id"]):
        raise Conflict(
            f"A later change of the same precedents stands in the way: {later['id']}, a {later['action']} of "
            f"{later['at']:%Y-%m-%d %H:%M}. Undo first what was done last."
        )


async def _unpatch(connection: Connection, subject: Row, state: State) -> State:
    await _repatch(connection, subject, {name: state["before"][name] for name in state["after"]})
    if said := state["resolution"]:
        await execute(connection, "corrections.remove_resolution", id=UUID(said["resolution_id"]))
        await membership.recount(connection, subject["id"])
    return state


async def _patch_again(connection: Connection, subject: Row, state: State) -> State:
    await _repatch(connection, subject, state["after"])
    if said := state["resolution"]:
        values = {**said, "fixed_in": said["fixed_in"] and to_json(said["fixed_in"])}
        await fetch_one(
            connection, "corrections.add_resolution", workspace_id=subject["workspace_id"], id=subject["id"], **values
        )
        await membership.recount(connection, subject["id"])
    return state


async def _repatch(connection: Connection, subject: Row, values: State) -> None:
    await execute(connection, "corrections.override", id=subject["id"], **{**_overrides(subject), **values})
    await membership.touch(connection, subject["id"])


async def _unmerge(connection: Connection, subject: Row, state: State) -> State:
    for source in map(Contents.read, state["sources"]):
        await membership.part_again(connection, id=subject["id"], leaving=source)
    await execute(connection, "corrections.override", id=subject["id"], **state["before"])
    return state


async def _merge_again(connection: Connection, subject: Row, state: State) -> State:
    sources = [UUID(each["id"]) for each in state["sources"]]
    contents = await membership.contents(connection, sources)
    await membership.join(connection, into=subject["id"], sources=sources)
    await execute(connection, "corrections.override", id=subject["id"], **state["after"])
    return {**state, "sources": [each.document() for each in contents]}


async def _unsplit(connection: Connection, subject: Row, state: State) -> State:
    new = UUID(state["leaving"]["id"])
    contents = await membership.contents(connection, [new])
    await membership.join(connection, into=subject["id"], sources=[new])
    return {**state, "leaving": contents[0].document()}


async def _split_again(connection: Connection, subject: Row, state: State) -> State:
    leaving, staying = Contents.read(state["leaving"]), [UUID(id) for id in state["staying"]]
    await membership.part_again(connection, id=subject["id"], leaving=leaving, staying=staying)
    return state


#: Each does it, and gives what the next reversal needs.
Reversal = Callable[[Connection, Row, State], Awaitable[State]]
UNDO: dict[str, Reversal] = {"patch": _unpatch, "merge": _unmerge, "split": _unsplit}
REDO: dict[str, Reversal] = {"patch": _patch_again, "merge": _merge_again, "split": _split_again}


def _overrides(row: Row) -> dict[str, str | None]:
    return {name: row[f"{name}_override"] for name in OVERRIDES}


def _said(row: Row) -> dict[str, str | None]:
    return {**_overrides(row), "resolution": row["resolution_summary"]}


async def _resolve(connection: Connection, *, workspace_id: int, id: UUID, resolution: Resolution) -> dict[str, Any]:
    """Keep and show it; what bringing it back needs."""
    said = {key: value for key, value in asdict(resolution).items() if key != "fixed_in"}
    resolution_id, fixed_in = uuid7(), dict(resolution.fixed_in) or None
    row = await fetch_one(
        connection,
        "corrections.add_resolution",
        resolution_id=resolution_id,
        workspace_id=workspace_id,
        id=id,
        fixed_in=fixed_in and to_json(fixed_in),
        at=None,
        **said,
    )
    at = row["created_at"] if row else None
    await execute(connection, "corrections.show_resolution", id=id, at=at, **said)
    return {"resolution_id": resolution_id, "at": at, "fixed_in": fixed_in, **said}


async def _check_parts(connection: Connection, *, workspace_id: int, id: UUID, named: Sequence[str]) -> None:
    rows = await precedents.signatures_of(connection, workspace_id=workspace_id, id=id)
    own = {row.fingerprint for row in rows}
    if strange := [fingerprint for fingerprint in named if fingerprint not in own]:
        raise InvalidInput(f"The precedent has no signature {strange[0][:64]!r}.", field="fingerprints")
    if not named or own == set(named):
        raise InvalidInput("Name at least one of its signatures, and leave it at least one.", field="fingerprints")


def _change(row: Row) -> Change:
    touched = ([row["subject_id"]] if row["subject_id"] else []) + row["also"]
    shown = {key: value for key, value in row.items() if key not in ("subject_id", "also")}
    return Change(**{**shown, "precedents": tuple(touched), "undoable": bool(row["undoable"])})
