"""Sending webhooks as their makers do: signed over the bytes of the body."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx

from tests.ingest.webhooks import Document

SENTRY_SECRET, GITHUB_SECRET = "sentry-client-secret", "github-webhook-secret"


def signed(body: bytes, *, secret: str) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def send_sentry(client: httpx.Client, resource: str, payload: Any) -> httpx.Response:
    """A webhook of Sentry's."""
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "Request-ID": "4d6ba5e2",
        "Sentry-Hook-Resource": resource,
        "Sentry-Hook-Timestamp": "1795162501",
        "Sentry-Hook-Signature": signed(body, secret=SENTRY_SECRET),
    }
    return client.post("/doors/sentry", content=body, headers=headers)


def send_github(client: httpx.Client, event: str, payload: Any) -> httpx.Response:
    """A delivery of GitHub's."""
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={signed(body, secret=GITHUB_SECRET)}",
    }
    return client.post("/doors/github", content=body, headers=headers)


def became(**counted: Any) -> Document:
    """What a door answers."""
    return {"accepted": 0, "duplicates": 0, "ignored": 0, "outcomes": 0, "rejected": []} | counted
