"""The FastAPI app around the parts that the composition root built."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Depends, FastAPI

from api import docs, problems
from api.auth import Gate
from api.composition import Parts
from api.context import known_query
from api.guard import Guard
from api.metrics import Measured, Metrics
from api.models import ProblemAnswer
from api.routes import advise, calibration, decisions, health, incidents, precedents, runs, schemas, search, storms

DISTRIBUTION = "seenbefore-server"
DESCRIPTION = """
Seen this before? A failure goes in; a verdict (transient or genuine), a decision and the precedents behind it come out.
Errors are RFC 9457 problem details.
"""


def make_app(parts: Parts, *, gate: Gate) -> FastAPI:
    """The app; it owns nothing that needs closing."""
    app = FastAPI(
        title="Seen Before",
        version=version(DISTRIBUTION),
        description=DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's own pages load their assets from elsewhere
        redoc_url=None,
        dependencies=[Depends(known_query)],
    )
    app.state.parts = parts
    app.state.gate = gate
    app.state.metrics = Metrics()
    for module in (advise, incidents, precedents, storms, runs, decisions, schemas, calibration, search, health):
        app.include_router(module.router)
    docs.install(app)
    problems.install(app)
    app.add_middleware(Guard, max_body=parts.settings.max_body_bytes, gate=gate, host=parts.settings.host)
    app.add_middleware(Measured, metrics=app.state.metrics)
    _document_problems(app)
    return app


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
