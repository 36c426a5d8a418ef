"""What the service said while its memory grew: month by month, and of kinds that were new or met before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.case.assumptions import HOURS_A_MONTH
from benchmarks.case.seen_before import Told
from knowledge.failures import DecisionAction, Verdict

NEW, MET = "new kind", "kind met before"
#: The shares that are told: of the transient and of the genuine that was told each.
DECISIONS = tuple(
    (verdict, decision)
    for verdict in (Verdict.TRANSIENT, Verdict.GENUINE)
    for decision in (DecisionAction.RETRY, DecisionAction.DEFAULT, DecisionAction.FAIL)
)


@dataclass(frozen=True, slots=True)
class Said:
    """Of some troubles of all worlds, when they first struck. `right` is among the answered; `decisions` are shares,
    `transient: retry` of the transient ones told `retry`, and so on."""

    of: str
    failures: int
    answered: float
    right: float
    decisions: dict[str, float]


def learned(told: Iterable[Sequence[Told]]) -> list[Said]:
    """Months from the first on; what strikes after the last due date counts to the month that it falls into."""
    everything = [each for world in told for each in world]
    by_month: dict[int, list[Told]] = {}
    for each in everything:
        by_month.setdefault(int(each.at_h // HOURS_A_MONTH) + 1, []).append(each)
    by_kind = {NEW: [each for each in everything if not each.recurs], MET: [each for each in everything if each.recurs]}
    parts = {f"month {month}": by_month[month] for month in sorted(by_month)} | by_kind
    return [_said(of, some) for of, some in parts.items() if some]


def _said(of: str, told: Sequence[Told]) -> Said:
    answered = [each for each in told if each.verdict is not Verdict.UNKNOWN]
    return Said(
        of=of,
        failures=len(told),
        answered=len(answered) / len(told),
        right=sum(each.right for each in answered) / len(answered) if answered else 0.0,
        decisions={f"{verdict}: {decision}": _share(told, verdict, decision) for verdict, decision in DECISIONS},
    )


def _share(told: Sequence[Told], verdict: Verdict, decision: DecisionAction) -> float:
    of_kind = [each for each in told if each.transient is (verdict is Verdict.TRANSIENT)]
    return sum(each.decision is decision for each in of_kind) / len(of_kind) if of_kind else 0.0
