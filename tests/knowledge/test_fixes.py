"""Whether a fix holds: versions, images and commits compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.fixes import Age, Fix, Outdated, Regression, age, compared, sentence

TOLD = datetime(2026, 11, 1, tzinfo=UTC)
LATER = TOLD + timedelta(days=1)


def against(
    fixed_in: dict[str, str], environment: dict[str, Any], *, at: datetime = LATER
) -> Regression | Outdated | None:
    """What an environment says about a fix."""
    return compared(Fix(fixed_in, TOLD), environment=environment, occurred_at=at)


@pytest.mark.parametrize(
    ("key", "fixed_in", "seen", "expected"),
    [
        ("torch", "2.13", "2.13", Age.SAME_OR_NEWER),
        ("torch", "2.13", "2.13.0", Age.SAME_OR_NEWER),
        ("torch", "2.9", "2.13", Age.SAME_OR_NEWER),
        ("torch", "2.13", "2.9", Age.OLDER),
        ("torch", "2.13", "2.13.0rc1", Age.OLDER),
        ("torch", "2.13.0+cu128", "2.13.0", Age.SAME_OR_NEWER),
        ("torch", "2.13", "nightly", Age.UNKNOWN),
        ("driver", "release-b", "release-b", Age.SAME_OR_NEWER),
        ("driver", "release-b", "release-c", Age.UNKNOWN),
        ("image", "repo/train:1.8", "repo/train:1.10", Age.SAME_OR_NEWER),
        ("image", "repo/train:1.8", "repo/train:1.7", Age.OLDER),
        ("image", "repo/train:1.8", "repo/serve:1.9", Age.UNKNOWN),
        ("image", "repo/train:1.8", "repo/train", Age.UNKNOWN),
        ("image", "host:5000/train:1.8", "host:5000/train:1.9", Age.SAME_OR_NEWER),
        ("image", "host:5000/train", "host:6000/train", Age.UNKNOWN),
        ("image", "train@sha256:12", "train@sha256:13", Age.UNKNOWN),
        ("commit", "1234567", "1234568", Age.UNKNOWN),
        ("commit", "1234567", "1234567", Age.SAME_OR_NEWER),
    ],
)
def test_age(key: str, fixed_in: str, seen: str, expected: Age) -> None:
    """Of what was seen, against that of the fix."""
    assert expected is age(seen, key=key, fixed_in=fixed_in)


def test_one_older_value_says_that_the_fix_is_not_there() -> None:
    """Whatever the others say."""
    found = against({"torch": "2.13", "image": "repo/train:1.8"}, {"torch": "2.11", "image": "repo/train:1.8"})

    assert Outdated("torch", "2.13", "2.11") == found
    assert "It was fixed in torch 2.13; you run 2.11." == sentence(found)


def test_regression_is_seen_after_the_fix_was_told() -> None:
    """What failed before proves nothing against it."""
    fixed_in, environment = {"torch": "2.13"}, {"torch": "2.14", "host": "n7"}
    found = against(fixed_in, environment)

    assert Regression(fixed_in, {"torch": "2.14"}, TOLD) == found
    assert "It was fixed in torch 2.13 and is back in torch 2.14: a regression." == sentence(found)
    assert against(fixed_in, environment, at=TOLD) is None


@pytest.mark.parametrize("environment", [{}, {"torch": None}, {"torch": True}, {"torch": ["2.14"]}, {"jax": "2.14"}])
def test_environment_that_does_not_say_says_nothing(environment: dict[str, Any]) -> None:
    """Another key, or a value that is no version."""
    assert against({"torch": "2.13"}, environment) is None


def test_numbers_are_read_as_they_are_written() -> None:
    """Some write a version without quotation marks."""
    assert isinstance(against({"cuda": "13"}, {"cuda": 13}), Regression)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=600)), st.dictionaries(st.text(max_size=20), st.text()))
def test_any_texts_are_compared(fixed_in: dict[str, str], environment: dict[str, Any]) -> None:
    """Without an error, and what is said of them is a short sentence."""
    found = against(fixed_in, {**environment, **fixed_in})

    assert found is None or len(sentence(found)) <= 1_100
