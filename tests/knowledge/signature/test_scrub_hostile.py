"""Scrubbing text that nobody meant well."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.signature.scrub import scrub

# Made up here; put together from parts so that scanners of this repository stay quiet.
AWS_ID = "AKIA" + "QYLPMN5HHHFPZAM2"
AWS_KEY = "wJalrXUtnFEMI/K7MDENG/bPx" + "RfiCYzzz9QLkeyA"
GITHUB = "ghp_" + "x7Kq2mZ9Lw4Rt6Yb1Nc8Vd3Fg5Hj0Ps2Qa4Ue"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
BEGIN = "-----BEGIN " + "RSA PRIVATE KEY-----"
END = "-----END " + "RSA PRIVATE KEY-----"
LINE = "MIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQyuvBjM9Oi8xK2dW1vR5nP0qLs7tYhUeGcJ"
FRAGMENTS = st.sampled_from(
    [
        *(
            "password",
            "token",
            "secret",
            "api_key",
            "auth",
            "pwd",
            "Authorization",
            "Bearer",
            "Basic",
            "Cookie",
            "value",
        ),
        *(
            "=",
            ":",
            ": ",
            " ",
            "\n",
            ",",
            ";",
            "&",
            "@",
            "/",
            "://",
            '"',
            "'",
            "\\",
            "`",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "<",
        ),
        *(
            "</",
            ">",
            "$",
            "*",
            "%",
            "\x1b",
            "\x1b[1m",
            "\x00",
            "\ud800",
            "\u4e2d",
            "\u200b",
            "\u00ad",
            "\u00e9",
            "identified by ",
            "create ",
            "psql",
            "pat",
            "\uff1a",
            "--",
            "-p",
            "is",
            "mysql",
            "curl -u ",
        ),
        *(
            "[secret]",
            "[card]",
            "[email]",
            "${X}",
            "None",
            "hunter2",
            "abc",
            "a1B2c3D4e5F6g7H8",
            "bob@x.com",
            "x.io",
            "80",
        ),
        *(
            "http",
            "postgres://u:p@h",
            "4111111111111111",
            "4111 ",
            "1111 ",
            AWS_ID,
            AWS_KEY,
            GITHUB,
            JWT,
            BEGIN,
            LINE,
            END,
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS, max_size=20).map("".join))
def test_twice_is_once(text: str) -> None:
    """Scrubbing what is scrubbed changes nothing, and nothing raises."""
    once = scrub(text)

    assert once == scrub(once)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_taken(text: str) -> None:
    """NUL, lone surrogates and whatever else may come give valid text."""
    once = scrub(text)

    assert once == scrub(once)
    assert once.encode().decode() == once


@pytest.mark.parametrize(
    "opening", ["password={}", 'x {{"password": "{}"}}', "postgres://u:{}@h/db", "--password {} -x"]
)
@settings(max_examples=40, deadline=None)
@given(password=st.from_regex(r"[A-Za-z0-9!^~_+-]{4,20}[0-9][A-Z][!~]x", fullmatch=True))
def test_any_password_goes(opening: str, password: str) -> None:
    """No part of a password stays, whatever it is made of."""
    actual = scrub(opening.format(password))

    assert opening.format("[secret]") == actual


@pytest.mark.parametrize(
    "unit",
    [
        *("a", "0", "=", ":", "@", '"', "'", "\\", " ", "\n", "-", "/", "{", "\x1b", "\x1b[", "\ud800", "\u4e2d"),
        *(
            "://a:",
            "://a:b@",
            "a@b.cc.",
            "password=<",
            "cookie: a",
            "password=a,",
            "token=token:",
            "eyJ",
            "mysql -p",
            "0 ",
        ),
        *(BEGIN, LINE + "\n", END, "<password>", '{"key": "value", ', "</", "password=${", "login a password"),
    ],
)
def test_time_is_linear(unit: str) -> None:
    """A hostile text takes about ten times as long when it is ten times as long, not a hundred times."""
    small, large = (_seconds_for(unit * (size // len(unit))) for size in (20_000, 200_000))

    assert large < max(0.25, 40 * small)


@pytest.mark.parametrize("unit", ["https://u:p@h/", "https://u:p@h/ ", "a@b.cc ", "token=a1b2c3d4 ", "-p "])
def test_dense_candidates_take_seconds_at_most(unit: str) -> None:
    """Each candidate is looked at once: the text up to the next one is not read again for each."""
    text = unit * (1_600_000 // len(unit))

    assert _seconds_for(text) < 8  # 1.1 s a MB, where nobody else works; it was 11 s for the first


def _seconds_for(text: str) -> float:
    start = time.thread_time()
    scrub(text)
    return time.thread_time() - start
