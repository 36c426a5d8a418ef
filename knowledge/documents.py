"""What is known, as the JSON of the HTTP contract."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from knowledge.advisor.advice import Advice, Decision, Evidence, Retries, Strategy
from knowledge.store.records import IncidentRecord, OutcomeRecord, PrecedentRecord, ResolutionRecord, SignatureRecord

Document = dict[str, Any]


def of_advice(advice: Advice) -> Document:
    """The answer of `POST /advise`."""
    return {
        "advice_id": _text(advice.advice_id),
        "incident_id": _text(advice.incident_id),
        "verdict": advice.verdict.value,
        "confidence": round(advice.confidence, 4),
        "cause": _text(advice.cause),
        "decision": _decision(advice.decision),
        "strategy": _strategy(advice.strategy),
        "precedent": None
        if advice.precedent is None
        else {
            "id": str(advice.precedent.id),
            "fingerprint": advice.precedent.fingerprint,
            "template": advice.precedent.template,
            "occurrences": advice.precedent.occurrences,
            "first_seen": _moment(advice.precedent.first_seen),
            "last_seen": _moment(advice.precedent.last_seen),
        },
        "seen_before": advice.seen_before,
        "evidence": [of_evidence(entry) for entry in advice.evidence],
        "storm": advice.storm,
        "degraded": list(advice.degraded),
    }


def _decision(decision: Decision) -> Document:
    return {
        "action": decision.action.value,
        "retry_delay_s": decision.retry_delay_s,
        "max_attempts": decision.max_attempts,
        "reason": decision.reason,
    }


def _strategy(strategy: Strategy) -> Document:
    return {
        "action": strategy.action.value,
        "multiplier": strategy.multiplier,
        "max_delay_s": strategy.max_delay_s,
        "jitter": strategy.jitter,
        "resume": strategy.resume,
    }


def of_evidence(entry: Evidence) -> Document:
    """One neighbour."""
    return {
        "precedent_id": str(entry.precedent_id),
        "incident_id": _text(entry.incident_id),
        "external_id": entry.external_id,
        "similarity": entry.similarity,
        "verdict": entry.verdict.value,
        "cause": _text(entry.cause),
        "title": entry.title,
        "template": entry.template,
        "resolution": entry.resolution,
        "retries": _retries(entry.retries),
        "same_because": list(entry.same_because),
        "differs_in": list(entry.differs_in),
        "source": entry.source.value,
    }


def _retries(retries: Retries) -> Document:
    return {"succeeded": retries.succeeded, "failed": retries.failed}


def of_incident(incident: IncidentRecord) -> Document:
    """One incident."""
    return {
        "id": str(incident.id),
        "precedent_id": str(incident.precedent_id),
        "fingerprint": incident.fingerprint,
        "template": incident.template,
        "verdict": incident.verdict.value,
        "cause": _text(incident.cause),
        "occurred_at": _moment(incident.occurred_at),
        "recorded_at": _moment(incident.recorded_at),
        "pipeline": incident.pipeline,
        "step": incident.step,
        "run_id": incident.run_id,
        "attempt": incident.attempt,
        "max_attempts": incident.max_attempts,
        "environment": dict(incident.environment),
        "spent": dict(incident.spent),
        "error": None if incident.error is None else dict(incident.error),
        "text": incident.text,
        "external_id": incident.external_id,
    }


def of_precedent(
    record: PrecedentRecord, *, signatures: list[SignatureRecord], resolutions: list[ResolutionRecord]
) -> Document:
    """One precedent with its signatures and what was said to fix it."""
    return {
        "id": str(record.id),
        "source": record.source.value,
        "title": record.title,
        "verdict": record.verdict.value,
        "verdict_overridden": record.verdict_override is not None,
        "cause": _text(record.cause),
        "action": _text(record.action),
        "occurrences": record.occurrences,
        "first_seen": _moment(record.first_seen),
        "last_seen": _moment(record.last_seen),
        "pipelines": list(record.pipelines),
        "stated": {"transient": record.stated_transient, "genuine": record.stated_genuine},
        "retries": {"succeeded": record.retries_succeeded, "failed": record.retries_failed},
        "signatures": [_signature(each) for each in signatures],
        "resolutions": [of_resolution(each) for each in resolutions],
        "sources": list(record.sources),
        "version": record.version,
    }


def _signature(record: SignatureRecord) -> Document:
    return {
        "fingerprint": record.fingerprint,
        "template": record.template,
        "exceptions": list(record.exceptions),
        "codes": list(record.codes),
        "operations": list(record.operations),
    }


def of_resolution(record: ResolutionRecord) -> Document:
    """What fixed a failure."""
    return {
        "id": str(record.id),
        "incident_id": _text(record.incident_id),
        "precedent_id": str(record.precedent_id),
        "summary": record.summary,
        "action": _text(record.action),
        "verdict": _text(record.verdict),
        "cause": _text(record.cause),
        "author": record.author,
        "created_at": _moment(record.created_at),
    }


def of_outcome(record: OutcomeRecord) -> Document:
    """What happened after the advice."""
    return {
        "id": str(record.id),
        "incident_id": str(record.incident_id),
        "precedent_id": str(record.precedent_id),
        "result": record.result,
        "attempt": record.attempt,
        "waited_s": record.waited_s,
        "created_at": _moment(record.created_at),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
