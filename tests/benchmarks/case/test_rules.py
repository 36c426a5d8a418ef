"""Class rules, as a team would write them."""

from __future__ import annotations

import pytest

from benchmarks.case.example import SAMPLE
from benchmarks.case.rules import is_worth_a_retry
from benchmarks.protocol import read_corpus
from knowledge.failures import Verdict


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("botocore.exceptions.ClientError: An error occurred (AccessDenied)", False),
        ("requests.exceptions.HTTPError: 403 Client Error", False),
        ("ValueError: could not convert string to float", False),
        ("ValueError: upstream answered 503 Service Unavailable", True),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", True),
        ("acme.NobodyKnowsError: it broke", True),
    ],
)
def test_the_first_rule_that_matches_decides(text: str, worth: bool) -> None:
    """What is final, then what passes, then classes that mostly are final; all else is retried."""
    assert worth is is_worth_a_retry(text)


def test_the_sample_is_a_corpus_that_rules_alone_do_not_solve() -> None:
    """Failures of both labels, in groups; the table is right more often than not, as it would be."""
    rows = read_corpus(SAMPLE)
    right = [is_worth_a_retry(row.text) is (row.label is Verdict.TRANSIENT) for row in rows]

    assert {Verdict.TRANSIENT, Verdict.GENUINE} == {row.label for row in rows}
    assert 0.7 < sum(right) / len(rows) < 1.0
