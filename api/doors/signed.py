"""Webhooks that are signed with a shared secret: the proof, and the document that it proves."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request
from pydantic import SecretStr

from api.problems import Problem

FORM = "application/x-www-form-urlencoded"


def secret_of(setting: SecretStr | None, *, name: str, sender: str) -> bytes:
    """The secret's bytes; raises a 404 problem where none is set."""
    secret = setting.get_secret_value().strip() if setting else ""
    if not secret:
        raise Problem(404, f"The door for {sender} is not set up here: {name}.")
    return secret.encode()


async def signed_body(request: Request, *, secret: bytes, header: str, prefix: str = "") -> bytes:
    """The body, when its HMAC-SHA256 under the secret is in the header in hex; raises a 401 problem otherwise."""
    body = await request.body()
    given = request.headers.getlist(header)
    expected = prefix + hmac.new(secret, body, hashlib.sha256).hexdigest()
    # Bytes: texts that are not ASCII cannot be compared in constant time.
    if len(given) != 1 or not hmac.compare_digest(given[0].encode("utf-8", "surrogatepass"), expected.encode()):
        raise Problem(401, f"This is not signed with the secret that is set here ({header}).", field=header)
    return body


def document_of(body: bytes, *, kind: str = "application/json") -> Mapping[str, Any]:
    """A body's JSON object; in a form it is the field `payload`. Raises a 400 problem for anything else."""
    try:
        if kind.partition(";")[0].strip().lower() == FORM:
            body = dict(parse_qsl(body.decode(), max_num_fields=10))["payload"].encode()
        document = orjson.loads(body)
    except (ValueError, KeyError, RecursionError):
        raise Problem(400, "This is not valid JSON.", field="body") from None
    if not isinstance(document, dict):
        raise Problem(400, "The body is no JSON object.", field="body")
    return document
