"""What the model learns from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from knowledge.failures import Verdict
from knowledge.starter.catalogue import Catalogue, read_catalogue
from training.pairs import ANCHOR, LOOK_ALIKE, SAME, Texts, examples, gather, look_alikes

CATALOGUE = """
component = "orchard"

[[precedent]]
key = "ledger-torn"
title = "The ledger is torn"
verdict = "genuine"
cause = "data_quality"
action = "fix_then_rerun"
resolution = "Mend the ledger in the barn, and read it again before the next harvest is counted."
sources = ["https://example.org/ledger"]
wordings = ["PearError: ledger torn in the barn", "QuinceError: the ledger cannot be read", "PlumError: no ledger"]

[[precedent]]
key = "barn-busy"
title = "The barn is busy"
verdict = "transient"
cause = "contention"
action = "retry_with_backoff"
resolution = "Wait until the carts have left the barn; the same work passes then without any change."
sources = ["https://example.org/barn"]
wordings = ["PearError: barn is busy with the ledger", "QuinceError: too many carts in the barn"]
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Two failures in five wordings."""
    (tmp_path / "orchard.toml").write_text(CATALOGUE)
    return read_catalogue(tmp_path)


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Messages in groups: one of three, of which two are the same, and one of one."""
    rows = [("a", "disk is full"), ("a", "no space left"), ("a", "disk is full"), ("b", "alone")]
    lines = "\n".join(json.dumps({"group": group, "text": text}) for group, text in rows)
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "elastic_recheck.jsonl").write_text(lines)
    (folder / "oslo_db_messages.jsonl").write_text("")
    return folder


def test_wordings_of_a_precedent_are_one_group(catalogue: Catalogue) -> None:
    """As the model reads them, with verdict and title."""
    texts = gather(catalogue, data=None)

    assert (0, 0, 0, 1, 1) == texts.group
    assert (Verdict.GENUINE, Verdict.TRANSIENT) == texts.verdict
    assert ("The ledger is torn", "The barn is busy") == texts.title


def test_public_messages_need_two_that_differ(catalogue: Catalogue, public: Path) -> None:
    """Of a verdict nothing is known."""
    texts = gather(catalogue, data=public)

    assert ("disk is full", "no space left") == texts.texts[5:]
    assert (2, 2) == texts.group[5:]
    assert (None, None) == (texts.verdict[2], texts.title[2])


def test_look_alikes_have_the_other_verdict(catalogue: Catalogue, public: Path) -> None:
    """The nearest first; texts without a verdict have none and are none."""
    texts = gather(catalogue, data=public)
    vectors = np.eye(7, dtype=np.float32)
    vectors[4] += vectors[0]
    found = look_alikes(texts, vectors)

    assert [4, 3] == found[0]
    assert {0, 1, 2} == set(found[3])
    assert [] == found[5]


def test_no_batch_holds_a_failure_twice() -> None:
    """Each text is an anchor once, and its partner another text of its group or the title."""
    texts = Texts(
        texts=tuple(f"text{number}" for number in range(60)),
        group=tuple(number // 3 for number in range(60)),
        verdict=(Verdict.GENUINE,) * 20,
        title=(None,) * 20,
    )
    rows = examples(texts, [[] for _ in texts.texts], seed=1)
    group = {f"text{number}": number // 3 for number in range(60)}

    assert 60 == len({row[ANCHOR] for row in rows})
    assert all(len({group[row[ANCHOR]] for row in rows[at : at + 20]}) == 20 for at in (0, 20, 40))
    assert all(group[row[ANCHOR]] == group[row[SAME]] and row[ANCHOR] != row[SAME] for row in rows)
    assert all(row[LOOK_ALIKE] in group for row in rows)


def test_examples_are_the_same_again(catalogue: Catalogue) -> None:
    """By the seed."""
    texts = gather(catalogue, data=None)
    opposed = [[3], [4], [3], [0], [1]]

    assert examples(texts, opposed, seed=3) == examples(texts, opposed, seed=3)
    assert examples(texts, opposed, seed=3) != examples(texts, opposed, seed=4)
