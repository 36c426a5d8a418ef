"""The parts of the latency benchmark that need no service."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count

import pytest

from benchmarks import synthetic
from benchmarks.latency import (
    KNOWN,
    OPENVINO,
    TORCH_ALL,
    TORCH_ONE,
    UNSEEN,
    Point,
    Times,
    ratios,
)
from benchmarks.memory import PROC, descendants, resident_mib, tree_mib
from benchmarks.protocol import Row
from benchmarks.texts import ERROR, UNSEEN_FROM, Real, made_up
from knowledge.failures import Action, Cause, Failure, Verdict
from knowledge.intake import prepare_now


def fingerprint(text: str) -> str:
    """Of a failure that says no more than this."""
    return prepare_now(Failure(text=text)).signature.fingerprint


def row(text: str) -> Row:
    """One failure of a corpus."""
    return Row(
        id=text,
        text=text,
        group="disks",
        label=Verdict.GENUINE,
        cause=Cause.RESOURCE_LIMIT,
        action=Action.FIX_THEN_RERUN,
        resolution="",
        ambiguous=False,
    )


def point(precedents: int, *, one: float, every: float, unseen: float, known: float) -> Point:
    """Medians made up."""
    medians = {TORCH_ONE: one, TORCH_ALL: every, OPENVINO: 3.0, UNSEEN: unseen, KNOWN: known}
    times = {name: Times(p50=value, p95=2 * value) for name, value in medians.items()}
    return Point(precedents, {ERROR: times}, service_mib=None, postgres_mib=None)


def test_ratios_are_to_the_faster_torch() -> None:
    """All threads where the machine is quiet, one where it is not."""
    quiet = point(1_000, one=16.0, every=10.0, unseen=8.0, known=4.0)
    busy = point(100_000, one=20.0, every=50.0, unseen=20.0, known=10.0)

    assert {"unseen / torch": 0.8, "known / torch": 0.4, "unseen, against the smallest": 1.0} == ratios(
        quiet, smallest=quiet, text_kind=ERROR
    )
    assert {
        "unseen / torch": 1.0,
        "known / torch": 0.5,
        "unseen, against the smallest": pytest.approx(1.25),
    } == ratios(busy, smallest=quiet, text_kind=ERROR)


@pytest.mark.skipif(not PROC.exists(), reason="memory is read from /proc")
def test_memory_of_a_tree_of_processes() -> None:
    """A child is found below this process, and both have memory."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = descendants(os.getpid())
        assert child.stdin is not None
        child.stdin.close()

    assert child.pid in found
    assert (resident_mib(os.getpid()) or 0) > 1
    assert (tree_mib(os.getpid()) or 0) > 1


def test_no_memory_where_there_is_no_process() -> None:
    """An id that names nobody."""
    assert resident_mib(2**22 + 1) is None
    assert tree_mib(2**22 + 1) is None


def test_made_up_texts_are_known_or_not() -> None:
    """Known are other occurrences of the kinds that the service was filled with; unseen kinds were never made."""
    line, long = made_up(200, unseen=count(UNSEEN_FROM))
    remembered = {fingerprint(synthetic.remembered(kind, occurrence=0)) for kind in range(200)}

    for texts in (line, long):
        assert fingerprint(texts.known()) in remembered
        assert fingerprint(texts.unseen()) not in remembered
    assert long.known() != long.known()


def test_failures_of_a_corpus_are_asked_once_each() -> None:
    """Rows of one fingerprint count once; known is what was asked before."""
    real = Real([row(f"disk {name} is full on node {number}") for number in range(2) for name in ("alpha", "beta")])

    assert len(real) == 2
    asked = [real.unseen(), real.unseen()]
    assert len(set(asked)) == 2
    assert real.known() in asked
    with pytest.raises(IndexError):
        real.unseen()
