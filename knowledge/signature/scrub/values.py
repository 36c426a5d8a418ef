"""Where a value ends, whether it is a placeholder, and whether it looks like a secret."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from dataclasses import dataclass
from math import log2

import re2

#: A value at least this long is taken without further questions. That keeps refusals short, and so the time linear.
ALWAYS_TAKEN = 200
#: Quotes looked at before a quoted value is taken as it is: hostile text has a million escaped ones.
_QUOTES_LOOKED_AT = 1000

#: Values that stand for a secret: variables, templates, asterisks, markers. `[secret]` itself is one of them.
_PLACEHOLDER = (
    rb"(?:\[(?:secret|card|email|redacted|filtered|masked|hidden|removed|protected|sensitive|private)\]"
    rb"|\$?\$\{[^{}\s]*\}|\$?\$\([^()\s]*\)|\$[A-Za-z_][A-Za-z0-9_]*|\$\$?|\{\{[^{}]*\}?\}?|\$\{\{[^{}]*\}\}"
    rb"|\{[A-Za-z0-9_.!:]*\}|%\([A-Za-z0-9_]+\)s|%[A-Za-z_]+%|%[sdrqv]|<[^<>=\s]*(?: [^<>=\s]+)*>"
    rb"|\*+|\\?x{3,}|X{3,}|\.{2,}|-+|_{3,}|#{3,}|\?+|[\x{2022}\x{25CF}]+|\x{2026}"
    rb"|none|null|nil|nan|undefined|true|false|yes|no|empty|unset|redacted|masked|hidden|filtered|placeholder|todo"
    rb"|not[ _\-]?set|change[_\-]?me|replace[_\-]?me|required|missing|invalid|expired|incorrect|wrong|denied"
    rb"|failed|unknown|not|must|should|this"
    rb"|(?:your|my)[ _\-](?:[a-z]+[ _\-])*(?:key|token|secret|password)(?:[ _\-]here)?)"
)
_IS_PLACEHOLDER = re2.compile(rb"(?i)\A['\"]?" + _PLACEHOLDER + rb"['\"]?\z")
_BEGINS_WITH_PLACEHOLDER = re2.compile(rb"(?i)" + _PLACEHOLDER + rb"(?:[\s,;&|\"'`)\]}<>\\%]|[.:!?](?:\s|\z)|\z)")

#: Expressions in source lines of tracebacks: `self.password`, `os.environ["X"]`, `get_secret("db")`.
_CODE = re2.compile(
    rb"\A(?:(?:self|cls|this|os|sys|env|environ|process|config|cfg|conf|settings|args|kwargs|params|opts|options|ctx"
    rb"|context|secrets|credentials|creds|request|req|dbutils|Variable|boto3|session|st|app)[.\[].*"
    rb"|[A-Za-z_.]*(?:get|load|read|fetch|env|secret|lookup|decode|decrypt|input|prompt)[A-Za-z_]*\(.*)\z"
)
_DOTTED_CALL = re2.compile(rb"\A[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+\(")
_QUOTE_OR_ESCAPE = (b'"', b"'", b"`", b"\\")
_QUOTE_AT = re2.compile(rb"(?:[bBuUrRfFN]{1,2}|[A-Za-z_.]+\()?(\\*)(\"\"\"|'''|[\"'`])")
#: Where an unquoted value ends: at a space, or at what can only follow a value.
_END = (
    rb"[,;&|]+(?:[A-Za-z0-9_.%\[\]\-]+=|[\"'{}()\[\]\\\s]|\z)|\\*[\"'`](?:[^A-Za-z0-9_]|\z)|</?[A-Za-z!]|%2[26]|&amp;"
    rb"|\\+r\\+n|\\+n(?:[A-Za-z0-9_.\-]+[=:]|\s|\z)|[)\]}>]+(?:[,;:.\s]|\z)|[.:,;](?:\s|\z)"
)
_VALUE_END = re2.compile(rb"\s|" + _END)
_ASCII_VALUE_END = re2.compile(rb"[^!-~]|" + _END)
#: ODBC puts values with odd characters into braces: `PWD={a;b}`.
_BRACED = re2.compile(rb"\{([^{}\s\"']+)\}(?:[;\s\"']|\z)")
_LINE_END = re2.compile(rb"\r|\n|\\+r\\+n|\\+n(?:[A-Za-z][A-Za-z0-9\-]*:|\z)")

_WORDS = re2.compile(rb"\A[A-Za-z]+(?:[-_./: ,'][A-Za-z]+)*\z")
_NAME_AND_NUMBER = re2.compile(rb"\A[A-Za-z]+(?:[-_./][A-Za-z]+)*[-_.]?[0-9]{1,3}\z")
_NUMBER_OR_CALL = re2.compile(rb"\A(?:[-+0-9.,:/ eE%]+\z|[A-Za-z_][A-Za-z0-9_.]*\()")
_PATH_OR_URL = re2.compile(rb"\A(?:[A-Za-z][A-Za-z0-9+.\-]*://|(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^+=]*\z)")
_SOLID_RANDOM = re2.compile(rb"[A-Za-z0-9+]{20,}")


@dataclass(frozen=True, slots=True)
class Value:
    """`data[start:end]` is a value, without its quotes."""

    start: int
    end: int
    quoted: bool


def value_at(data: bytes, start: int, *, ascii_only: bool = False) -> Value | None:
    """Return the value that begins at `start`, quoted or not, or None where there is none or a placeholder."""
    quote = _QUOTE_AT.match(data, start) if _may_be_quoted(data, start) else None
    if quote is not None:
        if quote.end(1) > start and _CODE.search(data[start : quote.end()]):
            return None
        return _quoted(data, opened=quote.end(), escapes=len(quote.group(1)), mark=quote.group(2))
    return _unquoted(data, start, ascii_only=ascii_only)


def _may_be_quoted(data: bytes, start: int) -> bool:
    """A cheap look: most values are not quoted."""
    first = data[start : start + 1]
    return first in _QUOTE_OR_ESCAPE or (first.isalpha() and not data[start : start + 40].isalnum())


def _quoted(data: bytes, *, opened: int, escapes: int, mark: bytes) -> Value | None:
    end = end_of_quoted(data, opened, escapes=escapes, mark=mark)
    if end == opened or is_placeholder(data[opened:end]):
        return None
    return Value(opened, end, quoted=True)


def end_of_quoted(data: bytes, opened: int, *, escapes: int, mark: bytes) -> int:
    """Return where a quoted text ends: at its closing quote, or at the end of the line when it has none.

    A quote written with `escapes` backslashes closes at the next one with as many, modulo escaped backslashes.
    """
    position = opened
    for _ in range(_QUOTES_LOOKED_AT):
        found = data.find(mark, position)
        line_end = data.find(b"\n", position, len(data) if found < 0 else found) if len(mark) == 1 else -1
        if line_end >= 0:
            return line_end
        if found < 0:
            return len(data)
        backslashes = _backslashes_before(data, found, floor=opened)
        if backslashes < escapes or backslashes % (2 * (escapes + 1)) == escapes:
            return found - min(backslashes, escapes)
        position = found + 1
    return position


def _backslashes_before(data: bytes, position: int, *, floor: int) -> int:
    count = 0
    while position - count > floor and data[position - count - 1] == 0x5C:
        count += 1
    return count


def _unquoted(data: bytes, start: int, *, ascii_only: bool) -> Value | None:
    if _BEGINS_WITH_PLACEHOLDER.match(data, start):
        return None
    if data[start : start + 1] in (b"{", b"[", b"("):
        braced = _BRACED.match(data, start)
        return None if braced is None else Value(start + 1, start + 1 + len(braced[1]), quoted=True)
    found = (_ASCII_VALUE_END if ascii_only else _VALUE_END).search(data, start)
    end = len(data) if found is None else found.start()
    text = data[start:end]
    if end == start or (len(text) < ALWAYS_TAKEN and _is_code(text)):
        return None
    return Value(start, end, quoted=False)


def _is_code(text: bytes) -> bool:
    return (b"." in text or b"(" in text or b"[" in text) and bool(_CODE.search(text) or _DOTTED_CALL.search(text))


def end_of_line(data: bytes, start: int) -> int:
    """Return where the line ends, be its end a real one or one written as an escape."""
    match = _LINE_END.search(data, start)
    return len(data) if match is None else match.start()


def is_placeholder(value: bytes) -> bool:
    """Whether the value only stands for a secret (`${VAR}`, `****`, `null`) or is empty."""
    stripped = value.strip()
    return not stripped or (len(stripped) < ALWAYS_TAKEN and bool(_IS_PLACEHOLDER.search(stripped)))


def is_user_and_password(value: bytes) -> bool:
    """Whether the value is the base64 of `user:password`, as in the Basic scheme (RFC 7617)."""
    if len(value) >= ALWAYS_TAKEN:
        return True
    try:
        return b":" in b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except Base64Error:
        return False


def is_words(value: bytes) -> bool:
    """Whether the value is words of prose or a name made of words, with nothing random in it."""
    return bool(_WORDS.search(value))


def is_path(value: bytes) -> bool:
    """Whether the value is a path or a URL rather than a secret with slashes (base64 has those as well)."""
    if not _PATH_OR_URL.search(value):
        return False
    return not any(_is_mixed(match.group()) for match in _SOLID_RANDOM.finditer(value[:ALWAYS_TAKEN]))


def looks_secret(value: bytes, *, at_least: int) -> bool:
    """Whether the value itself, whatever its name, looks like a secret of `at_least` bytes."""
    if len(value) >= ALWAYS_TAKEN:
        return True
    if len(value) < at_least or _NUMBER_OR_CALL.search(value) or is_path(value):
        return False
    if _WORDS.search(value):
        return len(value) >= 24 and value.isalpha() and entropy(value) >= 4.0
    return _has_digit(value) or entropy(value) >= 3.0


def is_name_with_number(value: bytes) -> bool:
    """Whether the value reads like a name with a counter (`worker-3`, `oauth2`)."""
    return bool(_NAME_AND_NUMBER.search(value))


def is_random(value: bytes) -> bool:
    """Whether the value mixes letters and digits as only generated text does."""
    return _is_mixed(value) and entropy(value) >= 3.0


def entropy(value: bytes) -> float:
    """Return Shannon's entropy of the value, in bits a byte."""
    size = len(value)
    return -sum(count / size * log2(count / size) for count in Counter(value).values())


def _has_digit(value: bytes) -> bool:
    return len(value.translate(None, b"0123456789")) < len(value)


def _is_mixed(value: bytes) -> bool:
    lowered = value.lower()
    return _has_digit(value) and lowered != value and value.upper() != value
