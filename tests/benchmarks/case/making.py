"""Small worlds for the tests of the case study."""

from __future__ import annotations

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.world import Retraining, Trouble, World
from benchmarks.protocol import Row
from knowledge.failures import Action, Cause, Verdict

#: People look at once, find out at once, and starting costs nothing: what is left is easy to add up.
PLAIN = Assumptions(on_call=True, look_h=0.0, start_h=0.0, checkpoint_share=0.0)


def row(name: str, *, group: str = "g", transient: bool = True, text: str = "ConnectionError: reset") -> Row:
    """A failure of a made-up corpus."""
    return Row(
        id=name,
        text=text,
        group=group,
        label=Verdict.TRANSIENT if transient else Verdict.GENUINE,
        cause=Cause.NETWORK if transient else Cause.CODE_DEFECT,
        action=Action.RETRY_NOW if transient else Action.FIX_THEN_RERUN,
        resolution="It was seen to.",
        ambiguous=False,
    )


def transient(name: str = "t", *, clears_h: float = 0.01) -> Trouble:
    """One that passes after this time."""
    return Trouble(row(name), clears_h, fix_h=0.0, recurs=False)


def genuine(name: str = "f", *, fix_h: float = 4.0) -> Trouble:
    """One that takes a person this long."""
    return Trouble(row(name, transient=False, text="ValueError: no such column"), None, fix_h=fix_h, recurs=False)


def one(*strikes: tuple[float, Trouble], assumptions: Assumptions = PLAIN, due_h: float = 0.0) -> World:
    """A single retraining with troubles at these GPU-hours, and none of doing work again."""
    return World(assumptions, months=1.0, retrainings=(Retraining("r", "model", due_h, strikes),))


def corpus(*, groups: int, each: int = 3) -> list[Row]:
    """As many transient groups as genuine ones."""
    return [
        row(f"{label}{group}-{number}", group=f"{label}{group}", transient=label == "t")
        for label in "tf"
        for group in range(groups)
        for number in range(each)
    ]
