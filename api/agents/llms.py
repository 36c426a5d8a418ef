"""`/llms.txt`: what the service is and how it is asked, for agents that find it by its address."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import PlainTextResponse

TEXT = Path(__file__).with_name("llms.txt")


def install(app: FastAPI) -> None:
    """Serve the file beside this module; it says nothing of anybody's failures, so nobody is asked for a key."""
    text = TEXT.read_text(encoding="utf-8")

    @app.get("/llms.txt", include_in_schema=False)
    async def llms() -> PlainTextResponse:
        return PlainTextResponse(text)
