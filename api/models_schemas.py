"""Requests and answers about the schemas of attributes, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, StringConstraints

from api.models import Answer
from ingest.records import Request

Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]
JsonSchema = Annotated[
    dict[str, JsonValue],
    Field(
        description="JSON Schema 2020-12, at most 32,000 bytes. `$ref` within the document (`#/$defs/NAME`), `pattern` "
        "in RE2's syntax; `format` explains and is not checked. What nothing can keep to is refused.",
        examples=[{"type": "object", "properties": {"model": {"type": "string"}}, "required": ["model"]}],
    ),
]
PartOf = Annotated[
    Literal["run", "step"] | None, Field(description="Whose attributes it is for; without it, those of both.")
]


class RenameBody(Request):
    """Move what stands at a path. Where something stands at the new one already, both stay."""

    op: Literal["rename"]
    from_: Annotated[Path, Field(alias="from")]
    to: Path
    part: PartOf = None


class DefaultBody(Request):
    """Put a value where nothing stands."""

    op: Literal["default"]
    path: Path
    value: JsonValue
    part: PartOf = None


class RemoveBody(Request):
    """Take away what stands at a path."""

    op: Literal["remove"]
    path: Path
    part: PartOf = None


OperationBody = Annotated[RenameBody | DefaultBody | RemoveBody, Field(discriminator="op")]


class SchemaBody(Request):
    """A version of a domain's schema, and how attributes of the version before it are brought to it."""

    run: JsonSchema
    step: JsonSchema | None = None
    upcast: Annotated[list[OperationBody], Field(max_length=100)] = Field(
        default_factory=list,
        description="It moves and removes what the version before has, and makes what this one requires beyond that.",
    )

    def to_document(self) -> dict[str, Any]:
        """As it is stored: what was not said is left out of the operations."""
        upcast = [each.model_dump(by_alias=True, exclude_unset=True) for each in self.upcast]
        return {"run": self.run, "step": self.step, "upcast": upcast}


class VersionAnswer(Answer):
    """A version of a domain's schema."""

    version: int
    run: dict[str, Any]
    step: dict[str, Any] | None = Field(description="Null: steps may have any attributes.")
    upcast: list[dict[str, Any]] = Field(description="How attributes of the version before are brought to this one.")


class SchemaAnswer(VersionAnswer):
    """A version with the domain that it belongs to."""

    domain: str


class DomainSummary(Answer):
    """A domain, and its versions."""

    domain: str
    shipped: bool = Field(description="Whether it ships with the product; then nobody can add to it.")
    latest: int
    versions: list[int]


class DomainList(Answer):
    """The domains of a workspace, by name."""

    schemas: list[DomainSummary]


class DomainAnswer(Answer):
    """A domain with all its versions, the first first."""

    domain: str
    shipped: bool
    latest: int
    versions: list[VersionAnswer]
