"""What people change of a precedent, by forms of its page: its verdict, what fixed it, merges, splits, and undoing.

Each form carries the version of the precedent that its sender has looked at.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from api.context import Service
from api.problems import Problem
from api.web.differences import nearest_sides
from api.web.forms import read_form, values_of
from api.web.pages.incidents import OnceForm
from api.web.pages.meanwhile import changed_meanwhile
from api.web.pages.precedents import RefusedSplit, after_change, precedent_page
from api.web.pages.search import both_ends
from api.web.rendering import address_of, page
from api.web.told import led_to
from api.web.visitors import Visiting, Visitor
from ingest.records import Summary
from knowledge.correcting import ChangeOf, Correction, Merge, Signed, Split, Undo
from knowledge.documents import Document
from knowledge.errors import Conflict, InvalidInput, StaleVersion
from knowledge.facets import Chosen
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.finding import Finding
from knowledge.service import KnowledgeService
from knowledge.store.records import Keep

router = APIRouter(prefix="/precedents/{precedent_id}")
#: Stands for "what was counted", where a person's word is taken away.
COUNTED = "counted"
#: Precedents that may be the same and are offered, and those among which they are: documented ones are left out.
OFFERED, LOOKED_THROUGH = 8, 40
Reason = Annotated[str, StringConstraints(min_length=1, max_length=5_000)]


class ChangeForm(OnceForm):
    """A change, why, and the version that was looked at."""

    reason: Reason | None = None
    version: Annotated[int, Field(ge=0, le=2**62)]


class CorrectionForm(ChangeForm):
    """What it is; `counted` takes a person's word away."""

    verdict: Literal["transient", "genuine", "unknown", "counted"]
    cause: Cause | Literal["counted"] | None = None
    reason: Reason

    def correction(self) -> Correction:
        """The change; no cause leaves it as it is."""
        cause: Cause | Keep | None = Keep.KEEP if self.cause is None else None
        if isinstance(self.cause, Cause):
            cause = self.cause
        return Correction(verdict=None if self.verdict == COUNTED else Verdict(self.verdict), cause=cause)


class FixForm(ChangeForm):
    """What fixed it, said of the precedent as a whole."""

    summary: Summary
    action: Action | None = None


class MergeForm(ChangeForm):
    """The other precedent, and the version of it that was looked at."""

    other: UUID
    other_version: Annotated[int, Field(ge=0, le=2**62)]


class SplitForm(ChangeForm):
    """Signatures to part; `fingerprint` may come several times."""

    fingerprint: str | None = None


class UndoForm(ChangeForm):
    """The change to take back."""

    change: UUID


