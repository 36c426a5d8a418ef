"""The figures as tables for people, and as a document for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.box import MARKDOWN
from rich.table import Table

from benchmarks.case.example import FAILS_AT, Example
from benchmarks.case.figures import Estimate, change, pooled
from benchmarks.case.learning import learned
from benchmarks.case.policies import BLIND, BLIND_RESUMING, CLAIRVOYANT, STATELESS
from benchmarks.case.published import CLAIMS, bounds, findings
from benchmarks.case.seen_before import SEEN_BEFORE
from benchmarks.case.study import Study

COLUMNS = {
    "failed_share": ("runs that fail", "{:.1%}"),
    "gpu_hours": ("GPU-hours a month", "{:,.0f}"),
    "hours": ("hours to deployment", "{:.1f}"),
    "hours_hit": ("after a failure", "{:.1f}"),
    "pages": ("pages a month", "{:.1f}"),
    "stopped": ("transient stopped", "{:.1%}"),
    "retried": ("genuine retried", "{:.0%}"),
}
#: Asked: Seen Before at most so much above the clairvoyant in GPU-hours.
ASKED_ABOVE = 0.05
BASELINES = (STATELESS, BLIND)


def figures_table(found: Study) -> Table:
    """One line a policy."""
    title = (
        f"{found.retrainings} retrainings in {len(found.seeds)} worlds of {found.months:g} months, "
        f"{found.troubles} failures on their way ({found.recurring:.0%} of a group met before); ± is the 95 % interval"
    )
    table = _table(title, "policy", [shown for shown, _ in COLUMNS.values()])
    for policy, estimated in pooled(found.found).items():
        table.add_row(policy, *(_estimate(estimated[name], form) for name, (_, form) in COLUMNS.items()))
    return table


def claims_table(found: Study) -> Table:
    """The published reductions, against both baselines."""
    table = _table(
        "Published reductions", "figure", ["published", "against", "clairvoyant", SEEN_BEFORE, "reachable", "reached"]
    )
    for line in compared(found):
        table.add_row(
            line["title"],
            f"{-line['published']:.1%}",
            line["against"],
            _estimate(Estimate(**line["clairvoyant"]), "{:+.1%}"),
            _estimate(Estimate(**line["seen_before"]), "{:+.1%}"),
            line["reachable"],
            line["reached"],
        )
    return table


def compared(found: Study) -> list[dict[str, Any]]:
    """Each claim against each baseline. Reachable is what the clairvoyant reaches."""
    lines = []
    for claim in CLAIMS:
        for against in BASELINES:
            best, ours = (
                change(found.found[policy], against=found.found[against], name=claim.figure)
                for policy in (CLAIRVOYANT, SEEN_BEFORE)
            )
            lines.append(
                {
                    "title": claim.title,
                    "published": claim.less,
                    "against": against,
                    "clairvoyant": asdict(best),
                    "seen_before": asdict(ours),
                    "reachable": reaches(best, less=claim.less),
                    "reached": reaches(ours, less=claim.less),
                }
            )
    return lines


def reaches(found: Estimate, *, less: float) -> str:
    """`yes` where the mean is a reduction by so much, `perhaps` where only the interval is, else `no`."""
    if found.mean <= -less:
        return "yes"
    return "perhaps" if found.low is not None and found.low <= -less else "no"


def above_clairvoyant(found: Study, *, name: str = "gpu_hours") -> dict[str, Estimate]:
    """A figure above the clairvoyant's, of Seen Before and of the best that knows nothing."""
    best = found.found[CLAIRVOYANT]
    return {policy: change(found.found[policy], against=best, name=name) for policy in (SEEN_BEFORE, BLIND_RESUMING)}


def above_line(found: Study) -> str:
    """Whether Seen Before is near the clairvoyant."""
    hours = {policy: _estimate(each, "{:+.2%}") for policy, each in above_clairvoyant(found).items()}
    pages = {policy: _estimate(each, "{:+.1%}") for policy, each in above_clairvoyant(found, name="pages").items()}
    return (
        f"Against the clairvoyant, GPU-hours: {SEEN_BEFORE} {hours[SEEN_BEFORE]} (asked at most +{ASKED_ABOVE:.0%}), "
        f"{BLIND_RESUMING} {hours[BLIND_RESUMING]}; pages: {pages[SEEN_BEFORE]} and {pages[BLIND_RESUMING]}"
    )


def learning_table(found: Study) -> Table:
    """What the service said of troubles when they first struck."""
    shown = [
        "failures",
        "answered",
        "right",
        "transient: retry",
        "default",
        "fail",
        "genuine: retry",
        "default",
        "fail",
    ]
    table = _table(f"{SEEN_BEFORE} as its memory grows", "of", shown)
    for said in learned(found.told):
        decisions = [f"{share:.0%}" for share in said.decisions.values()]
        table.add_row(said.of, str(said.failures), f"{said.answered:.2f}", f"{said.right:.2f}", *decisions)
    return table


def example_table(found: Mapping[str, Example]) -> Table:
    """One failure at 360 of 480 GPU-hours."""
    kinds = ("transient", "genuine")
    shown = [f"{kind}: {what}" for kind in kinds for what in ("GPU-hours", "hours", "pages")]
    table = _table(f"One run that fails once, at {FAILS_AT:.0f} GPU-hours", "policy", shown)
    for policy, each in found.items():
        cells = [
            cell
            for story in (each.transient, each.genuine)
            for cell in (f"{story.gpu_hours:,.0f}", f"{story.hours:.1f}", str(story.pages))
        ]
        table.add_row(policy, *cells)
    return table


def document(found: Study, example: Mapping[str, Example]) -> dict[str, Any]:
    """Everything, for programs."""
    estimated = {
        policy: {name: asdict(each) for name, each in by.items()} for policy, by in pooled(found.found).items()
    }
    return {
        "assumptions": asdict(found.assumptions),
        "deployments_a_month": found.assumptions.deployments_a_month,
        "months": found.months,
        "seeds": found.seeds,
        "retrainings": found.retrainings,
        "troubles": found.troubles,
        "recurring": found.recurring,
        "policies": estimated,
        "worlds": {policy: [asdict(each) for each in by] for policy, by in found.found.items()},
        "published": compared(found),
        "bounds": asdict(bounds(found.assumptions)),
        "findings": findings(found.assumptions),
        "above_clairvoyant": {
            name: {policy: asdict(each) for policy, each in above_clairvoyant(found, name=name).items()}
            for name in ("gpu_hours", "pages")
        },
        "learning": [asdict(said) for said in learned(found.told)],
        "example": {policy: asdict(each) for policy, each in example.items()},
    }


def _table(title: str, first: str, columns: list[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=MARKDOWN)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _estimate(each: Estimate, form: str) -> str:
    if each.low is None or each.high is None:
        return form.format(each.mean)
    return f"{form.format(each.mean)} ± {form.replace('+', '').format(each.high - each.mean)}"
