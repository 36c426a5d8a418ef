"""The pages as an application of their own below `/ui`: own errors, own headers, and not in the API's document."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import ModuleType

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from api.web import errors
from api.web.address import known_query
from api.web.fences import Fences
from api.web.pages import (
    account,
    ask,
    corrections,
    incident_list,
    incidents,
    overview,
    precedents,
    proposals,
    runs,
    search,
)
from api.web.rendering import PREFIX, Renderer
from api.web.visitors import HOME

#: All pages; the order is that of the navigation.
MODULES: Sequence[ModuleType] = (
    ask,
    search,
    incident_list,
    incidents,
    precedents,
    corrections,
    overview,
    runs,
    proposals,
    account,
)
#: Checks its addresses itself: a search is a form of its own (`SearchAddress`).
CHECKS_ITSELF = search


def install(app: FastAPI) -> FastAPI:
    """Offer the pages under `/ui/`, and lead there from `/`. The parts and the gate are those of `app`."""
    pages = make_pages(app)
    for address in ("/", PREFIX):
        # Not by `app.get`: it would check the query as that of a call of the API.
        app.router.routes.append(APIRoute(address, _home, methods=["GET", "HEAD"], include_in_schema=False))
    app.mount(PREFIX, pages)
    return pages


def make_pages(main: FastAPI) -> FastAPI:
    """All pages that are registered in `MODULES`."""
    pages = FastAPI(title="Seen Before", openapi_url=None, redirect_slashes=False)
    pages.state.parts, pages.state.gate = main.state.parts, main.state.gate
    navigation = [module.NAV for module in MODULES if hasattr(module, "NAV")]
    pages.state.renderer = Renderer(pages, navigation=navigation, version=main.version)
    pages.add_api_route("/static/{name}", _static, methods=["GET"])
    for module in MODULES:
        pages.include_router(module.router, dependencies=[] if module is CHECKS_ITSELF else [Depends(known_query)])
    errors.install(pages)
    pages.add_middleware(Fences, refusal=partial(errors.refusal, pages))
    return pages


async def _home(request: Request) -> RedirectResponse:
    """What stands behind the `?` is for the page to take or refuse."""
    query = request.scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{HOME}?{query}" if query else HOME, status_code=303)


async def _static(name: str, request: Request) -> Response:
    answer: Response = request.app.state.renderer.assets.response(name)
    return answer
