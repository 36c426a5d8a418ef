"""Asking the real service, and checking answers against the models that the OpenAPI document shows."""

from __future__ import annotations

from typing import Any, TypeAlias, get_origin

import httpx
from pydantic import BaseModel

from api.models import Answer, IncidentAnswer, ProblemAnswer
from ingest.records import ErrorBody

Document: TypeAlias = dict[str, Any]

SLOW_DOWN = "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation"
LIMIT_S = 10.0


def checked(response: httpx.Response, model: type[Answer], *, status: int = 200) -> Document:
    """The document of an answer that has exactly the fields and types which its model names."""
    assert status == response.status_code, response.text
    assert "application/json" == response.headers["content-type"]
    document: Document = response.json()
    model.model_validate(document, strict=False)
    assert set() == unnamed(document, model)
    return document


def unnamed(document: Document, model: type[BaseModel]) -> set[str]:
    """Fields that differ: named by the model and absent, or there and not named. Optional ones may be absent."""
    fields = model.model_fields
    needed = {name for name, field in fields.items() if field.is_required()}
    differing = (needed - document.keys()) | (document.keys() - fields.keys())
    for name in document.keys() & fields.keys():
        for kind, value in _nested(fields[name].annotation, document[name]):
            differing |= {f"{name}.{each}" for each in unnamed(value, kind)}
    return differing


def _nested(annotation: Any, value: Any) -> list[tuple[type[BaseModel], Document]]:
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel) and kind != ErrorBody]
    by_name = get_origin(annotation) is dict
    values = list(value.values()) if by_name else value if isinstance(value, list) else [value]
    return [(models[0], each) for each in values if models and isinstance(each, dict)]


def problem(response: httpx.Response, *status: int) -> Document:
    """The problem document of a refusal with one of these statuses (any 4xx where none is named)."""
    expected = status or range(400, 500)
    assert response.status_code in expected, (response.status_code, response.text[:500])
    assert "application/problem+json" == response.headers["content-type"]
    document: Document = response.json()
    ProblemAnswer.model_validate(document)
    assert response.status_code == document["status"]
    return document


def fields_of(document: Document) -> list[str]:
    """The fields that a problem names."""
    return [each["field"] for each in document.get("errors", [])]


def recorded(client: httpx.Client, **incident: Any) -> Document:
    """Record an incident."""
    return checked(client.post("/incidents", json={"text": SLOW_DOWN, **incident}), IncidentAnswer)


def indexed(client: httpx.Client) -> None:
    """Wait until what was recorded can be found."""
    answer = client.post("/incidents/import", params={"wait": "indexed"}, content=b"", timeout=60)
    assert answer.json()["indexed"] is True


def listed(client: httpx.Client, **query: Any) -> list[Document]:
    """The incidents of the workspace, newest first."""
    found: list[Document] = client.get("/incidents", params={"limit": 200, **query}).json()["incidents"]
    return found
