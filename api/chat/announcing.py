"""What a channel is told: a precedent that is new, several at once, and a storm."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.chat import blocks
from api.chat.answers import MOST_TEMPLATE, clock, page_of
from api.chat.asking import Asking
from api.chat.inert import inert, one_line
from api.wording import counted, duration
from knowledge.documents import Document

MOST_NAME = 25
MOST_LINE = 100
#: Failures that one message lists.
LISTED = 14
#: What became of a storm that is over.
ENDS = {"recovered": "a retry passed", "expired": "nobody is hit any more"}


@dataclass(frozen=True, slots=True)
class Announcement:
    """A message to a channel; `told` is what it says, to see whether there is something new to say."""

    message: dict[str, Any]
    told: Mapping[str, Any]
    is_last: bool


async def of_precedent(asking: Asking, incident_id: UUID) -> Announcement:
    """A failure that nothing like it was seen before."""
    incident = await asking.service.incident(asking.workspace, incident_id)
    page = page_of("incidents", incident["id"], public_url=asking.public_url)
    text = "A failure that was not seen before"
    parts = [
        blocks.section(blocks.bold(text), blocks.text(where(incident))),
        blocks.preformatted(inert(incident["template"], most=MOST_TEMPLATE)),
        *linked(page),
    ]
    return Announcement(blocks.message([blocks.rich(*parts)], text=f"{text}."), told={}, is_last=True)


async def of_precedents(asking: Asking, incident_ids: list[UUID]) -> Announcement:
    """Many that are new at once, a line each; of very many the first."""
    listed = incident_ids[:LISTED]
    read = await asyncio.gather(*(asking.service.incident(asking.workspace, each) for each in listed))
    return Announcement(together(read, count=len(incident_ids)), told={}, is_last=True)


def together(incidents: list[Document], *, count: int) -> dict[str, Any]:
    """The message of several incidents, a line each, that are the first of so many."""
    text = f"{count:,} failures that were not seen before"
    lines = [f"{one_line(each['template'], most=MOST_LINE)}{where(each)}" for each in incidents]
    if count > len(incidents):
        lines.append(f"and {count - len(incidents):,} more")
    lists = {
        "type": "rich_text_list",
        "style": "bullet",
        "elements": [blocks.section(blocks.text(line)) for line in lines],
    }
    return blocks.message([blocks.rich(blocks.section(blocks.bold(text)), lists)], text=f"{text}.")


def of_storm(storm: Document, *, public_url: str | None) -> Announcement:
    """A storm as it is now."""
    over = storm["ended_at"] is not None
    told = {name: storm[name] for name in ("state", "runs", "incidents", "ended_at", "wait_s")}
    hit = f"{counted(storm['runs'], 'run')} hit since {clock(storm['since'])}"
    text = f"Storm over: {hit}" if over else f"Storm: {hit}"
    rest = (
        f"It ended at {clock(storm['ended_at'])}: {ENDS[storm['state']]}."
        if over
        else f"One failure in many runs: an outage, not many failures. One run tries for all, every "
        f"{duration(storm['wait_s'])}; the others wait."
    )
    parts = [
        blocks.section(blocks.bold(text), blocks.text(f", {counted(storm['incidents'], 'failure')} in all.")),
        blocks.preformatted(inert(storm["template"], most=MOST_TEMPLATE)),
        blocks.section(blocks.text(rest)),
        *linked(page_of("precedents", storm["precedent_id"], public_url=public_url)),
    ]
    return Announcement(blocks.message([blocks.rich(*parts)], text=f"{text}."), told=told, is_last=over)


def where(incident: Document) -> str:
    """` in pipeline p, step s, run r`, as far as it was told."""
    named = [(kind, incident[name]) for kind, name in (("pipeline", "pipeline"), ("step", "step"), ("run", "run_id"))]
    told = [f"{kind} {one_line(name, most=MOST_NAME)}" for kind, name in named if name]
    return f" in {', '.join(told)}" if told else ""


def linked(page: str | None) -> list[blocks.Block]:
    """The way to its page."""
    return [blocks.section(blocks.link(page, "Its page"))] if page else []
