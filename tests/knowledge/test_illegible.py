"""A text without words, a picture on the terminal or a dump, is like all others of its kind: that proves nothing."""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from knowledge.correcting import Correction, Signed
from knowledge.failures import Cause, Failure, Verdict
from tests.knowledge.conftest import World

ALLOWED = bytes(range(1, 256))
REAL = "QuinceError: the worker of the orchard was lost, its heartbeat stopped 30 s ago"


def noise(seed: int, length: int = 10_000) -> bytes:
    """Bytes of no meaning, but no NUL: the edge refuses those."""
    return bytes(random.Random(seed).choices(ALLOWED, k=length))


def in_lines(text: str) -> str:
    """As `base64` and `xxd -p` print it."""
    return "\n".join(text[at : at + 76] for at in range(0, len(text), 76))


#: A printed text for each number.
PRINTED: dict[str, Callable[[int], str]] = {
    "bytes": lambda seed: noise(seed).decode(errors="replace"),
    "picture": lambda seed: (b"\x89PNG\r\n\x1a\n" + zlib.compress(noise(seed)).replace(b"\0", b"")).decode(
        errors="replace"
    ),
    "latin-1": lambda seed: noise(seed).decode("latin-1"),
    "base64": lambda seed: base64.b64encode(noise(seed)).decode(),
    "base64 in lines": lambda seed: in_lines(base64.b64encode(noise(seed)).decode()),
    "hex": lambda seed: in_lines(noise(seed).hex()),
    "undecoded": lambda seed: "\ufffd" * (1_000 + seed),
}


async def asked(world: World, text: str) -> dict[str, Any]:
    """The answer to it."""
    return await world.service.advise("team", Failure(text=text), dry_run=True)


def told(answer: dict[str, Any]) -> tuple[str, str | None, str]:
    """Verdict, cause, decision."""
    return answer["verdict"], answer["cause"], answer["decision"]["action"]


@pytest.mark.parametrize("kind", PRINTED)
async def test_says_nothing_of_others_of_its_kind(world: World, kind: str) -> None:
    """However many were judged alike; nor of failures that can be read."""
    before = told(await asked(world, REAL))
    for number in range(4):
        failure = Failure(text=PRINTED[kind](number), verdict=Verdict.GENUINE, cause=Cause.CODE_DEFECT)
        await world.service.record("team", failure)
    await world.indexer.drain()

    assert {("unknown", None, "default")} == {told(await asked(world, PRINTED[other](50))) for other in PRINTED}
    assert before == told(await asked(world, REAL))


async def test_what_can_be_read_beside_it_is_heard(world: World) -> None:
    """A message in another encoding has words as well; the very same noise is the same failure."""
    for number in range(3):
        text = f"{REAL}: \ufffd\ufffd\ufffd \ufffd\ufffd{number}"
        await world.service.record("team", Failure(text=text, verdict=Verdict.TRANSIENT, cause=Cause.PREEMPTION))
    same = PRINTED["bytes"](1)
    await world.service.record("team", Failure(text=same, verdict=Verdict.GENUINE, cause=Cause.CODE_DEFECT))
    await world.indexer.drain()

    assert "transient" == (await asked(world, f"{REAL}: \ufffd\ufffd"))["verdict"]
    assert "genuine" == (await asked(world, same))["verdict"]


async def test_people_decide_all_the_same(world: World) -> None:
    """What somebody said of the precedent of dumps holds for dumps."""
    made = await world.service.record("team", Failure(text=PRINTED["hex"](1)))
    id = UUID(made["precedent_id"])
    read = await world.service.precedent("team", id)
    correction = Correction(verdict=Verdict.GENUINE)
    await world.service.change("team", id, correction, expected_version=read["version"], signed=Signed("ada"))

    assert "genuine" == (await asked(world, PRINTED["hex"](2)))["verdict"]
