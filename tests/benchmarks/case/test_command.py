"""The command, as far as it needs no service."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from rich.console import Console

from benchmarks import case_study
from benchmarks.case import tables
from benchmarks.case.assumptions import Assumptions
from benchmarks.case.example import Example
from benchmarks.case.figures import Figures
from benchmarks.case.policies import BLIND, BLIND_RESUMING, CLAIRVOYANT, STATELESS
from benchmarks.case.seen_before import SEEN_BEFORE, Told
from benchmarks.case.simulation import Story
from benchmarks.case.study import Study
from knowledge.failures import DecisionAction, Verdict


def by_policy(gpu_hours: float) -> tuple[Figures, ...]:
    """Two worlds."""
    return tuple(Figures(0.31, each * gpu_hours, 40.0, 60.0, 30.0, 0.5, 0.5, 100.0) for each in (1.0, 1.1))


FOUND = Study(
    assumptions=Assumptions(),
    months=1.0,
    seeds=(0, 1),
    found={
        name: by_policy(hours)
        for name, hours in {
            STATELESS: 47_000.0,
            BLIND: 60_000.0,
            BLIND_RESUMING: 39_500.0,
            SEEN_BEFORE: 39_390.0,
            CLAIRVOYANT: 39_000.0,
        }.items()
    },
    told=((Told(1.0, True, False, Verdict.TRANSIENT, DecisionAction.RETRY),), ()),
    retrainings=160,
    troubles=60,
    recurring=0.5,
)
EXAMPLE = {SEEN_BEFORE: Example(Story(0.0, 30.0, 486.0), Story(0.0, 34.0, 490.0, pages=1))}


def test_what_people_read_tells_the_figures() -> None:
    """The claim of 5 %, the reductions against both baselines, and the example."""
    console = Console(width=200, record=True)

    case_study.show(FOUND, EXAMPLE, console=console)
    said = console.export_text()

    assert "GPU-hours: Seen Before +1.00% ± 0.00%" in said
    assert f"{39_390 / 60_000 - 1:+.1%}" in said
    assert "at 360 GPU-hours" in said
    assert "genuine: retry" in said


def test_what_programs_read_is_json() -> None:
    """All of it, and what was assumed."""
    document = json.loads(json.dumps(tables.document(FOUND, EXAMPLE)))
    (line,) = (
        each for each in document["published"] if (each["title"], each["against"]) == ("GPU-hours a month", BLIND)
    )

    assert asdict(FOUND.found[SEEN_BEFORE][1]) == document["worlds"][SEEN_BEFORE][1]
    assert (480.0, 47) == (document["assumptions"]["run_gpu_hours"], document["assumptions"]["models"])
    assert ("yes", "yes") == (line["reachable"], line["reached"])
    assert 0.01 == pytest.approx(document["above_clairvoyant"]["gpu_hours"][SEEN_BEFORE]["mean"])


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--months", "0"], ["--tell", "lies"]])
def test_nothing_to_simulate(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Told by the command, not by a traceback."""
    with pytest.raises(SystemExit):
        case_study.main(["corpus.jsonl", *wrong])

    assert "error:" in capsys.readouterr().err


def test_no_corpus() -> None:
    """Told before a service is started."""
    with pytest.raises(SystemExit, match=r"benchmarks\.case_study: .*cannot be read"):
        case_study.main(["none.jsonl"])
