"""Lexical terms: names in parts and whole, codes, families; placeholders and grammar out."""

from __future__ import annotations

import pytest

from knowledge.signature import terms_of
from knowledge.signature.codes import printed_codes, standard_codes
from knowledge.signature.families import families_of
from knowledge.signature.terms import split_name, stem, words_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HTTPError", ["http", "error"]),
        ("max_poll_records", ["max", "poll", "records"]),
        ("botocore.exceptions.ClientError", ["botocore", "exceptions", "client", "error"]),
        ("cudaErrorIllegalAddress", ["cuda", "error", "illegal", "address"]),
        ("OOMKilled", ["oom", "killed"]),
    ],
)
def test_names_are_split(name: str, expected: list[str]) -> None:
    """Dots, underscores and capitals part words; acronyms stay together."""
    assert expected == split_name(name)


def test_names_stay_whole_too() -> None:
    """A name is found by its parts and, better, by itself."""
    words = words_of("raised ClientError for <path>: 503")

    assert ("rais", "client", "error", "clienterror", "503") == words


def test_words_that_turn_a_meaning_stay() -> None:
    """Negation and measure are no stop words."""
    words = words_of("the table is not there, no quota, already exceeded")

    assert {"not", "no", "already", "exceed"} <= set(words)
    assert not {"the", "is"} & set(words)


def test_inflections_meet() -> None:
    """One stem for what is said of connecting."""
    assert 1 == len({stem(word) for word in ("connect", "connection", "connected", "connecting", "connections")})


def test_chinese_is_found_by_pairs() -> None:
    """A language without spaces is indexed by pairs of characters."""
    assert ("磁盘", "盘空", "空间") == words_of("磁盘空间")


def test_questions_and_failures_share_terms() -> None:
    """A person's words find the code that a program printed."""
    assert "http_429" in terms_of("too many requests")
    assert "http_429" in terms_of("HTTPError: 429 Client Error")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("[Errno 111]", "ECONNREFUSED", "Connection refused", "os error 111"), "econnrefused"),
        (("429 Client Error", "Too Many Requests", "toomanyrequests"), "http_429"),
        (("exit code 137", "signal 9", "SIGKILL", "exited with code -9"), "sigkill"),
        (("[Errno -3]", "EAI_AGAIN", "Temporary failure in name resolution"), "eai_again"),
        (("ENOTFOUND", "Name or service not known", "[Errno -2]"), "eai_noname"),
    ],
)
def test_standard_codes_have_one_name(texts: tuple[str, ...], expected: str) -> None:
    """However a program prints a standard code, it is one code."""
    assert {(expected,)} == {standard_codes(text) for text in texts}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("An error occurred (SlowDown) when calling", ("SlowDown",)),
        ("<Error><Code>ServerBusy</Code>", ("ServerBusy",)),
        ("ERROR 1205: lock wait", ("error 1205",)),
        ("Xid (PCI:<id>): 79, fallen off", ("xid 79",)),
        ("CUDA_ERROR_ECC_UNCORRECTABLE: bad", ("CUDA_ERROR_ECC_UNCORRECTABLE",)),
        ("ORA-00060: deadlock", ("ORA-00060",)),
        ("File not found", ()),
    ],
)
def test_other_codes_are_named_as_printed(text: str, expected: tuple[str, ...]) -> None:
    """Cloud, vendor and driver codes keep their names."""
    assert expected == printed_codes(text)


def test_families_join_other_wordings() -> None:
    """Throttling is throttling, however a service words it."""
    texts = ("Rate exceeded", "request was throttled", "Too Many Requests", "please reduce your request rate")

    assert all("throttling" in families_of(text) for text in texts)
