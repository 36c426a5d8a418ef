"""All that the service answers to, as its app has it: also what its OpenAPI document does not tell of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import cast

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from api.app import make_app
from api.auth import Gate
from api.composition import Parts
from api.metrics import Metrics
from api.settings import Settings


@cache
def routes() -> frozenset[tuple[str, str]]:
    """Method and path of each route, without a service behind it; a route of any method counts as a POST."""
    parts = cast(Parts, SimpleNamespace(settings=Settings(), database=None, metrics=Metrics()))
    app = make_app(parts, gate=Gate(parts.database, open=True))
    return frozenset(_routes_of(app, below=""))


def _routes_of(app: FastAPI, *, below: str) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        mounted = route.original_route
        if isinstance(mounted, Mount):
            if isinstance(mounted.app, FastAPI):
                yield from _routes_of(mounted.app, below=below + mounted.path)
            else:
                yield "GET", f"{below}{mounted.path}/"
            continue
        for method in (route.methods or {"POST"}) - {"HEAD"}:
            yield method, f"{below}{route.path}"
