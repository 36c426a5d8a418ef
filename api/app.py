"""The FastAPI app around the parts that the composition root built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import Depends, FastAPI

from api import docs, problems
from api.agents import door, llms
from api.auth import Gate
from api.chat import routes as chat
from api.composition import Parts
from api.context import known_query
from api.doors.otlp import OtlpDoor
from api.guard import Guard
from api.models import ProblemAnswer
from api.observing import Observed
from api.routes import (
    advise,
    calibration,
    decisions,
    doors,
    health,
    incidents,
    precedents,
    resolutions,
    runs,
    schemas,
    search,
    storms,
)
from api.web import app as web_app
from api.web import errors as web_errors

DISTRIBUTION = "seenbefore-server"
ROUTES = (
    advise,
    incidents,
    precedents,
    resolutions,
    storms,
    runs,
    decisions,
    schemas,
    calibration,
    search,
    health,
    doors,
)
DESCRIPTION = """
Seen this before? A failure goes in; a verdict (transient or genuine), a decision and the precedents behind it come out.
Errors are RFC 9457 problem details.
"""


def make_app(parts: Parts, *, gate: Gate) -> FastAPI:
    """The app; what it owns lives while its lifespan does."""
    app = FastAPI(
        title="Seen Before",
        version=version(DISTRIBUTION),
        description=DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's own pages load their assets from elsewhere
        redoc_url=None,
        # Its own spans carry query strings, and its log records messages: both quote failures. See `api/observing.py`.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=_lifespan,
        dependencies=[Depends(known_query)],
    )
    app.state.parts = parts
    app.state.gate = gate
    app.state.metrics = parts.metrics
    app.state.otlp = OtlpDoor(most_bytes=parts.settings.max_otlp_bytes, metrics=parts.metrics)
    for module in ROUTES:
        app.include_router(module.router)
    app.include_router(doors.telemetry)
    app.include_router(chat.router)
    llms.install(app)
    door.install(app)
    docs.install(app)
    problems.install(app)
    pages = web_app.install(app)
    app.add_middleware(
        Guard,
        max_body=parts.settings.max_body_bytes,
        gate=gate,
        host=parts.settings.host,
        page=partial(web_errors.refusal, pages),
    )
    app.add_middleware(Observed, metrics=app.state.metrics)
    _document_problems(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.agents.running():
        yield


def _document_problems(app: FastAPI) -> None:
    """FastAPI lists only the models that routes return; problems are referred to by name."""
    made = app.openapi

    def openapi() -> dict[str, object]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = made()
        schemas = document["components"]["schemas"]
        template = "#/components/schemas/{model}"
        schema = ProblemAnswer.model_json_schema(ref_template=template)
        schemas.update(schema.pop("$defs", {}))
        schemas["ProblemAnswer"] = schema
        return document

    app.openapi = openapi  # type: ignore[method-assign]
