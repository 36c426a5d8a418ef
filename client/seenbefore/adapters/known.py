"""What Seen Before knows of a failed run, for people who look at it elsewhere: as fields, and as a page of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seenbefore import calls
from seenbefore.advice import Advice, resume_point
from seenbefore.plain import text

if TYPE_CHECKING:
    from seenbefore import Client

MOST_NEIGHBOURS = 5
MOST_DECISIONS = 50
LONGEST_TEXT = 2_000
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """`resume` is as `GET /runs/{run_id}/resume-point` answers, `decisions` as `GET /runs/{run_id}/decisions` does."""

    advice: Advice
    resume: Document = field(default_factory=dict)
    decisions: tuple[Document, ...] = ()

    @property
    def place(self) -> str | None:
        """Where the run can go on, as `step/sub-task`."""
        return resume_point(self.resume) or self.advice.resume_point


def look_up(memory: Client, advice: Advice, *, run_id: str) -> Known:
    """The advice with what the service knows of the run; what it does not answer is left out."""
    path = calls.run_path(run_id)
    resume = _read(memory, f"{path}/resume-point")
    decisions = _read(memory, f"{path}/decisions?limit={MOST_DECISIONS}").get("decisions")
    return Known(advice, resume, tuple(_documents(decisions)))


def fields_of(known: Known) -> dict[str, str]:
    """The short of it: what it is called, and what it says."""
    advice = known.advice
    said = {
        "incident_id": advice.incident_id,
        "verdict": advice.verdict,
        "confidence": f"{advice.confidence:.2f}",
        "cause": advice.cause,
        "decision": advice.decision.action,
        "retry_delay_s": None if advice.decision.retry_delay_s is None else f"{advice.decision.retry_delay_s:g}",
        "reason": advice.decision.reason,
        "resume": known.place,
        "decisions": "\n".join(_decision(each) for each in known.decisions),
    }
    return {name: value for name, value in said.items() if value}


def page_of(known: Known) -> str:
    """All of it, as lines of plain text.

    The failure is shown as the service knows it, without its secrets, and quoted: it is not us who say it.
    """
    advice = known.advice
    parts = (_head(advice), _resume(known), _neighbours(advice), _chosen(known), _quoted(advice))
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(advice: Advice) -> Iterator[str]:
    yield "Seen Before"
    yield "==========="
    yield f"Verdict:   {advice.verdict} (confidence {advice.confidence:.2f}), cause: {advice.cause or 'unknown'}"
    wait = f" after {advice.decision.retry_delay_s:g} s" if advice.decision.retry_delay_s else ""
    yield f"Decision:  {advice.decision.action}{wait}"
    yield f"Why:       {advice.decision.reason}"
    yield f"Incident:  {advice.incident_id or 'not recorded'}"


def _resume(known: Known) -> Iterator[str]:
    yield ""
    yield f"Resume point: {known.place or 'none'}"
    if known.resume.get("remaining"):
        yield f"  remaining: {', '.join(map(str, known.resume['remaining']))}"


def _neighbours(advice: Advice) -> Iterator[str]:
    if advice.evidence:
        yield ""
        yield "Seen before:"
    for each in advice.evidence[:MOST_NEIGHBOURS]:
        shown = each.get("title") or each.get("template") or ""
        yield f"  {each.get('similarity')}  {each.get('verdict')}  {_line(shown)}"
        if each.get("resolution"):
            yield f"        fixed by: {_line(each['resolution'])}"


def _chosen(known: Known) -> Iterator[str]:
    if known.decisions:
        yield ""
        yield "Decisions of this run:"
    yield from (f"  {_decision(each)}" for each in known.decisions)


def _quoted(advice: Advice) -> Iterator[str]:
    template = (advice.precedent or {}).get("template")
    if template:
        yield ""
        yield "What failed, less what belongs to this occurrence:"
        yield from (f"  | {line}" for line in text(template, longest=LONGEST_TEXT).splitlines())


def _decision(said: Document) -> str:
    return f"{said.get('agent')} ({said.get('kind')}): {_line(said.get('rationale'))}"


def _line(value: object) -> str:
    return " ".join(text(value, longest=LONGEST_TEXT).split())


def _read(memory: Client, path: str) -> Document:
    answer = memory._core.engine.ask(calls.read(path))
    return answer.document if answer is not None and answer.ok and answer.document else {}


def _documents(value: object) -> Iterator[Document]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()
