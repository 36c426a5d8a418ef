"""The policy that asks Seen Before, over HTTP, and tells it what came of its advice.

What the service is told is what a pipeline and its people would tell: each run with its checkpoints, each failure when
it occurs, how each retry ended, and, where a person was paged and looked, what they found. It never hears a row's label
otherwise. Every attempt after a failure begins where the service says: a retry at `strategy.resume` of its advice, a
person's at the run's resume point.

**Time.** The service's clock is real, and months pass in minutes. `occurred_at` maps the simulated hours onto the
months that end now, so that precedents are as far apart as they were. Two consequences. A failure that occurred more
than five minutes ago begins no storm, so storms have no part in this: the simulated troubles strike one run each. And
to the service all of it happened some time ago: what was remembered last week looks up to `months` older than it
was, and fades by that (half a year costs it 30 % of its weight, alike for all that is remembered).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.policies import blindly
from benchmarks.case.remembering import STEP, Remembering
from benchmarks.case.simulation import PAGE, Decision, Failed
from benchmarks.case.world import CorpusTooSmall, Retraining
from benchmarks.child import ServiceFailed
from knowledge.failures import DecisionAction, Verdict

SEEN_BEFORE = "Seen Before"
AUTHOR = "who was paged"


class Telling(StrEnum):
    """How much the service is told afterwards: nothing, what usually is, or the truth after each pass as well."""

    NOTHING = "nothing"
    USUAL = "usual"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Told:
    """What the service said of a trouble when it first struck."""

    at_h: float
    transient: bool
    recurs: bool
    verdict: Verdict
    decision: DecisionAction

    @property
    def right(self) -> bool:
        """Whether the verdict is the truth."""
        return self.verdict is (Verdict.TRANSIENT if self.transient else Verdict.GENUINE)


@dataclass
class SeenBefore:
    """Asks at each failure, and resumes where it is told to. Each world is a workspace of its own.

    `began`: the time of the world's hour 0. Raises `ServiceFailed` on any other answer than the documented ones: the
    benchmark must not take a broken service for a cautious one.
    """

    client: httpx.Client
    workspace: str
    began: datetime
    assumptions: Assumptions
    telling: Telling = Telling.USUAL
    name: str = SEEN_BEFORE
    resumes: bool = True
    told: list[Told] = field(default_factory=list)
    _incidents: dict[tuple[str, int, int], str] = field(default_factory=dict)
    _asked_of: dict[str, tuple[str, int]] = field(default_factory=dict)
    _resume: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    _memory: Remembering = field(init=False)

    def __post_init__(self) -> None:
        self._memory = Remembering(self.client, self.workspace, self.assumptions)

    def decide(self, failed: Failed) -> Decision:
        """As advised; `default` leaves it to the scheduler's own policy, which is blind."""
        self._never_twice(failed)
        self._memory.failed(failed)
        self._settle()
        answer = self._post("/advise", self._question(failed))
        self._incidents[_key(failed)] = answer["incident_id"]
        action = DecisionAction(answer["decision"]["action"])
        if not failed.retried:
            self.told.append(_told(failed, verdict=Verdict(answer["verdict"]), action=action))
        match action:
            case DecisionAction.RETRY:
                decision = Decision(answer["decision"]["retry_delay_s"] / 3600)
            case DecisionAction.FAIL:
                decision = PAGE
            case DecisionAction.DEFAULT:
                decision = blindly(failed, self.assumptions)
        self._resume[failed.run] = answer["strategy"]["resume"]
        if decision is PAGE:
            self._memory.status(failed.run, failed.pipeline, "failed")
            del self._resume[failed.run]
        return decision

    def resume(self, failed: Failed) -> float:
        """Where the advice says that a retry goes on; a person asks for the run's resume point."""
        if failed.run not in self._resume:
            return self._memory.asked(failed.run)
        return self._memory.place(failed.run, self._resume[failed.run])

    def deployed(self, retraining: Retraining) -> None:
        """Tell that the run has succeeded."""
        self._memory.status(retraining.name, retraining.pipeline, "succeeded")

    def ended(self, failed: Failed, *, waited_h: float, succeeded: bool) -> None:
        """Tell how the retry ended."""
        if self.telling is Telling.NOTHING:
            return
        outcome = {
            "result": "succeeded" if succeeded else "failed",
            "attempt": failed.retried + 2,
            "waited_s": round(3600 * waited_h, 1),
        }
        self._post(f"/incidents/{self._incidents[_key(failed)]}/outcome", outcome)
        if succeeded and self.telling is Telling.EVERYTHING:
            self.looked(failed)

    def looked(self, failed: Failed) -> None:
        """Tell what the person found out."""
        if self.telling is Telling.NOTHING:
            return
        row = failed.trouble.row
        found = {
            "summary": row.resolution,
            "action": row.action,
            "verdict": row.label,
            "cause": row.cause,
            "author": AUTHOR,
        }
        self._post(f"/incidents/{self._incidents[_key(failed)]}/resolution", found)

    def _question(self, failed: Failed) -> dict[str, Any]:
        occurred = self.began + timedelta(hours=failed.at_h)
        return {
            "text": failed.text,
            "pipeline": failed.pipeline,
            "run_id": self._memory.run_id(failed.run),
            "step": STEP,
            "attempt": failed.retried + 1,
            "occurred_at": occurred.isoformat(),
            # Of this the service takes off what its checkpoints save.
            "spent": {"gpu_hours": round(failed.place, 3)},
        }

    def _never_twice(self, failed: Failed) -> None:
        """A row that was asked of before is known; each is one failure of one run."""
        once = (failed.run, failed.number)
        if self._asked_of.setdefault(failed.trouble.row.id, once) != once:
            raise CorpusTooSmall("A failure would be asked about that the service was told of before.")

    def _settle(self) -> None:
        """Hours lie between one failure and the next: by then all that was told can be found. An import of nothing
        waits for that."""
        answer = self.client.post(
            "/incidents/import?wait=indexed",
            content=b"",
            headers={"X-Workspace": self.workspace, "Content-Type": "application/x-ndjson"},
        )
        if not _json(answer)["indexed"]:
            raise ServiceFailed("The index did not come to rest.")

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = _json(self.client.post(path, json=body, headers={"X-Workspace": self.workspace}))
        if answer.get("degraded"):
            raise ServiceFailed(f"The service is degraded: {answer['degraded']}")
        return answer


def _key(failed: Failed) -> tuple[str, int, int]:
    return failed.run, failed.number, failed.retried


def _told(failed: Failed, *, verdict: Verdict, action: DecisionAction) -> Told:
    return Told(failed.at_h, failed.trouble.transient, failed.trouble.recurs, verdict, action)


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise ServiceFailed(
            f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:500]}"
        )
    document: dict[str, Any] = answer.json()
    return document
