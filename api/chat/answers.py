"""An answer for people in chat, before it is Block Kit or markdown: what is said, in words.

Texts are cut here and made inert; which of them are not ours is kept apart (`Cited`), so that every face puts those
where nothing is parsed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from api.chat.inert import inert, is_cut, one_line
from api.wording import counted, decision_sentence, fix_of, meaning, sureness
from knowledge.documents import Document

#: Characters; a block of Slack's takes 3,000 in all.
MOST_REASON = 500
MOST_TEMPLATE = 900
MOST_RESOLUTION = 900
MOST_WORDS = 200
#: Precedents that an answer shows.
SHOWN = 2
#: Nobody is surer than that.
SUREST = 0.99


@dataclass(frozen=True, slots=True)
class Cited:
    """A precedent as an answer shows it. All but `title` may hold an attacker's words."""

    title: str
    template: str
    same: str
    fixed: str
    resolution: str
    page: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A resolution that was proposed and nobody has accepted: no advice. All but `id` may hold an attacker's words."""

    id: str
    by: str
    summary: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What chat is told of one failure. `reason`, `precedents` and `waiting` may hold an attacker's words.

    `page` is where the web shows the incident, None where no public address is known.
    """

    incident_id: str | None
    headline: str
    decision: str
    reason: str
    precedents: tuple[Cited, ...]
    remarks: tuple[str, ...]
    page: str | None
    notes: tuple[str, ...] = field(default=())
    waiting: Waiting | None = None

    @property
    def is_cut(self) -> bool:
        """Whether a text was left out in part."""
        texts = [self.reason, *(text for each in self.precedents for text in (each.template, each.resolution))]
        texts += [self.waiting.summary] if self.waiting else []
        return any(map(is_cut, texts))


def answer_of(
    advice: Document,
    *,
    precedents: dict[str, Document],
    proposal: Document | None,
    public_url: str | None,
    notes: tuple[str, ...] = (),
) -> Answer:
    """An advice in words; `precedents` are the documents of those of its evidence that could be read, by id."""
    shown = best_of(advice)
    return Answer(
        incident_id=advice["incident_id"],
        headline=headline(advice),
        decision=decision_sentence(advice["decision"], verdict=advice["verdict"]) + ".",
        reason=one_line(advice["decision"]["reason"], most=MOST_REASON),
        precedents=tuple(
            _cited(entry, precedent=precedents.get(entry["precedent_id"]), public_url=public_url) for entry in shown
        ),
        remarks=_remarks(advice),
        page=page_of("incidents", advice["incident_id"], public_url=public_url),
        notes=notes,
        waiting=_waiting(proposal) if proposal else None,
    )


def best_of(advice: Document) -> list[Document]:
    """Two of the evidence: what says what fixed it, of what the advice says it is, and then the nearest.

    The evidence itself has a workspace's own precedents first, however far they are.
    """
    fix = fix_of(advice)
    nearest = sorted(advice["evidence"], key=lambda each: (each is fix, each["similarity"]), reverse=True)
    return nearest[:SHOWN]


def page_of(kind: str, id: str | None, *, public_url: str | None) -> str | None:
    """Where the web shows an incident or a precedent."""
    return f"{public_url.rstrip('/')}/ui/{kind}/{id}" if public_url and id else None


def headline(advice: Document) -> str:
    """Verdict and confidence in words."""
    before = "Seen before" if advice["seen_before"] else "Not seen here before"
    verdict, confidence = advice["verdict"], advice["confidence"]
    if verdict == "unknown":
        return f"{before}. Verdict unknown: {meaning(verdict)}"
    sure = sureness(confidence)
    cause = f" ({advice['cause'].replace('_', ' ')})" if advice["cause"] else ""
    return f"{before}. {sure.capitalize()} {verdict}{cause}, {min(confidence, SUREST):.0%} sure: {meaning(verdict)}"


def _cited(entry: Document, *, precedent: Document | None, public_url: str | None) -> Cited:
    documented = entry["source"] == "starter"
    said = _latest_resolution(precedent)
    text = (said or {}).get("summary") or entry["resolution"] or ""
    return Cited(
        title=_title(entry, precedent=precedent),
        template=inert(entry["title"] if documented and entry["title"] else entry["template"], most=MOST_TEMPLATE),
        same=_same(entry),
        fixed=_fixed(said, documented=documented) if text else "Nobody has said yet what fixed it.",
        resolution=inert(text, most=MOST_RESOLUTION),
        page=None if documented else page_of("precedents", entry["precedent_id"], public_url=public_url),
    )


def _title(entry: Document, *, precedent: Document | None) -> str:
    where = "Documented" if entry["source"] == "starter" else "Your own"
    verdict = entry["verdict"] + (f" ({entry['cause'].replace('_', ' ')})" if entry["cause"] else "")
    times = (precedent or {}).get("occurrences") or 0
    last = _day((precedent or {}).get("last_seen"))
    seen = f", seen {counted(times, 'time')}{f', last on {last}' if last else ''}" if times else ""
    retries = entry["retries"]
    tried = f"; retries: {retries['succeeded']} succeeded, {retries['failed']} failed" if any(retries.values()) else ""
    return f"{where}, {entry['similarity']:.0%} alike: {verdict}{seen}{tried}"


def _same(entry: Document) -> str:
    same = ", ".join(entry["same_because"][:6])
    differs = ", ".join(entry["differs_in"][:4])
    parts = [f"Same: {same}." if same else "", f"Differs in: {differs}." if differs else ""]
    return one_line(" ".join(filter(None, parts)), most=MOST_WORDS)


def _fixed(said: Document | None, *, documented: bool) -> str:
    if said is None:
        return "What helps, as documented:" if documented else "What fixed it:"
    who = one_line(said["author"] or "someone", most=60)
    return f"Fixed by {who} on {_day(said['created_at'])}:"


def _waiting(proposal: Document) -> Waiting:
    by = one_line(proposal["proposed_by"] or "somebody", most=60)
    return Waiting(proposal["id"], by=by, summary=inert(proposal["summary"], most=MOST_RESOLUTION))


def _latest_resolution(precedent: Document | None) -> Document | None:
    said: list[Document] = (precedent or {}).get("resolutions") or []
    return said[0] if said else None


def _day(moment: str | None) -> str:
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d") if moment else ""


def _remarks(advice: Document) -> tuple[str, ...]:
    remarks = []
    if storm := advice["storm"]:
        remarks.append(
            f"A storm: it has hit {counted(storm['runs'], 'run')} since {clock(storm['since'])}. An outage is likely."
        )
    if advice.get("regression"):
        remarks.append("It was fixed before, and is back in a version that should have the fix.")
    if advice["degraded"]:
        remarks.append("Part of Seen Before is away just now; this is from what remains.")
    return tuple(remarks)


def clock(moment: str) -> str:
    """A moment as people read it, in UTC."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M UTC")
