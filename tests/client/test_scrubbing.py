"""Secrets that are plain to see are not kept on the disk; the service makes the same of a text either way."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from knowledge.signature.scrub import scrub
from seenbefore.scrubbing import scrubbed, scrubbed_body
from tests.client import servers
from tests.client.conftest import MakeMemory

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----"  # gitleaks:allow
SECRETS = [
    ("headers {'Authorization': 'Bearer abcDEF123456789xyz', 'Accept': '*/*'}", "abcDEF123456789xyz"),
    ("Authorization: Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    ('{"authorization": "Token 0123456789abcdef0123"}', "0123456789abcdef0123"),
    ("Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPL3/x, Signature=fe5f80", "fe5f80"),
    ("postgresql://bob:hunter2@db.internal:5432/x refused", "hunter2"),
    ("could not connect to redis://:s3cr3tpw@10.0.0.1:6379/0", "s3cr3tpw"),
    ("AKIAIOSFODNN7EXAMPL3 is not authorized", "AKIAIOSFODNN7EXAMPL3"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ("host=db password=hunter2", "hunter2"),
    ('{"password": "hunter2", "user": "bob"}', "hunter2"),
    ("connect(password='hunter2 with a space', port=3)", "hunter2"),
    ('api_key: "abcdefghij1234567890abcd"', "abcdefghij1234567890abcd"),
    ("https://x:ghp_abcdefghij1234567890abcdefghij123456@github.com/a/b", "ghp_"),
    ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w bad", "eyJhbGci"),
    ("bearer abcdefghij1234567890abcd", "abcdefghij1234567890abcd"),
    (KEY, "MIIEabc"),
]
PLAIN = [
    "password=None",
    "invalid password: user does not exist",
    'password authentication failed for user "bob"',
    "KeyError: 'password'",
    "primary_key=id pad_token=0 max_tokens=4096",
    "pwd=/home/bob/work",
    "https://host:8080/path@1",
    "the bearer authentication scheme of this proxy",
    'error: secret: "db-creds" not found',
    'FATAL: password="${DB_PASSWORD}"',
    "password=[secret]",
    "CUDA out of memory. Tried to allocate 2.00 GiB",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secret_is_taken_out(text: str, secret: str) -> None:
    """And the service makes the same of what is left as of the whole."""
    assert secret not in scrubbed(text)
    assert scrub(text) == scrub(scrubbed(text))


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    """It tells what has failed."""
    assert text == scrubbed(text)


def test_every_text_of_a_body_is_looked_at() -> None:
    """At any depth; numbers and names stay."""
    body = b'{"a":[{"b":"password=hunter2"},1.5,null,true],"\xc3\xa4":"\xe2\x82\xac"}'

    assert body.replace(b"hunter2", b"[secret]") == scrubbed_body(body)


@pytest.mark.parametrize(
    "text",
    [
        *("password=", "password='", "authorization: ", "bearer ", "a://", "eyJaaaaaaaaaaa.", 'api_key => "'),
        "-----BEGIN PRIVATE KEY-----",
        "akia eyj password :// authorization bearer",
        "a://" + "b" * 99,
    ],
)
def test_hostile_text_takes_no_long_time(text: str) -> None:
    """Half a megabyte of it."""
    begun = time.thread_time()
    scrubbed((text * 500_000)[:500_000])
    scrubbed((text + "a" * 500_000)[:500_000])

    assert time.thread_time() - begun < 3.0


def test_failure_that_waits_has_no_password_on_the_disk(memory_of: MakeMemory, spool: Path) -> None:
    """Nor has what fixed it, nor why something was chosen."""
    memory = memory_of(f"http://127.0.0.1:{servers.free_port()}")
    memory.advise(OSError("cannot connect to postgresql://bob:hunter2@db/x"))
    memory.resolve("i-1", "set password=hunter2")
    with memory.run("p", run_id="r") as run:
        run.decide("agent", "release", choice={"dsn": "mysql://bob:hunter2@db"}, rationale="password='hunter2'")
    memory.close()
    stored = b"".join(path.read_bytes() for path in spool.parent.iterdir())

    assert 4 <= stored.count(b"[secret]")
    assert b"hunter2" not in stored
