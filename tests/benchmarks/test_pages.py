"""The parts of the benchmark of pages that need no service."""

from __future__ import annotations

from dataclasses import fields

import pytest
from rich.console import Console

from benchmarks.addresses import ADDRESSES, World
from benchmarks.pages import ASKED_MS, Point, Times, table_of, too_slow

WORLD = World(**{field.name: field.name for field in fields(World)})


def test_questions_differ() -> None:
    """So that nothing that was remembered is measured; and they fit an address."""
    questions = [WORLD.question(number) for number in range(50)]

    assert 50 == len(set(questions))
    assert [] == [each for each in questions if set(each) & set(" &?#")]


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses_name_what_the_world_has(name: str) -> None:
    """Each is a page or an endpoint, and has a limit."""
    address = WORLD.address(name, number=1)

    assert name.partition(" ")[0] in ASKED_MS
    assert address.startswith(("/", "POST /"))
    assert "{" not in address


def test_what_is_too_slow_is_named() -> None:
    """Pages by their own limit, and endpoints by theirs."""
    times = {"page Ask": Times(50, 100.1), "page Search": Times(50, 99.9), "endpoint search": Times(50, 150.1)}

    assert ["page Ask", "endpoint search"] == too_slow(Point(1_000, times))


def test_the_table_has_a_line_for_each() -> None:
    """With how much the largest takes of the smallest."""
    points = [Point(size, {name: Times(1, factor) for name in ADDRESSES}) for size, factor in ((10, 2.0), (20, 3.0))]
    console = Console(width=200)
    with console.capture() as shown:
        console.print(table_of(points))

    assert len(ADDRESSES) == shown.get().count("1.50")
