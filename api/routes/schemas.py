"""Schemas of the attributes of runs and steps: by domain, in versions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from api.context import Idempotent, JsonAnswer, Workspace, problems
from api.models_schemas import DomainAnswer, DomainList, SchemaAnswer, SchemaBody
from knowledge.state.registry import Registry

router = APIRouter(prefix="/schemas", tags=["schemas"])

Domain = Annotated[
    str,
    Path(min_length=1, max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="`ml-pipeline`, or your own."),
]


async def registry_of(request: Request) -> Registry:
    """The schemas, from the composition root."""
    registry: Registry = request.app.state.parts.registry
    return registry


Known = Annotated[Registry, Depends(registry_of)]


@router.get("", response_model=DomainList, responses=problems())
async def list_domains(registry: Known, workspace: Workspace) -> JsonAnswer:
    """The domains whose attributes are checked: those that ship, and those of the workspace."""
    return JsonAnswer({"schemas": await registry.domains(workspace)})


@router.get("/{domain}", response_model=DomainAnswer, responses=problems(404))
async def read(domain: Domain, registry: Known, workspace: Workspace) -> JsonAnswer:
    """A domain with all versions of its schema."""
    return JsonAnswer(await registry.domain(workspace, domain))


@router.put(
    "/{domain}/versions/{version}",
    response_model=SchemaAnswer,
    status_code=201,
    responses=problems(409) | {200: {"model": SchemaAnswer, "description": "It was there, and is the same."}},
)
async def register(
    domain: Domain,
    version: Annotated[int, Path(ge=1, le=100)],
    body: SchemaBody,
    registry: Known,
    workspace: Workspace,
    once: Idempotent,
) -> JsonAnswer:
    """Add the next version of a domain. What was added is never changed; the same again is answered as before."""
    schema, added = await registry.register(workspace, domain, version=version, document=body.to_document(), once=once)
    return JsonAnswer(schema, status_code=201 if added else 200)
