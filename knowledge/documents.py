"""What is known, as the JSON of the HTTP contract."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from knowledge.advisor.advice import Advice, Decision, Evidence, Resume, Retries, StormNotice, Strategy
from knowledge.advisor.advising import AdvisorSettings
from knowledge.advisor.calibration import Measured
from knowledge.advisor.storms import Canary, StormState
from knowledge.failures import Verdict
from knowledge.fixes import Regression
from knowledge.retries import WAIT_BOUNDS_S, totals
from knowledge.store.finding import LatestRecord
from knowledge.store.proposals import ProposalRecord
from knowledge.store.records import (
    Change,
    IncidentRecord,
    NewIncident,
    OutcomeRecord,
    PrecedentRecord,
    ResolutionRecord,
    SignatureRecord,
)
from knowledge.store.storms import StormRow

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
            "first_seen": moment(advice.precedent.first_seen),
            "last_seen": moment(advice.precedent.last_seen),
        },
        "seen_before": advice.seen_before,
        "evidence": [of_evidence(entry) for entry in advice.evidence],
        "storm": None if advice.storm is None else _storm_notice(advice.storm),
        "regression": None if advice.regression is None else _regression(advice.regression),
        "degraded": list(advice.degraded),
    }


def _regression(regression: Regression) -> Document:
    return {
        "fixed_in": dict(regression.fixed_in),
        "seen_in": dict(regression.seen_in),
        "resolved_at": moment(regression.resolved_at),
    }


def of_judged(advice: Advice) -> Document | None:
    """What the confidence of an advice was made of, kept beside the answer; nothing where nobody had a say."""
    return None if advice.odds is None else {"odds": advice.odds, "nearest": advice.nearest}


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
        "resume": None if strategy.resume is None else _resume(strategy.resume),
    }


def _resume(resume: Resume) -> Document:
    return {
        "run_id": resume.run_id,
        "step": resume.step,
        "sub_task": resume.sub_task,
        "artifacts": dict(resume.artifacts),
    }


def _storm_notice(storm: StormNotice) -> Document:
    return {
        "id": str(storm.id),
        "state": storm.state,
        "role": storm.role,
        "since": moment(storm.since),
        "runs": storm.runs,
        "incidents": storm.incidents,
        "next_try_at": moment(storm.next_try_at),
    }


def of_storm(row: StormRow, *, now: datetime) -> Document:
    """One storm, as it is at that time."""
    storm = row.storm
    state, going_on = storm.state_at(now), storm.is_active(now)
    return {
        "id": str(storm.id),
        "precedent_id": str(storm.precedent_id),
        "template": row.template,
        "state": state.value,
        "since": moment(storm.since),
        "ended_at": None if going_on else moment(storm.ends_at),
        "runs": storm.runs,
        "incidents": storm.incidents,
        "usual_runs": round(storm.usual_runs, 4),
        "wait_s": storm.wait_s,
        "next_try_at": moment(storm.next_try_at) if going_on else None,
        "canary": _of_canary(storm.canary) if storm.canary is not None and state is not StormState.EXPIRED else None,
    }


def _of_canary(canary: Canary) -> Document:
    return {"incident_id": str(canary.incident_id), "pipeline": canary.pipeline, "run_id": canary.run_id}


def of_calibration(measured: Measured, *, settings: AdvisorSettings, fitted_on: int | None) -> Document:
    """How answers fared, and the settings that are in force. `fitted_on`: None where they are those that ship."""
    return {
        "judged": measured.judged,
        "by_people": measured.by_people,
        "answered": measured.answered,
        "reliability": [
            {
                "from_confidence": each.from_confidence,
                "to_confidence": each.to_confidence,
                "count": each.count,
                "confidence": _rounded(each.confidence),
                "right": _rounded(each.right),
            }
            for each in measured.reliability
        ],
        "brier": _rounded(measured.brier),
        "calibration_error": _rounded(measured.calibration_error),
        "wrong_fail": _rounded(measured.wrong_fail),
        "fitted": fitted_on is not None,
        "fitted_on": fitted_on,
        "slope": settings.calibration.slope,
        "intercept": settings.calibration.intercept,
        "thresholds": {
            "answer_from": settings.verdict.answer_from,
            "fail_from": settings.fail_from if settings.fail_from <= 1 else None,
            "wrong_fail_bound": settings.wrong_fail_bound,
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


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


def of_latest(record: LatestRecord) -> Document:
    """A precedent in a list of those seen last; the fields that evidence has too are the same."""
    return {
        "precedent_id": str(record.id),
        "verdict": record.verdict.value,
        "verdict_overridden": record.overridden,
        "cause": _text(record.cause),
        "title": record.title,
        "template": record.template,
        "resolution": record.resolution,
        "retries": {"succeeded": record.retries_succeeded, "failed": record.retries_failed},
        "source": "incident",
        "occurrences": record.occurrences,
        "first_seen": moment(record.first_seen),
        "last_seen": moment(record.last_seen),
        "pipelines": list(record.pipelines),
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
        "advised": _text(incident.advised),
        "cause": _text(incident.cause),
        "occurred_at": moment(incident.occurred_at),
        "recorded_at": moment(incident.recorded_at),
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
        "storm_id": _text(incident.storm_id),
    }


def of_waiting_incident(incident: NewIncident) -> Document:
    """One that PostgreSQL does not have yet: which precedent it belongs to will be known when it is written."""
    return {
        "id": str(incident.id),
        "precedent_id": None,
        "fingerprint": incident.signature.fingerprint,
        "template": incident.signature.template,
        "verdict": (incident.verdict or Verdict.UNKNOWN).value,
        "cause": _text(incident.cause),
        "occurred_at": moment(incident.occurred_at),
        "recorded_at": None,
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
        "storm_id": None,
        "duplicate": None,
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
        "first_seen": moment(record.first_seen),
        "last_seen": moment(record.last_seen),
        "pipelines": list(record.pipelines),
        "stated": {"transient": record.stated_transient, "genuine": record.stated_genuine},
        "retries": {"succeeded": record.retries_succeeded, "failed": record.retries_failed} | _fared(record),
        "signatures": [_signature(each) for each in signatures],
        "resolutions": [of_resolution(each) for each in resolutions],
        "fixed_in": dict(record.fix.fixed_in) if record.fix else None,
        "regressed_at": moment(record.fix.regressed_at) if record.fix else None,
        "sources": list(record.sources),
        "version": record.version,
    }


def _fared(record: PrecedentRecord) -> Document:
    """How the latest retries fared, by the bucket of the wait and by attempt; what was not said is left out."""
    bounds = (0.0, *WAIT_BOUNDS_S, None)
    waits = totals((each.wait, each) for each in record.history.fared if each.wait is not None)
    attempts = totals((each.attempt, each) for each in record.history.fared)
    return {
        "by_wait": [{"from_s": bounds[wait], "to_s": bounds[wait + 1], **counts} for wait, counts in waits],
        "by_attempt": [{"attempt": attempt, **counts} for attempt, counts in attempts],
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
        "fixed_in": dict(record.fixed_in) if record.fixed_in else None,
        "created_at": moment(record.created_at),
    }


def of_proposal(record: ProposalRecord) -> Document:
    """A proposed resolution, and what was decided about it."""
    return {
        "id": str(record.id),
        "state": record.state.value,
        "incident_id": str(record.incident_id),
        "precedent_id": str(record.precedent_id),
        "summary": record.summary,
        "action": _text(record.action),
        "verdict": _text(record.verdict),
        "cause": _text(record.cause),
        "fixed_in": dict(record.fixed_in) if record.fixed_in else None,
        "proposed_by": record.proposed_by,
        "proposed_at": moment(record.proposed_at),
        "decided_by": record.decided_by,
        "decided_at": moment(record.decided_at),
        "reason": record.reason,
    }


def of_change(change: Change) -> Document:
    """An entry of a precedent's history."""
    return {
        "id": str(change.id),
        "at": moment(change.at),
        "author": change.actor,
        "reason": change.reason,
        "action": change.action,
        "precedents": [str(id) for id in change.precedents],
        "before": change.before,
        "after": change.after,
        "undone_by": _text(change.undone_by),
        "undoable": change.undoable,
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
        "created_at": moment(record.created_at),
    }


def moment(value: datetime | None) -> str | None:
    """A time as documents have it."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
