"""Advice, outcomes and resolutions as plans."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from seenbefore import calls
from seenbefore.advice import Advice, default_advice, read_advice
from seenbefore.core import Core
from seenbefore.failures import failure_body
from seenbefore.plain import is_cancelled, label, name, plain, text
from seenbefore.plans import Ask, Plan, quietly
from seenbefore.spool import Write
from seenbefore.wire import Answer

INCIDENTS = "/incidents"
#: Characters of an `external_id` that the service takes.
LONGEST_ID = 500
#: Of the timeout so much at most is spent on bringing the run's checkpoints first.
FOR_CHECKPOINTS = 0.25
#: Whoever has waited for so much of the timeout has waited in vain; before that, nobody was there.
NEARLY = 0.9
log = logging.getLogger("seenbefore")


def advising(core: Core, error: object, *, external_id: str | None = None, **about: Any) -> Plan[Advice]:
    """Ask within the timeout, building the question included. A failure that has no answer is kept for later.

    `external_id` is the caller's own id of this failure; without one it gets one.
    """
    begun = time.monotonic()
    try:
        core.watch()
        body = failure_body(error, **about) | {"external_id": _id(external_id)}
        if run_id := body.get("run_id"):  # where the run can go on is known once its checkpoints have arrived
            yield quietly(core.flush, lane=calls.run_path(run_id), timeout_s=core.timeout_s * FOR_CHECKPOINTS)
        left = max(0.0, core.timeout_s - (time.monotonic() - begun))
        asked_at = time.monotonic()
        answer: Answer | None = yield Ask(calls.advise(body, key=uuid.uuid4().hex), left)
        if answer is None:  # the same `external_id`: if the service has it after all, it is one incident
            waited_s = time.monotonic() - asked_at
            told = {**body, "occurred_at": datetime.now(UTC).isoformat()}
            yield quietly(core.put, Write(INCIDENTS, "note", calls.post(INCIDENTS, told)))
            if waited_s < left * NEARLY:  # refused, or given up at once since the last silence
                return default_advice("Seen Before does not answer.")
        return read_advice(answer)
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        return default_advice("The client was closed before Seen Before has answered.")
    except Exception as trouble:  # noqa: BLE001,RUF100 - a failure must not fail of being asked about
        log.warning("Seen Before: something of its own went wrong; the pipeline goes on", exc_info=True)
        return default_advice(f"Seen Before could not be asked ({type(trouble).__name__}).")


def _id(given: object) -> str:
    """As the service takes one; a new one where the caller has none."""
    if given in (None, ""):
        return f"seenbefore-{uuid.uuid4().hex}"
    said = text(given, longest=LONGEST_ID + 1)
    return said if len(said) <= LONGEST_ID else label(given)


def incident_of(advice: Advice | str | None) -> str | None:
    """The incident's id: of an advice, or the id itself."""
    given = advice.incident_id if isinstance(advice, Advice) else advice
    return name(given) if given else None


def outcome(
    core: Core, advice: Advice | str | None, *, result: str, attempt: int | None, waited_s: float | None
) -> Plan[None]:
    """Keep how a retry ended; nothing where the failure was not recorded."""
    incident = incident_of(advice)
    if incident:
        request = calls.outcome(incident, result=plain(result), attempt=plain(attempt), waited_s=plain(waited_s))
        yield quietly(core.put, Write(f"{INCIDENTS}/{incident}", "outcome", request))


def resolution(core: Core, advice: Advice | str | None, body: Mapping[str, Any]) -> Plan[None]:
    """Keep what fixed a failure; nothing where the failure was not recorded."""
    incident = incident_of(advice)
    if incident:
        told = {name: plain(value) for name, value in body.items()} | {"summary": text(body["summary"])}
        request = calls.resolution(incident, told)
        yield quietly(core.put, Write(f"{INCIDENTS}/{incident}", "outcome", request))