@router.post("/verdict", name="precedent-verdict")
async def correct(precedent_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Say what it is; a person's word outweighs what was counted."""
    form = await read_form(request, CorrectionForm)
    return await _changed(request, service, visitor, precedent_id, form.correction(), form=form, said="verdict")


@router.post("/resolution", name="precedent-resolution")
async def resolve(precedent_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Say what fixes it."""
    form = await read_form(request, FixForm)
    said = Resolution(form.summary, form.action, form.author or visitor.author)
    change = Correction(resolution=said)
    return await _changed(request, service, visitor, precedent_id, change, form=form, said="resolution")


@router.get("/merge", name="precedent-merge")
async def look_before_merge(
    precedent_id: UUID, request: Request, service: Service, visitor: Visiting, other: str | None = None
) -> Response:
    """Both precedents side by side, before they are made one; where none is named, those that it may be."""
    into = await service.precedent(visitor.workspace, precedent_id)
    id = id_in(other or "")
    if id is None:
        return await _choosing(request, visitor, into, words=(other or "").strip())
    found = await _other(service, visitor, id, into=into)
    sides = await asyncio.to_thread(nearest_sides, {"template": _first_template(into)}, found)
    return page(request, "merge.html", into=into, other=found, sides=sides, once=uuid4().hex)


@router.post("/merge", name="precedent-merge-send")
async def merge(precedent_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Make them one; recurrences of either follow."""
    form = await read_form(request, MergeForm)
    joined = Merge([form.other], read={form.other: form.other_version})
    try:
        await _change(request, service, visitor, precedent_id, joined, form=form)
    except (StaleVersion, Conflict) as error:
        into = await service.precedent(visitor.workspace, precedent_id)
        is_as_read = (into["id"], into["version"]) == (str(precedent_id), form.version)
        changed, field = (form.other, "other_version") if is_as_read else (precedent_id, "version")
        versions = {"version": form.version, "other_version": form.other_version}
        read = {name: version for name, version in versions.items() if name != field}
        return await changed_meanwhile(request, service, visitor, changed, error=error, field=field, read=read)
    return led_to(request, address_of(request, "precedent", precedent_id=precedent_id), telling="merge")


@router.post("/split", name="precedent-split")
async def split(precedent_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Part the signatures that were ticked; leads to the new precedent."""
    form = await read_form(request, SplitForm)
    fingerprints = await values_of(request, "fingerprint")
    if not fingerprints:
        refused = RefusedSplit("Tick at least one that is something else.", reason=form.reason)
        return await precedent_page(request, service, visitor, precedent_id, refused=refused)
    form = form.model_copy(update={"fingerprint": " ".join(fingerprints)})  # its key is bound to all of them
    try:
        new = await _change(request, service, visitor, precedent_id, Split(fingerprints), form=form)
    except InvalidInput as error:
        refused = RefusedSplit(str(error), reason=form.reason, ticked=frozenset(fingerprints))
        return await precedent_page(request, service, visitor, precedent_id, refused=refused)
    except (StaleVersion, Conflict) as error:
        return await changed_meanwhile(request, service, visitor, precedent_id, error=error)
    address = address_of(request, "precedent", precedent_id=new["id"])
    return led_to(request, address, telling="split")


@router.post("/undo", name="precedent-undo")
async def undo(precedent_id: UUID, request: Request, service: Service, visitor: Visiting) -> Response:
    """Take a change of its history back."""
    form = await read_form(request, UndoForm)
    return await _changed(request, service, visitor, precedent_id, Undo(form.change), form=form, said="undo")


async def _changed(
    request: Request,
    service: KnowledgeService,
    visitor: Visitor,
    id: UUID,
    change: ChangeOf,
    *,
    form: ChangeForm,
    said: str,
) -> Response:
    """Change it, and show it as it is then; in its form, where somebody else was faster."""
    try:
        await _change(request, service, visitor, id, change, form=form)
    except (StaleVersion, Conflict) as error:
        return await changed_meanwhile(request, service, visitor, id, error=error)
    return await after_change(request, service, visitor, id, said=said)


async def _change(
    request: Request, service: KnowledgeService, visitor: Visitor, id: UUID, change: ChangeOf, *, form: ChangeForm
) -> Document:
    return await service.change(
        visitor.workspace,
        id,
        change,
        expected_version=form.version,
        signed=Signed(form.author or visitor.author, form.reason),
        once=form.key(request),
    )


async def _choosing(request: Request, visitor: Visitor, into: Document, *, words: str) -> Response:
    """The workspace's precedents that are nearest to this one, or to these words."""
    finding: Finding = request.app.state.parts.finding
    text = both_ends(words or _first_template(into))
    found = await finding.all_nearest(visitor.workspace, text, Chosen(), limit=LOOKED_THROUGH) if text else None
    others = [each for each in found.results if _may_join(each, into)] if found else []
    return page(request, "merge_choose.html", into=into, others=others[:OFFERED], words=words)


def _may_join(entry: Document, into: Document) -> bool:
    """Documented ones are everybody's, and cannot be changed."""
    return bool(entry["source"] != "starter" and entry["precedent_id"] != into["id"])


async def _other(service: KnowledgeService, visitor: Visitor, id: UUID, *, into: Document) -> Document:
    """The precedent of that id; raises a 422 problem."""
    found = await service.precedent(visitor.workspace, id)
    if found["id"] == into["id"]:
        raise Problem(422, "This is the same precedent: it was merged already, or you have named it itself.")
    return found


def id_in(text: str) -> UUID | None:
    """The last id in an address, or the text if it is one."""
    for part in reversed(text[:2_000].replace("?", "/").replace("#", "/").replace("&", "/").split("/")):
        try:
            return UUID(part.strip())
        except ValueError:
            continue
    return None


def _first_template(precedent: Document) -> str:
    templates = [each["template"] for each in precedent["signatures"]]
    return templates[0] if templates else ""
