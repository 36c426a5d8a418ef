"""Sending an import: chunk by chunk, patient with a service that is away for a moment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from api.cli.asking import ATTEMPTS, PAUSE_S, Document, Service, ServiceAway
from api.cli.source import Line

#: A request of this size is one transaction of the service, and all its rejections fit its answer.
MOST_LINES, MOST_BYTES = 500, 8_000_000
PATIENCE_S = 300.0
NDJSON = "application/x-ndjson"


@dataclass
class Sent:
    """What became of a chunk."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[tuple[Line, str]] = field(default_factory=list)


def send(chunk: list[Line], *, service: Service, repeatable: bool) -> Sent:
    """Send what can be sent; `repeatable` allows to send it again when the service was away."""
    sent = Sent(rejected=[(line, line.problem or "") for line in chunk if line.body is None])
    sendable = [line for line in chunk if line.body is not None]
    if not sendable:
        return sent
    content = b"\n".join(line.body or b"" for line in sendable) + b"\n"
    answer = _post(content, service=service, attempts=ATTEMPTS if repeatable else 1)
    sent.accepted, sent.duplicates = answer["accepted"], answer["duplicates"]
    sent.rejected += [(sendable[each["line"] - 1], each["problem"]) for each in answer["rejected"]]
    sent.rejected.sort(key=lambda each: each[0].number)
    return sent


def wait_indexed(service: Service) -> bool:
    """True once everything can be found; False when the service has not got on while it was waited for."""
    pending = None
    while not _post(b"", service=service, attempts=ATTEMPTS, params={"wait": "indexed"})["indexed"]:
        left = service.get("/health/ready")["index_pending"]
        if pending is not None and left >= pending:
            return False
        pending = left
    return True


def _post(content: bytes, *, service: Service, attempts: int, params: dict[str, str] | None = None) -> Document:
    for attempt in range(1, attempts + 1):
        try:
            return service.post("/incidents/import", content, params=params, kind=NDJSON, patience_s=PATIENCE_S)
        except ServiceAway:
            if attempt == attempts:
                raise
            time.sleep(PAUSE_S * attempt)
    raise AssertionError("unreachable")
