"""A secret that is sent in any field is found nowhere: in no table, index, file, log line or answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import qdrant_edge
from psycopg import sql

from knowledge.signature.scrub import scrub
from tests.api.durability.process import ServiceProcess, start

#: What is looked for, and how it is worded where it is sent. None is a secret of anybody's.
SECRETS = {
    "AKIA" + "Q3EGRZ7XNWPLKM4T": "{}",
    "ghp_" + "Vb7Kq2Zx9Lw4Rt6Yn8Mc3Jd5Hf1Gs0PaQeUi": "{}",
    "sk-proj-" + "t8Wq3Zr6Lx1Vn9Kb4Mc7Jd2Hf5Gs0PyAeUiTo": "{}",
    "xoxb-" + "871263540912-Qw9Zr3Lx6Vn1Kb8Mc": "{}",
    "tr0ub4dor-Xq9-plinth": "postgresql://svc:{}@db.internal:5432/features",
    "Zk4-quartz-lantern-77": "password={}",
    "mF9qB5f41JqM8zT6Lw2KxV7n": "Authorization: Bearer {}",
    "wJalrXUtnFEMI9K7MDENGbPxRfiCYzQqLmT4vN8s": "AWS_SECRET_ACCESS_KEY={}",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJxdWFydHoifQ.Q3xk9LmZr7TnVw2Yb5Pc8Jd1Hf4Gs6": "{}",
    "MIIEpAIBAAKCAQEAx7Kq2Zx9Lw4Rt6Yn8Mc3Jd5Hf1Gs0PaQeUiTo": (
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"
    ),
    "quartz.lantern@plinth-internal.example": "{}",
    "4539 1488 0343 6467": "card {}",
}


@dataclass
class Correspondence:
    """All that is sent to a service, and all that it answers."""

    service: ServiceProcess
    answers: list[str] = field(default_factory=list)

    def send(self, method: str, path: str, **request: Any) -> Any:
        """Ask, and keep the answer with its headers."""
        with self.service.client("vault") as client:
            response = client.request(method, path, **request)
        self.answers += [response.text, *response.headers.values()]
        assert response.status_code < 500, response.text
        return response.json()


def failure(said: str, *, number: int) -> dict[str, Any]:
    """A request with the secret in every field that takes text."""
    return {
        "error": {
            "type": f"ValueError {said}",
            "message": f"failed with {said}",
            "stacktrace": f"at f({said})\n{said}",
        },
        "text": f"step {number} failed:\n{said}\nexit code 1",
        "pipeline": f"p {said}"[:500],
        "step": said[:500],
        "run_id": f"r {said}"[:500],
        "environment": {"note": said, said: {"nested": [said, {said: said}]}, "password": said},
        "spent": {said: 1.0},
        "external_id": f"{number} {said}"[:500],
    }


def tell(letters: Correspondence, said: str, *, number: int) -> None:
    """The secret by every door."""
    stated = {"verdict": "genuine", "cause": "permission", "resolution": {"summary": f"rotated {said}"}}
    advice = letters.send("POST", "/advise", json=failure(said, number=number))
    letters.send("POST", "/advise", params={"dry_run": True}, json=failure(said, number=number))
    letters.send("POST", "/incidents", json=failure(said, number=100 + number) | stated)
    lines = [json.dumps(failure(said, number=200 + number) | stated), json.dumps({"text": "x", said: 1}), f'{{"{said}']
    letters.send("POST", "/incidents/import", params={"wait": "indexed"}, content="\n".join(lines))
    body = {"summary": f"used {said}", "author": said[:500], "verdict": "genuine"}
    letters.send("POST", f"/incidents/{advice['incident_id']}/resolution", json=body)
    precedent = advice["precedent"]["id"]
    with letters.service.client("vault") as client:
        version = client.get(f"/precedents/{precedent}").headers["etag"]
    patch = {"verdict": "genuine", "author": said[:500], "reason": said, "resolution": {"summary": f"as {said}"}}
    letters.send("PATCH", f"/precedents/{precedent}", json=patch, headers={"If-Match": version})
    split = {"fingerprints": [said[:500]], "author": said[:500], "reason": said}
    letters.send("POST", f"/precedents/{precedent}/split", json=split, headers={"If-Match": version})


def provoke(letters: Correspondence, said: str) -> None:
    """Refusals, which quote what they refuse."""
    letters.send("POST", "/advise", json={"text": "x", said: said, "error": {said: said}})
    letters.send("POST", "/advise", json={"text": "x", "environment": {said: "\0"}, "spent": {said: -1}})
    letters.send("POST", "/incidents", json={"text": "x", "verdict": said, "attempt": said, "occurred_at": said})
    letters.send("GET", "/incidents", params={"pipeline": said, "verdict": said, "cursor": said})
    letters.send("GET", "/search", params={"q": said})
    letters.send("POST", "/nowhere", json={said: said})


def everything_read(letters: Correspondence) -> None:
    """What can be read of it afterwards."""
    for incident in letters.send("GET", "/incidents", params={"limit": 200})["incidents"]:
        letters.send("GET", f"/incidents/{incident['id']}")
        letters.send("GET", f"/precedents/{incident['precedent_id']}")
    letters.send("GET", "/search", params={"q": "rotated", "limit": 100})


def rows(url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text; large values are whole here, while files hold them compressed."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind = 'r'"
        ).fetchall()
        for (name,) in tables:
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))
            yield from ((f"table {name}", row[0]) for row in connection.execute(query))


def payloads(data: Path) -> Iterator[tuple[str, str]]:
    """Every payload of every point."""
    for config in (data / "qdrant").rglob("edge_config.json"):
        shard = qdrant_edge.EdgeShard.load(str(config.parent))
        offset = None
        while True:
            request = qdrant_edge.ScrollRequest(offset=offset, limit=1_000, with_payload=True, with_vector=False)
            records, offset = shard.scroll(request)
            yield from (("index", json.dumps(record.payload, ensure_ascii=False)) for record in records)
            if offset is None:
                break
        shard.close()


def files(data: Path) -> Iterator[tuple[str, str]]:
    """Every byte below the data folder: write-ahead logs, spool, the service's log."""
    for path in data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(data)), path.read_bytes().decode("latin-1")


