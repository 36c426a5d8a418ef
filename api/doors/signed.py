"""Webhooks that are signed with a shared secret: the proof, and the document that it proves."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import SecretStr

from api.problems import Problem, Unproven
from ingest.foreign import json_of

HEX = frozenset("0123456789abcdef")
FORM = "application/x-www-form-urlencoded"


def secret_of(setting: SecretStr | None, *, name: str, sender: str) -> bytes:
    """The secret's bytes; raises a 404 problem where none is set."""
    secret = setting.get_secret_value().strip() if setting else ""
    if not secret:
        raise Problem(404, f"The door for {sender} is not set up here: {name}.")
    return secret.encode()


async def signed_body(request: Request, *, secret: bytes, header: str, prefix: str = "") -> bytes:
    """The body, when its HMAC-SHA256 under the secret is in the header in hex; raises `Unproven` otherwise."""
    body = await request.body()
    given = request.headers.getlist(header)
    if len(given) != 1 or not given[0]:
        raise Unproven(f"The webhook is not signed: it needs the header {header}, once.", field=header)
    if not _is_digest(given[0], prefix=prefix):
        said = f"{prefix} and then " if prefix else ""
        raise Unproven(f"{header} holds no signature: it takes {said}64 hex digits in small letters.", field=header)
    expected = prefix + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given[0], expected):
        raise Unproven(
            f"The webhook's signature ({header}) does not match: its sender has another secret than is set here, or "
            "the body was changed on the way.",
            field=header,
        )
    return body


def _is_digest(given: str, *, prefix: str) -> bool:
    return given.startswith(prefix) and len(given) == len(prefix) + 64 and HEX.issuperset(given[len(prefix) :])


def document_of(body: bytes, *, kind: str = "application/json") -> Mapping[str, Any]:
    """A body's JSON object; in a form it is the field `payload`. Raises a 400 problem for anything else."""
    try:
        if kind.partition(";")[0].strip().lower() == FORM:
            body = dict(parse_qsl(body.decode(), max_num_fields=10))["payload"].encode()
        document = json_of(body)
    except (ValueError, KeyError):
        raise Problem(400, "This is not valid JSON.", field="body") from None
    if not isinstance(document, dict):
        raise Problem(400, "The body is no JSON object.", field="body")
    return document
