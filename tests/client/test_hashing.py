"""What stands for the inputs of a piece of work."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest

from seenbefore.hashing import hash_inputs, hash_path

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


def test_folder_of_links_and_special_files_has_a_hash(tmp_path: Path) -> None:
    """Links count by what they lead to, where that is no file by where they lead; a pipe is a pipe, and not read."""
    folder, model = tmp_path / "folder", tmp_path / "model.bin"
    folder.mkdir()
    model.write_bytes(b"1")
    (folder / "model").symlink_to(model)
    (folder / "gone").symlink_to("nowhere")
    (folder / "round").symlink_to("round")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        hashes = [hash_path(folder), hash_path(folder)]
        model.write_bytes(b"2")
        hashes.append(hash_path(folder))
        (folder / "gone").unlink()
        (folder / "gone").symlink_to("elsewhere")
        hashes.append(hash_path(folder))
        (folder / "pipe").unlink()
        hashes.append(hash_path(folder))

    assert hashes[0] == hashes[1]
    assert 4 == len(set(hashes))


class Colour(Enum):
    """A choice."""

    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Region:
    """A dataclass in a dataclass."""

    least: float
    colour: Colour


TOLD: list[Callable[[int], object]] = [
    lambda n: date(2026, 1, n),
    lambda n: datetime(2026, 1, n, tzinfo=UTC),
    lambda n: time(n),
    lambda n: timedelta(n),
    lambda n: UUID(int=n),
    lambda n: Decimal(n),
    lambda n: Colour(n),
    lambda n: Region(0.5, Colour(n)),
    lambda n: {1: n},
    lambda n: {(1, n): "a", "b": None},
    lambda n: {n, "a"},
    lambda n: frozenset([n]),
]


@pytest.mark.parametrize("make", TOLD)
def test_plain_values_count_by_what_they_hold(make: Callable[[int], object]) -> None:
    """Equal ones are the same, and others are not; nor is a value its text."""
    hashes = [hash_inputs([each], place=PLACE) for each in (make(1), make(1), make(2), str(make(1)))]

    assert hashes[0] == hashes[1]
    assert 3 == len(set(hashes))


def test_what_cannot_be_compared_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """By its type: silently, its work would be done again and again."""

    class Model:
        pass

    with caplog.at_level(logging.WARNING, "seenbefore"):
        hashes = {hash_inputs([1, {"model": Model()}], place=PLACE) for _ in range(3)}

    assert 3 == len(hashes)
    assert 1 == len(caplog.records)
    assert f"{Model.__qualname__} cannot be compared" in caplog.text
