"""The session that the documentation shows is one that can be had."""

from __future__ import annotations

import re
from pathlib import Path

from tests.api.agents.session import page, record

PAGE = Path(__file__).parents[3] / "docs" / "mcp-session.md"
#: What differs from session to session: ids, times, marks, and figures that move with what is documented.
VARYING = (
    (r"data-[0-9a-f]{12}", "data-MARK"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\b[0-9a-f]{32}\b", "FINGERPRINT"),
    (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
    (r"\d+\.\d+(\.\d+)?", "NUMBER"),
)


def without_what_varies(text: str) -> str:
    """A page in which only the rest is left."""
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text


async def test_the_documented_session_is_real(writing_url: str) -> None:
    """If this fails because answers have changed: python -m tests.api.agents.session URL > docs/mcp-session.md."""
    made = page(await record(writing_url))

    assert without_what_varies(PAGE.read_text()) == without_what_varies(made)
