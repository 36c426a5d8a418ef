"""Why a neighbour is one, and in what it differs."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.advisor.advice import Evidence, Neighbour
from knowledge.advisor.evidence import MOST_REASONS, show
from knowledge.advisor.term_weights import TermWeights
from knowledge.signature import terms_of
from tests.knowledge.advisor.making import neighbour, signature

#: In a hundred documents, these words say little and all others say much.
WEIGHTS = TermWeights(documents=100, frequencies=dict.fromkeys(terms_of("error the when calling operation"), 60))


def shown(near: Neighbour, **asked: Any) -> Evidence:
    """The neighbour as evidence."""
    return show([near], asked=signature(**asked), terms=WEIGHTS, tokenize=terms_of)[0]


def test_names_come_before_words() -> None:
    """The exception without its module, the code, the operation, then telling words."""
    near = neighbour(
        exceptions=("aws.ClientError",), codes=("SlowDown", "503"), operations=("PutObject",), terms=("put", "object")
    )

    assert ("ClientError", "SlowDown", "PutObject") == shown(near).same_because[:3]


def test_common_words_are_no_reason() -> None:
    """A word that stands in most precedents tells nothing."""
    near = neighbour(terms=tuple(terms_of("the error when calling quinceledger")))
    found = shown(near, template="the error when calling quinceledger", exceptions=(), codes=(), operations=())

    assert ("quinceledger",) == found.same_because


def test_reasons_are_few() -> None:
    """The most telling ones."""
    text = "alpha beta gamma delta epsilon zeta eta theta"

    assert MOST_REASONS == len(shown(neighbour(terms=tuple(terms_of(text))), template=text).same_because)


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ({"operations": ("GetObject",)}, ("operation: PutObject / GetObject",)),
        ({"codes": ("AccessDenied", "403", "x")}, ("code: SlowDown / AccessDenied, 403",)),
        ({"exceptions": ("a.KeyError",)}, ("exception: ClientError / KeyError",)),
        ({"codes": ("SlowDown", "503")}, ()),
        ({}, ()),
    ],
)
def test_differences_are_where_both_say_something(theirs: dict[str, Any], expected: tuple[str, ...]) -> None:
    """And not the same."""
    assert expected == shown(neighbour(**theirs)).differs_in


def test_order_stays() -> None:
    """Best first, as it came."""
    near = [neighbour(number, similarity=0.9 - number / 10) for number in range(3)]
    found = show(near, asked=signature(), terms=WEIGHTS, tokenize=terms_of)

    assert [each.precedent_id for each in near] == [each.precedent_id for each in found]


def test_long_templates_are_shortened() -> None:
    """An answer is read by people; the whole is in the precedent."""
    template = shown(neighbour(template="x" * 100_000)).template

    assert len(template) < 10_000
    assert template.endswith("…")
