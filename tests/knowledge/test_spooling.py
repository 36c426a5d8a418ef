"""What the spool keeps of a failure, and what is read of it again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from knowledge.errors import InvalidInput, StoreUnavailable
from knowledge.failures import Action, Cause, ErrorInfo, Failure, Resolution, Verdict
from knowledge.intake import Prepared, prepare_now
from knowledge.once import Once
from knowledge.signature import SIGNATURE_VERSION, sign
from knowledge.spooling import KeptAside, aside_id, from_body, to_body
from knowledge.store.ids import uuid7

DAMAGED = [b"", b"[]", b"{}", b'{"failure": {"error": 1}}', b'{"incident_id"']
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FULL = Failure(
    error=ErrorInfo("E", None, "at f"),
    text="boom 连接",
    pipeline="p",
    step="s",
    run_id="r",
    attempt=2,
    max_attempts=3,
    occurred_at=NOW,
    environment={"a": [1, None, {"b": True}]},
    spent={"gpu_hours": 1.5},
    external_id="x",
    verdict=Verdict.GENUINE,
    cause=Cause.NETWORK,
    resolution=Resolution("Waited.", Action.RETRY_NOW, "ana", {"torch": "2.13"}),
)
ONCE = Once.of("k", route="POST /advise", body=b"{}")


@pytest.mark.parametrize(
    "kept",
    [
        KeptAside(uuid7(), prepare_now(FULL), ONCE, {"incident_id": "x", "evidence": []}),
        KeptAside(uuid7(), prepare_now(Failure(text="boom", occurred_at=NOW))),
    ],
)
def test_it_comes_back_whole(kept: KeptAside) -> None:
    """Every field, the signature, the key and its answer."""
    assert kept == from_body(to_body(kept))


@pytest.mark.parametrize("change", ["absent", "older"])
def test_signature_of_another_version_is_made_anew(change: str) -> None:
    """Also where an earlier version kept none."""
    failure = Failure(text="QuinceError: the ledger is torn", occurred_at=NOW)
    stale = replace(sign(failure), fingerprint="0" * 32, version=SIGNATURE_VERSION - 1)
    document = orjson.loads(to_body(KeptAside(uuid7(), Prepared(failure, stale))))
    if change == "absent":
        del document["signature"]

    assert sign(failure) == from_body(orjson.dumps(document)).prepared.signature


@pytest.mark.parametrize("body", DAMAGED)
def test_what_cannot_be_read_is_named(body: bytes) -> None:
    """A damaged file is no reason to stop."""
    with pytest.raises(InvalidInput, match="cannot be read"):
        from_body(body)


def test_what_json_cannot_say_is_refused() -> None:
    """For now: with PostgreSQL back it is told what is wrong with it."""
    prepared = prepare_now(Failure(text="boom", environment={"seed": 2**64}))

    with pytest.raises(StoreUnavailable):
        to_body(KeptAside(uuid7(), prepared))


def test_ids_follow_from_what_names_the_failure() -> None:
    """Its `external_id` before the key; another workspace, id, key or body is another failure."""
    plain, named = Failure(text="boom"), Failure(text="boom", external_id="ticket 1")
    others = [replace(ONCE, route="r"), replace(ONCE, request_hash=b"h"), replace(ONCE, key_hash=b"h")]
    distinct = [
        aside_id("team", named, once=None),
        aside_id("other", named, once=None),
        aside_id("team", replace(named, external_id="ticket 2"), once=None),
        *(aside_id("team", plain, once=once) for once in (ONCE, *others, None, None)),
    ]

    assert len(distinct) == len(set(distinct))
    assert distinct[0] == aside_id("team", named, once=ONCE)
    assert distinct[3] == aside_id("team", replace(plain, text="else"), once=ONCE)