def found(places: Iterator[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which secrets are in which places."""
    return {(place, secret) for place, text in places for secret in SECRETS if secret in text}


@pytest.fixture(scope="module")
def told(new_data: Callable[[], Path]) -> Iterator[Correspondence]:
    """A service that logs all it can, and has been told every secret by every door."""
    service = start(new_data(), SEENBEFORE_LOG_LEVEL="debug")
    letters = Correspondence(service)
    try:
        for number, (secret, wording) in enumerate(SECRETS.items()):
            tell(letters, wording.format(secret), number=number)
            provoke(letters, wording.format(secret))
        everything_read(letters)
        yield letters
    finally:
        if service.process.poll() is None:
            service.stop()


def test_the_search_finds_what_is_there(told: Correspondence) -> None:
    """What stands around the secrets was stored: the scans below look where things are."""
    texts = [text for _, text in rows(told.service.database_url)]

    assert any("[secret]" in text for text in texts)
    assert len(SECRETS) <= sum("rotated" in text for text in texts)


@pytest.mark.parametrize("secret", SECRETS)
def test_every_secret_is_known_as_one(secret: str) -> None:
    """In its wording it is scrubbed."""
    assert secret not in scrub(SECRETS[secret].format(secret))


def test_no_answer_holds_a_secret(told: Correspondence) -> None:
    """Neither advice nor refusals."""
    assert set() == found(("answer", text) for text in told.answers)


def test_no_table_holds_a_secret(told: Correspondence) -> None:
    """Nor the audit trail, nor the advice that was kept."""
    assert set() == found(rows(told.service.database_url))


def test_no_file_and_no_payload_holds_a_secret(told: Correspondence) -> None:
    """Once everything is written out: the last test, for it stops the service."""
    told.service.stop()
    indexed = list(payloads(told.service.data))

    assert len(SECRETS) <= sum("rotated" in text for _, text in indexed)
    assert set() == found(iter(indexed))
    assert set() == found(files(told.service.data))
