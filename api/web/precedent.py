"""A precedent as a page shows it: who says what it is, its masks, its course, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from api.web.plots import Share, TimePlot, over_time, shares
from api.web.rendering import percent, words
from api.web.words import Segment
from api.wording import counted, duration
from knowledge.documents import Document
from knowledge.failures import Verdict
from knowledge.occurrences import Course, ToldLast
from knowledge.store.votes import VotedResolution

#: Signatures that a form to split by has, and a page shows.
MOST_SIGNATURES = 30
#: Characters of a template that are shown.
LONGEST_TEMPLATE = 20_000
_LONGEST_MASK = 20
#: What was done, as a person says it.
DONE = {
    "precedent.patch": "corrected it",
    "precedent.merge": "merged others into it",
    "precedent.split": "split it",
    "precedent.undo": "took a change back",
    "precedent.regressed": "saw it come back where it was fixed",
    "resolution.accepted": "accepted a proposed resolution",
    "resolution.rejected": "rejected a proposed resolution",
}
_FIELDS = ("verdict", "cause", "action", "resolution")


@dataclass(frozen=True, slots=True)
class ShownSignature:
    """A signature, its masks marked."""

    fingerprint: str
    template: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class ShownChange:
    """An entry of the history: what was done in words, and each field that changed, before and after."""

    said: Document
    done: str
    changed: Sequence[tuple[str, str, str]]
    others: Sequence[str]


@dataclass(frozen=True, slots=True)
class ShownPrecedent:
    """All of the page. `who` says who judges it so."""

    said: Document
    who: str
    reason: str | None
    signatures: Sequence[ShownSignature]
    more_signatures: int
    times: TimePlot | None
    waits: Sequence[Share]
    course: Course
    resolutions: Sequence[VotedResolution]

    @property
    def is_documented(self) -> bool:
        """Whether it ships with the product: then people cannot change it."""
        return bool(self.said["source"] == "starter")


def shown_precedent(
    said: Document, *, course: Course, resolutions: Sequence[VotedResolution], history: Sequence[Document]
) -> ShownPrecedent:
    """A precedent with what was looked up beside it."""
    override = next((each for each in history if _sets_verdict(each)), None) if said["verdict_overridden"] else None
    signatures = said["signatures"]
    return ShownPrecedent(
        said=said,
        who=_who(said, override, told=course.told),
        reason=override["reason"] if override else None,
        signatures=[
            ShownSignature(each["fingerprint"], with_masks(each["template"])) for each in signatures[:MOST_SIGNATURES]
        ],
        more_signatures=max(0, len(signatures) - MOST_SIGNATURES),
        times=over_time(course.stretches),
        waits=shares([_wait(each) for each in said["retries"]["by_wait"]]),
        course=course,
        resolutions=resolutions,
    )


def with_masks(template: str) -> list[Segment]:
    """The template, what stands for something that belongs to one occurrence marked: `<id>`, `<path>`, `<num>`."""
    found: list[Segment] = []
    rest = template[:LONGEST_TEMPLATE]
    while rest:
        before, opening, after = rest.partition("<")
        name, closing, behind = after[:_LONGEST_MASK].partition(">")
        if before:
            found.append(Segment(before, False))
        if opening and closing and name.isascii() and name.isalpha() and name.islower():
            found.append(Segment(f"<{name}>", True))
            rest = behind + after[_LONGEST_MASK:]
        else:
            if opening:
                found.append(Segment(opening, False))
            rest = after
    return found


def shown_changes(history: Sequence[Document], *, of: UUID | str) -> list[ShownChange]:
    """A page of the history, newest first."""
    return [_change(each, of=str(of)) for each in history]


def _change(said: Document, *, of: str) -> ShownChange:
    before, after = _mapping(said["before"]), _mapping(said["after"])
    # What is taken back names in `after` also what the change had left as it was.
    names = before if said["action"] == "precedent.undo" else _FIELDS
    changed = [
        (name, _text(name, before.get(name)), _text(name, after.get(name)))
        for name in _FIELDS
        if name in after and name in names and before.get(name) != after.get(name)
    ]
    done = DONE.get(said["action"], said["action"].replace(".", " ").replace("_", " "))
    return ShownChange(said, done, changed, [each for each in said["precedents"] if each != of])


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(name: str, value: object) -> str:
    """What nobody has said is counted, but for what fixes it; names as people write them."""
    if value is None:
        return "none" if name == "resolution" else "as counted"
    return words(str(value)) if name in ("cause", "action") else str(value)


def _sets_verdict(change: Document) -> bool:
    """The latest that holds; what was undone does not."""
    after = _mapping(change["after"])
    return change["action"] == "precedent.patch" and change["undone_by"] is None and after.get("verdict") is not None


def _who(said: Document, override: Document | None, *, told: ToldLast | None) -> str:
    """Who says that it is so, the strongest voice alone."""
    if said["source"] == "starter":
        return "Its documentation says so."
    if said["verdict_overridden"]:
        return f"{override['author'] or 'Somebody'} says so." if override else "A person says so."
    stated, retries = said["stated"], said["retries"]
    if stated["transient"] + stated["genuine"]:
        return (
            f"Those who reported it say so: {stated['transient']:,} called it transient, {stated['genuine']:,} genuine."
        )
    tried = retries["succeeded"] + retries["failed"]
    if said["verdict"] != "unknown":
        return f"Retries say so: {retries['succeeded']:,} of {tried:,} passed."
    return _unconfirmed(tried, told)


def _unconfirmed(tried: int, told: ToldLast | None) -> str:
    """Of what nobody has said and no retry has shown; what was advised all the same goes by its likes."""
    retries = f", and {counted(tried, 'retry').replace('retrys', 'retries')} did not settle it" if tried else ""
    if told is None or told.verdict is Verdict.UNKNOWN:
        return f"Nobody has said what it is{retries}."
    return f"Nobody has confirmed what it is{retries}; it was told {told.verdict.value}, {percent(told.confidence)} %."


def _wait(each: Document) -> tuple[str, int, int]:
    if each["to_s"] is None:
        label = f"{duration(each['from_s'])} or more"
    elif each["from_s"]:
        label = f"{duration(each['from_s'])} to {duration(each['to_s'])}"
    else:
        label = f"less than {duration(each['to_s'])}"
    return label, each["succeeded"], each["failed"]
