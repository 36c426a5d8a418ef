"""The protocol: what is memory, what is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.protocol import CorpusError, Kind, Row, fold_of_group, plan, read_corpus
from knowledge.failures import Action, Cause, Verdict


def row(number: int, *, group: str, label: Verdict = Verdict.TRANSIENT) -> Row:
    """A row of a made-up corpus."""
    return Row(
        id=f"r{number}",
        text=f"ConnectionError: attempt {number} of {group}",
        group=group,
        label=label,
        cause=Cause.NETWORK,
        action=Action.RETRY_WITH_BACKOFF,
        resolution="It passed when it was run again.",
        ambiguous=False,
    )


def corpus(*sizes: int) -> list[Row]:
    """Groups of these sizes."""
    groups = [f"g{place}" for place, size in enumerate(sizes) for _ in range(size)]
    return [row(number, group=group) for number, group in enumerate(groups)]


group_sizes = st.lists(st.integers(1, 6), min_size=5, max_size=30)


@given(sizes=group_sizes, seed=st.integers(0, 10))
def test_novel_folds_never_split_a_group(sizes: list[int], seed: int) -> None:
    """No cause that is asked is in the memory, and every row is asked once."""
    rows = corpus(*sizes)
    tasks = plan(rows, kind=Kind.NOVEL, seed=seed)

    assert all(not {r.group for r in task.memory} & {r.group for r in task.queries} for task in tasks)
    assert sorted(r.id for r in rows) == sorted(r.id for task in tasks for r in task.queries)


@given(sizes=group_sizes, seed=st.integers(0, 10))
def test_warm_memory_knows_the_group_but_not_the_row(sizes: list[int], seed: int) -> None:
    """Every row of a group of two or more is asked once, of a memory that has others of its group and not itself."""
    rows = corpus(*sizes)
    tasks = plan(rows, kind=Kind.WARM, seed=seed)
    several = [r.id for r in rows if sum(other.group == r.group for other in rows) > 1]

    assert sorted(several) == sorted(r.id for task in tasks for r in task.queries)
    for task in tasks:
        remembered = {r.group for r in task.memory}
        assert all(r.group in remembered and r not in task.memory for r in task.queries)


def test_cold_remembers_nothing() -> None:
    """All rows are asked of an empty memory."""
    rows = corpus(2, 1, 3, 1, 2)
    tasks = plan(rows, kind=Kind.COLD)

    assert {()} == {task.memory for task in tasks}
    assert len(rows) == sum(len(task.queries) for task in tasks)


def test_folds_depend_on_the_seed_alone() -> None:
    """The order of the rows changes nothing; another seed deals otherwise."""
    rows = corpus(*([2] * 20))

    assert fold_of_group(rows, seed=1) == fold_of_group(rows[::-1], seed=1)
    assert fold_of_group(rows, seed=1) != fold_of_group(rows, seed=2)


def test_names_of_tasks_can_name_workspaces() -> None:
    """Each memory is a workspace of its own."""
    names = [task.name for kind in Kind for task in plan(corpus(*([2] * 10)), kind=kind)]

    assert len(names) == len(set(names))
    assert names[:2] == ["warm-0a", "warm-0b"]


def test_a_row_is_remembered_with_what_was_found_out() -> None:
    """Memory is told the verdict; who asks is not."""
    told, asked = row(1, group="g").told(), row(1, group="g").asked()

    assert (Verdict.TRANSIENT, Cause.NETWORK, "r1") == (told.verdict, told.cause, told.external_id)
    assert (None, None, None) == (asked.verdict, asked.cause, asked.external_id)


def as_line(given: Row, **changed: object) -> str:
    """A row as a line of a corpus."""
    fields = {name: getattr(given, name) for name in Row.__slots__} | changed
    return json.dumps(fields)


def test_reads_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """Fields that the protocol does not name are left alone."""
    path = tmp_path / "corpus.jsonl"
    path.write_text(as_line(row(1, group="g"), component="made up") + "\n\n" + as_line(row(2, group="g")) + "\n")

    assert (row(1, group="g"), row(2, group="g")) == read_corpus(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not JSON lines"),
        ('{"id": "r1"}', "line 1: lacks text"),
        (as_line(row(1, group="g"), label="perhaps"), "line 1: 'perhaps'"),
        (as_line(row(1, group="g")) + "\n" + as_line(row(1, group="g")), "stands twice"),
    ],
)
def test_says_what_is_wrong_with_a_corpus(tmp_path: Path, content: str, problem: str) -> None:
    """The line and the field are named."""
    path = tmp_path / "corpus.jsonl"
    path.write_text(content)

    with pytest.raises(CorpusError, match=problem):
        read_corpus(path)


def test_says_that_there_is_no_corpus(tmp_path: Path) -> None:
    """A path that leads nowhere is one sentence, not a traceback."""
    with pytest.raises(CorpusError, match="cannot be read"):
        read_corpus(tmp_path / "none.jsonl")
