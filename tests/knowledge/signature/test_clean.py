"""Raw log text becomes plain lines."""

from __future__ import annotations

import pytest

from knowledge.signature.clean import clean, unescape_breaks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31;1mERROR\x1b[0m: gone", "ERROR: gone"),
        ("10%\r50%\r100% done", "100% done"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("2026-11-20T08:15:01.1234567Z ##[error]gone", "gone"),
        ("2026-11-20 08:15:01,123 - ERROR: gone", "ERROR: gone"),
        ("[rank3]: ValueError: x", "ValueError: x"),
        ("[default0]:ValueError: x", "ValueError: x"),
        ("[1,3]<stderr>:ValueError: x", "ValueError: x"),
        ("(train pid=4471, ip=10.8.61.22) ValueError: x", "ValueError: x"),
        ("1: ValueError: x", "ValueError: x"),
        ("postgres_1    | FATAL:  gone", "FATAL:  gone"),
        ("#10 21.46 ERROR: gone", "ERROR: gone"),
        ("E   ValueError: x", "  ValueError: x"),
        ("│ ValueError: x      │", "ValueError: x"),
        ("a\x00b\u202ec", "abc"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
    ],
)
def test_plain_lines(text: str, expected: str) -> None:
    """Control codes, redraws and what log shippers prefix are taken away."""
    cleaned = clean(text)

    assert expected == cleaned


def test_indentation_behind_a_prefix_stays() -> None:
    """Indentation tells a frame from a message, also behind a rank."""
    cleaned = clean('[rank0]:   File "a.py", line 3, in f\n[rank0]: ValueError: x')

    assert '  File "a.py", line 3, in f\nValueError: x' == cleaned


def test_quoted_line_breaks_are_undone() -> None:
    """A traceback that was put on one line gets its lines back; a lone backslash-n in a message stays."""
    assert 'Traceback\n  File "a.py"\nValueError' == unescape_breaks('Traceback\\n  File \\"a.py\\"\\nValueError')
    assert "bad \\n here" == unescape_breaks("bad \\n here")
