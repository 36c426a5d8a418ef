"""What the buttons mean, written back through the service.

*It helped* says that the advice was followed and worked: after `retry`, that a retry succeeded; else, that what fixed
the first precedent shown fixed this too. Where there was nothing that can have helped, it asks what did.
*Wrong* asks what is right: that a retry failed is an outcome; another verdict or cause corrects the precedent.
*Add resolution* is a resolution. *Accept* makes one of what was proposed, *Reject* puts it aside; the service sees to
it that nobody accepts a proposal of their own. Each is signed with the name of who pressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from api.chat.asking import Asking
from api.chat.modals import FAILED_AGAIN
from api.wording import fix_of
from knowledge.correcting import Correction, Signed
from knowledge.documents import Document
from knowledge.errors import StaleVersion
from knowledge.failures import Action, Cause, Resolution, Verdict
from knowledge.once import Once
from knowledge.store.records import Keep

#: A precedent that others correct at the same time is read and corrected again so often.
MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class Person:
    """Who pressed: the id in chat, and the name that is kept as author."""

    id: str
    name: str


class Pressing:
    """The buttons. Every method raises `KnowledgeError`, and says what it has recorded."""

    def __init__(self, asking: Asking) -> None:
        self._service = asking.service
        self._proposals = asking.proposals
        self._workspace = asking.workspace

    async def helped(self, incident_id: UUID, *, by: Person) -> str | None:
        """Record that the advice worked; None where it gave nothing that can have."""
        incident = await self._service.incident(self._workspace, incident_id)
        advice = incident["advice"] or {}
        if advice and advice["decision"]["action"] == "retry":
            await self._outcome(incident, "succeeded", by=by)
            return "a retry that succeeded"
        fix = fix_of(advice) if advice else None
        if fix is None:
            return None
        genuine = advice["decision"]["action"] == "fail"
        await self._service.resolve(
            self._workspace,
            incident_id,
            Resolution(fix["resolution"], author=by.name),
            verdict=Verdict.GENUINE if genuine else None,
            once=_once("helped", incident_id=incident_id, by=by),
        )
        return "that what fixed it before fixed it again"

    async def wrong(self, incident_id: UUID, *, given: dict[str, str], by: Person) -> str:
        """Record what is right instead."""
        incident = await self._service.incident(self._workspace, incident_id)
        if given["right"] == FAILED_AGAIN:
            await self._outcome(incident, "failed", by=by)
            return "a retry that failed"
        verdict = Verdict(given["right"])
        cause = Cause(given["cause"]) if "cause" in given else Keep.KEEP
        await self._correct(
            UUID(incident["precedent_id"]),
            Correction(verdict=verdict, cause=cause),
            signed=Signed(actor=by.name, reason=given.get("why")),
        )
        because = "" if cause is Keep.KEEP else f" ({cause.value.replace('_', ' ')})"
        return f"that the precedent is {verdict.value}{because}"

    async def resolved(self, incident_id: UUID, *, given: dict[str, str], by: Person) -> str:
        """Record what fixed it."""
        await self._service.resolve(
            self._workspace,
            incident_id,
            Resolution(given["summary"], Action(given["action"]) if "action" in given else None, by.name),
            verdict=Verdict(given["verdict"]) if "verdict" in given else None,
        )
        return "a resolution"

    async def accepted(self, proposal_id: UUID, *, by: Person) -> str:
        """Make a proposal a resolution; raises `Conflict` for one's own, and for one that was rejected meanwhile."""
        await self._proposals.accept(self._workspace, proposal_id, signed=Signed(by.name, None), key=None)
        return "that the proposed resolution is accepted"

    async def rejected(self, proposal_id: UUID, *, by: Person) -> str:
        """Put a proposal aside; raises `Conflict` for one that was accepted meanwhile."""
        await self._proposals.reject(self._workspace, proposal_id, signed=Signed(by.name, None), key=None)
        return "that the proposed resolution is rejected"

    async def _outcome(self, incident: Document, result: str, *, by: Person) -> None:
        # The attempt after the one that failed: where the pipeline reports it as well, it is the same outcome.
        attempt = incident["attempt"] + 1 if incident["attempt"] else None
        await self._service.outcome(
            self._workspace,
            UUID(incident["id"]),
            result="succeeded" if result == "succeeded" else "failed",
            attempt=attempt,
            author=by.name,
            once=_once(result, incident_id=incident["id"], by=by),
        )

    async def _correct(self, precedent_id: UUID, correction: Correction, *, signed: Signed) -> None:
        for left in reversed(range(MOST_TRIES)):
            precedent = await self._service.precedent(self._workspace, precedent_id)
            try:
                await self._service.change(
                    self._workspace,
                    UUID(precedent["id"]),
                    correction,
                    expected_version=precedent["version"],
                    signed=signed,
                )
                return
            except StaleVersion:
                if not left:
                    raise


def _once(what: str, *, incident_id: object, by: Person) -> Once:
    """A button that is pressed twice by one person says one thing."""
    return Once.of(f"chat {what} {incident_id} {by.id}", route="chat", body=b"")
