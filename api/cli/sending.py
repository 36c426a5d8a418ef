"""Sending an import: chunk by chunk, patient with a service that is away for a moment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from api.cli.asking import ATTEMPTS, PAUSE_S, Document, Service, ServiceAway, ServiceTrouble
from api.cli.source import Line

#: A request of this size is one transaction of the service, and all its rejections fit its answer.
MOST_LINES, MOST_BYTES = 500, 8_000_000
PATIENCE_S = 300.0
NDJSON = "application/x-ndjson"
#: What the service answers to a failure that it does not take, whoever sends it and however often.
REFUSED = (409, 413, 422)


@dataclass
class Sent:
    """What became of a chunk."""

    accepted: int = 0
    duplicates: int = 0
    outcomes: int = 0
    rejected: list[tuple[Line, str]] = field(default_factory=list)


def send(chunk: list[Line], *, service: Service, repeatable: bool) -> Sent:
    """Send what can be sent; `repeatable` allows to send it again when the service was away."""
    sent = Sent(rejected=[(line, line.problem or "") for line in chunk if line.body is None])
    for line in chunk:
        if line.body is not None and line.outcome is not None:
            _send_with_outcome(line, service=service, sent=sent, attempts=ATTEMPTS if repeatable else 1)
    sendable = [line for line in chunk if line.body is not None and line.outcome is None]
    if sendable:
        _send_together(sendable, service=service, sent=sent, repeatable=repeatable)
    sent.rejected.sort(key=lambda each: each[0].number)
    return sent


def _send_together(sendable: list[Line], *, service: Service, sent: Sent, repeatable: bool) -> None:
    content = b"\n".join(line.body or b"" for line in sendable) + b"\n"
    answer = _post(content, service=service, attempts=ATTEMPTS if repeatable else 1)
    sent.accepted += answer["accepted"]
    sent.duplicates += answer["duplicates"]
    sent.rejected += [(sendable[each["line"] - 1], each["problem"]) for each in answer["rejected"]]


def _send_with_outcome(line: Line, *, service: Service, sent: Sent, attempts: int) -> None:
    """One that is known to have been tried again: the outcome needs the incident's id. Told again it is the same."""
    try:
        incident = _patiently(lambda: service.post("/incidents", line.body or b""), attempts=attempts)
        outcome = {name: value for name, value in asdict(line.outcome).items() if value is not None}  # type: ignore[arg-type]
        place = f"/incidents/{incident['id']}/outcome"
        _patiently(lambda: service.post(place, json.dumps(outcome).encode()), attempts=attempts)
    except ServiceTrouble as trouble:
        if trouble.status not in REFUSED:
            raise
        sent.rejected.append((line, trouble.message))
        return
    sent.accepted += not incident["duplicate"]
    sent.duplicates += bool(incident["duplicate"])
    sent.outcomes += 1


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
    def post() -> Document:
        return service.post("/incidents/import", content, params=params, kind=NDJSON, patience_s=PATIENCE_S)

    return _patiently(post, attempts=attempts)


def _patiently(call: Callable[[], Document], *, attempts: int) -> Document:
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except ServiceAway:
            if attempt == attempts:
                raise
            time.sleep(PAUSE_S * attempt)
    raise AssertionError("unreachable")
