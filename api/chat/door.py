"""Slack's requests at the door: signed, fresh, never seen before, and sound. All others are refused with 401."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl

from fastapi import Request
from slack_sdk.signature import Clock, SignatureVerifier

from api.chat import payloads
from api.problems import Unproven
from ingest import strict_json
from knowledge.arrivals import Arrivals

SIGNATURE, TIMESTAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
#: A timestamp has ten digits until the year 2286.
LONGEST_TIMESTAMP = 12
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 100


class _Now(Clock):
    def now(self) -> float:
        return time.time()


class Door:
    """What lets Slack in: the signing secret, and what has come before."""

    def __init__(self, signing_secret: str, *, arrivals: Arrivals) -> None:
        self._verifier = SignatureVerifier(signing_secret, clock=_Now())
        self._arrivals = arrivals

    async def checked(self, request: Request) -> payloads.Payload:
        """The payload of a request from Slack, as far as it is read; raises `Unproven` for anything else.

        The same signature twice is a replay. Slack's own retries are signed anew.
        """
        body = await request.body()
        signature = _only(request, SIGNATURE)
        if not self._is_signed(body, timestamp=_only(request, TIMESTAMP), signature=signature):
            raise Unproven("This is not signed by Slack, or not within the last 5 minutes.", field=SIGNATURE)
        if not await self._arrivals.is_first(f"slack signature {signature}"):
            raise Unproven("This request has come before.", field=SIGNATURE)
        return payload_of(body, kind=request.headers.get("content-type", ""))

    def _is_signed(self, body: bytes, *, timestamp: str, signature: str) -> bool:
        # The library raises on what is no number and on what is not ASCII.
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIMESTAMP):
            return False
        if not signature.isascii():
            return False
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except UnicodeDecodeError:
            return False


def _only(request: Request, name: str) -> str:
    """A header that is there once; else nothing."""
    given = request.headers.getlist(name)
    return given[0] if len(given) == 1 else ""


def payload_of(body: bytes, *, kind: str) -> payloads.Payload:
    """An event (JSON), an interaction (JSON in a form) or a command (a form); raises `Unproven`."""
    try:
        if kind.partition(";")[0].strip().lower() != FORM:
            return payloads.event(strict_json.loads(body))
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        if "payload" in form:
            return payloads.interaction(strict_json.loads(form["payload"].encode()))
        return payloads.command(form)
    except ValueError:
        raise Unproven("This is no request of Slack's.", field="body") from None
