"""What stands for the inputs of a piece of work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seenbefore.hashing import hash_inputs

PLACE = ["fraud", "r-1", "pre", "scaling"]


def test_hash_of_inputs_is_canonical(tmp_path: Path) -> None:
    """The order of a mapping says nothing, the order of a list does, and a file is not its name."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")

    def hashed(inputs: object) -> str:
        return hash_inputs(inputs, place=PLACE)

    assert hashed({"a": 1, "b": 2}) == hashed({"b": 2, "a": 1})
    assert hashed([1, 2]) != hashed([2, 1])
    assert hashed([tmp_path / "a"]) == hashed([str(tmp_path / "b")])
    assert hashed(["x"]) != hashed([tmp_path / "a"])
    assert hashed([object()]) != hashed([object()])


def test_without_inputs_the_place_counts() -> None:
    """The same again there, and nowhere else: not in another pipeline, run, step or sub-task."""
    others = [[*PLACE[:number], "other", *PLACE[number + 1 :]] for number in range(len(PLACE))]
    hashes = {hash_inputs(None, place=place) for place in (PLACE, *others)}

    assert hash_inputs(None, place=PLACE) == hash_inputs(None, place=PLACE)
    assert 5 == len(hashes)


def test_text_names_a_file_and_never_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word such as "data" may name a folder by chance, whose tree would be read; a path means it."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    (folder / "rows.csv").write_text("1")

    def hashed() -> list[str]:
        return [hash_inputs([each], place=PLACE) for each in ("data", "data/rows.csv", Path("data"))]

    before = hashed()
    (folder / "rows.csv").write_text("2")

    assert [True, False, False] == [one == other for one, other in zip(before, hashed(), strict=True)]


def test_names_of_a_place_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a file be called so."""
    monkeypatch.chdir(tmp_path)
    before = hash_inputs(None, place=PLACE)
    (tmp_path / "fraud").write_text("x")

    assert before == hash_inputs(None, place=PLACE)


def test_what_has_no_end_is_never_the_same(tmp_path: Path) -> None:
    """A pipe is not waited for."""
    os.mkfifo(tmp_path / "pipe")

    assert hash_inputs([tmp_path / "pipe"], place=PLACE) != hash_inputs([tmp_path / "pipe"], place=PLACE)
    assert hash_inputs([tmp_path], place=PLACE) != hash_inputs([tmp_path], place=PLACE)
