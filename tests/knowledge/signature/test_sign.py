"""The same failure has the same fingerprint, other failures have others; nothing breaks on hostile text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.failures import ErrorInfo, Failure
from knowledge.signature import SIGNATURE_VERSION, sign

TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/{run}/up.py", line {line}, in upload
    client.put_object(Bucket=bucket)
botocore.exceptions.ClientError: An error occurred ({code}) when calling the PutObject operation: {run} on {host}
"""
HOSTILE = (
    "a" * 200_000,
    "1." * 100_000,
    "Error: x\n" * 25_000,
    "\x1b[31m" * 40_000,
    "a\r" * 100_000,
    "/a" * 100_000,
    "{" * 200_000,
    "[" * 100_000 + "]" * 100_000,
    '{"message": "x"}\n' * 12_000,
    "\\n" * 100_000,
    "<a>" * 60_000,
    "a-1-" * 50_000,
    "错误" * 100_000,
    "http://a.b/c " * 15_000,
)


def _fingerprint(text: str) -> str:
    return sign(Failure(text=text)).fingerprint


def test_occurrences_of_one_failure_share_a_fingerprint() -> None:
    """Run, line number, host and repetition belong to the occurrence."""
    one = TRACEBACK.format(run="run-81f3a2", line=10, code="SlowDown", host="node-1.cluster.local")
    other = TRACEBACK.format(run="run-99b7c4", line=12, code="SlowDown", host="node-7.cluster.local")

    assert _fingerprint(one) == _fingerprint(other) == _fingerprint(other + other)


def test_another_code_is_another_failure() -> None:
    """Throttling and a missing permission never share a fingerprint."""
    one = TRACEBACK.format(run="r", line=1, code="SlowDown", host="h")
    other = TRACEBACK.format(run="r", line=1, code="AccessDenied", host="h")

    assert _fingerprint(one) != _fingerprint(other)


def test_a_log_and_an_error_object_are_one_failure() -> None:
    """The same exception, told as a log or in its parts, with or without its module's name."""
    stack = 'Traceback (most recent call last):\n  File "/a.py", line 3, in go\n    x()\n'
    as_log = f"{stack}acme.errors.QuotaError: quota of 5 jobs exceeded"
    as_error = ErrorInfo(type="QuotaError", message="quota of 9 jobs exceeded")

    assert _fingerprint(as_log) == sign(Failure(error=as_error)).fingerprint


def test_a_message_without_meaning_is_told_apart_by_its_function() -> None:
    """`KeyError: 0` says nothing; the function that raised it does."""
    text = 'Traceback (most recent call last):\n  File "/a.py", line 3, in {}\n    rows[0]\nKeyError: 0'

    assert _fingerprint(text.format("read_rows")) != _fingerprint(text.format("write_rows"))
    assert _fingerprint(text.format("read_rows")) == _fingerprint(text.format("read_rows"))


def test_what_a_signature_holds() -> None:
    """Exceptions, codes and operations name what people and search need."""
    signature = sign(Failure(text=TRACEBACK.format(run="r", line=1, code="SlowDown", host="h")))

    assert ("botocore.exceptions.ClientError",) == signature.exceptions
    assert ("SlowDown", "http_503") == signature.codes
    assert ("PutObject", "upload") == signature.operations
    assert SIGNATURE_VERSION == signature.version
    assert 32 == len(signature.fingerprint)


def test_the_embedded_text_fits_the_model() -> None:
    """However long the failure, 900 characters are embedded, led by what they are about and their cause."""
    signature = sign(
        Failure(text="ValueError: bad value\n" + "".join(f"error in table t{n} of schema\n" for n in range(300)))
    )

    assert len(signature.embedding_text) <= 900
    assert "ValueError: bad value" in signature.embedding_text.split("\n")[:2]


def test_an_empty_failure_has_a_signature() -> None:
    """Nothing said is a failure too; it has a fingerprint and no words."""
    signature = sign(Failure(text=""))

    assert ("", ()) == (signature.template, signature.terms)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_signed(text: str) -> None:
    """No text raises, and the same text is always signed alike."""
    error = ErrorInfo(type=text, message=text, stacktrace=text)

    assert sign(Failure(text=text)) == sign(Failure(text=text))
    assert sign(Failure(error=error)) == sign(Failure(error=error))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_time_grows_no_faster_than_the_text(text: str) -> None:
    """Five times the text takes at most ten times as long, with 20 ms of grace for the clock."""
    short = min(_seconds(text) for _ in range(3))
    long = min(_seconds(text * 5) for _ in range(2))

    assert long <= 10 * short + 0.02


def _seconds(text: str) -> float:
    started = time.thread_time()
    sign(Failure(text=text))
    return time.thread_time() - started


def test_a_line_that_begins_like_a_frame_is_still_said() -> None:
    """Calls at the start of a message are no frames, and a text of nothing but frames is what was said."""
    one = sign(Failure(text="db.connect() failed: permission denied for schema finance"))
    other = sign(Failure(text="model.fit() diverged: loss is nan"))

    assert one.fingerprint != other.fingerprint
    assert "permission denied" in one.template
    assert sign(Failure(text="main.main()")).template
