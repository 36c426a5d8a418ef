"""Schemathesis: requests drawn from the OpenAPI document, right ones and wrong ones, against the running service.

Bounded by examples an operation, about half a minute in all: `MOST_EXAMPLES` may be raised to search longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.case import Case

from api.app import make_app
from api.auth import Gate
from api.composition import Parts
from api.metrics import Metrics
from api.settings import Settings
from tests.api.durability.process import started
from tests.api.http.asking import LIMIT_S

MOST_EXAMPLES = 60
#: Those left out assume more than HTTP says: that no key may be sent where none is needed (`ignored_auth` calls each
#: operation again without one), and that what the document admits is always taken (a body that satisfies it may
#: still name an incident that is not there, or a year that cannot be).
CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)


#: Any bytes are an import, whose report says what is wrong with its lines; and for GET, `import` is an incident's id.
OF_IMPORTS_UNCHECKED = frozenset({"negative_data_rejection", "unsupported_method"})
#: Which bytes are no protobuf, a schema cannot say.
OF_PROTOBUF_UNCHECKED = frozenset({"negative_data_rejection"})
UNCHECKED = {
    "/incidents/import": OF_IMPORTS_UNCHECKED,
    "/v1/logs": OF_PROTOBUF_UNCHECKED,
    "/v1/traces": OF_PROTOBUF_UNCHECKED,
}
CONFIG = {
    "generation": {"max-examples": MOST_EXAMPLES, "database": "none", "deterministic": True},
    "request-timeout": LIMIT_S,
    # What is wrong in one place may be refused for another that is wrong as well.
    "checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 405, 409, 412, 413, 415, 422, 428]}},
}


def document() -> dict[str, Any]:
    """What the app says of itself; for that it needs no running parts."""
    parts = cast(Parts, SimpleNamespace(settings=Settings(), database=None, metrics=Metrics()))
    return make_app(parts, gate=Gate(parts.database, open=True)).openapi()


schema = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict(CONFIG))


@schemathesis.serializer("application/x-ndjson", "application/x-protobuf")
def lines(_: schemathesis.SerializationContext, value: object) -> bytes:
    """A text as it is, anything else as one line."""
    return value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()


@pytest.fixture(scope="module")
def address(new_data: Callable[[], Path]) -> Iterator[str]:
    """A service of its own process: its server's refusals of what is no HTTP belong to the contract too."""
    with started(new_data()) as service:
        yield service.url


@schema.parametrize()
@hypothesis.settings(deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_every_operation_keeps_its_contract(case: Case, address: str) -> None:
    """Never a 5xx or a hang; every answer is one that the document names, in its shape; what is wrong is refused."""
    load_all_checks()
    checked = sorted(set(CHECKED) - UNCHECKED.get(case.path, frozenset()))
    case.call_and_validate(address, checks=CHECKS.get_by_names(list(checked)), timeout=LIMIT_S)


def test_running_service_gives_the_same_document(address: str) -> None:
    """What was tested is what callers read."""
    assert document() == httpx.get(f"{address}/openapi.json").json()
