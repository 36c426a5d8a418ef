"""From what a pipeline tells to what may be stored."""

from __future__ import annotations

import pytest

from knowledge.errors import InvalidInput
from knowledge.failures import ErrorInfo, Failure, Resolution
from knowledge.intake import KEPT_TEXT, prepare, prepare_many, prepare_now

SECRET = "ghp_" + "Vb7Kq2Zx9Lw4Rt6Yn8Mc3Jd5Hf1Gs0PaQeUi"


def test_every_text_is_scrubbed() -> None:
    """Names and values of the caller's own as well."""
    said = f"failed with {SECRET}"
    failure = Failure(
        error=ErrorInfo(said, said, said),
        text=said,
        pipeline=said,
        step=said,
        run_id=said,
        environment={said: [{said: said}]},
        spent={said: 1.0},
        external_id=said,
        resolution=Resolution(said, author=said),
    )

    assert SECRET not in repr(prepare_now(failure))


def test_ids_that_differ_in_a_secret_stay_two() -> None:
    """And the same one stays the same."""
    ids = [f"mail:{name}@mail.example.org" for name in ("ana", "bo", "ana")]
    kept = [prepare_now(Failure(text="boom", external_id=id)).failure.external_id for id in ids]

    assert kept[0] == kept[2] != kept[1]
    assert "run-7/task-3" == prepare_now(Failure(text="boom", external_id="run-7/task-3")).failure.external_id


def test_amounts_stay_what_they_are() -> None:
    """Tokens are spent, too: only the names are looked at."""
    assert {"tokens": 5_000.0, "password": 1.0} == prepare_now(
        Failure(text="boom", spent={"tokens": 5_000.0, "password": 1.0})
    ).failure.spent


@pytest.mark.parametrize(
    "failure",
    [
        Failure(),
        Failure(text=""),
        Failure(text=" \n"),
        Failure(error=ErrorInfo()),
        Failure(error=ErrorInfo("", " ", "")),
    ],
)
async def test_a_failure_says_something(failure: Failure) -> None:
    """Else it is refused, and the field is named."""
    with pytest.raises(InvalidInput) as refused:
        await prepare(failure)

    assert "text" == refused.value.field


def test_long_logs_keep_both_ends() -> None:
    """What failed stands at either end; the signature is made of all of it."""
    log = "first line\n" + "progress\n" * 100_000 + "ValueError: the quince ledger is torn"
    prepared = prepare_now(Failure(text=log, error=ErrorInfo("E", "m", log)))
    kept, stack = prepared.failure.text or "", (prepared.failure.error or ErrorInfo()).stacktrace or ""

    for text in (kept, stack):
        assert KEPT_TEXT < len(text) < KEPT_TEXT + 100
        assert (True, True) == (text.startswith("first line"), text.endswith("ledger is torn"))
    assert "quince ledger" in prepared.signature.template


async def test_batches_are_as_single_ones() -> None:
    """In order."""
    failures = [Failure(text=f"QuinceError: ledger {word}") for word in ("torn", "late", "torn")]

    assert [await prepare(each) for each in failures] == await prepare_many(failures)
