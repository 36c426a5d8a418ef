"""Taking the plainest secrets out of texts before they lie on this machine's disk.

The service takes out many more before it stores anything; it leaves the same mark, so what it makes of a text is the
same either way. Every pattern is linear in the length of the text but for bounded repetitions.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seenbefore.wire import to_json

SECRET = "[secret]"  # noqa: S105 - it takes a secret's place
_NAMES = (
    r"passw(?:or)?d|passphrase|(?:api|access|secret|private|account)[_\-]?key|(?:client|app|consumer|shared)[_\-]?secret"
    r"|(?:api|access|auth|refresh|bearer|session|security|secret)[_\-]?token"
)
#: What stands for a value: nothing to hide, and masking it would make another failure of it.
_NO_VALUE = r"(?!\[secret\]|(?:none|null|nil|true|false|undefined|default|str|string)\b|[$%<{*/.])"
#: A quotation mark, where there is one, of Python's or in JSON.
_OPENED = r"(?:[bu](?=[\"']))?\\?[\"']?"
_HEADER = rf"authorization\\?[\"']?[ \t]*[:=][ \t]*{_OPENED}"
_SCHEMES = r"(?:bearer|basic|token|negotiate|key|apikey)"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]{1,30}"
_ASSIGNED = rf"(?:{_NAMES})s?\\?[\"']?\]?[ \t]*(?:=>|:=|[=:])[ \t]*[bu]?"
_QUOTED = r"(?:(?!\2)[^\n\\]){1,500}"
_VALUE = rf"{_NO_VALUE}[^\s\"'`,;&<>()\[\]{{}}\\]{{4,500}}"


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is replaced, once one of the hints is in the text (which is in small letters)."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str


def _rule(hints: str, pattern: str, replacement: str) -> _Rule:
    return _Rule(tuple(hints.split()), re.compile(pattern), replacement)


@functools.cache
def _rules() -> tuple[_Rule, ...]:
    """Compiled with the first text, not with the import."""
    return (
        _rule("private", r"(?s)(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----).*?(-----END|\Z)", rf"\1{SECRET}\2"),
        _rule("authorization", rf"(?i)({_HEADER}(?:digest|aws4-hmac-sha256)[ \t]+)[^\n\"'\\]{{4,}}", rf"\1{SECRET}"),
        _rule("authorization", rf"(?i)({_HEADER}(?:{_SCHEMES}[ \t]+)?)(?!digest|aws4){_VALUE}", rf"\1{SECRET}"),
        _rule("bearer", r"(?i)(\bbearer[ \t]+)(?=[^\s\d]{0,200}\d)[A-Za-z0-9\-._~+/]{16,}=*", rf"\1{SECRET}"),
        _rule("://", rf"({_SCHEME}://[^\s/?#:@\"'<>]{{0,100}}:)[^\s/?#@\"'<>]{{1,200}}(?=@)", rf"\1{SECRET}"),
        _rule("pass secret key token", rf"(?i)({_ASSIGNED})(\\?[\"']){_NO_VALUE}{_QUOTED}(?=\2)", rf"\1\2{SECRET}"),
        _rule("pass secret key token", rf"(?i)((?:{_NAMES})=){_VALUE}", rf"\1{SECRET}"),
        _rule("akia asia", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", SECRET),
        _rule("ghp_ github_pat_ glpat-", r"\b(?:ghp_|github_pat_|glpat-)[A-Za-z0-9_\-]{20,255}", SECRET),
        _rule("eyj", r"\beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*", SECRET),
    )


def scrubbed(text: str) -> str:
    """The text without credentials of headers and URLs, keys by their form, and what is assigned to `password` and the
    like: `password=[secret]`."""
    small = text.lower()
    for rule in _rules():
        if any(hint in small for hint in rule.hints):
            text = rule.pattern.sub(rule.replacement, text)
    return text


def scrubbed_body(body: bytes) -> bytes:
    """The same for each text of a JSON body."""
    return to_json(_walked(json.loads(body), scrubbed))


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walked(each, change) for each in value]
    if isinstance(value, dict):
        return {name: _walked(each, change) for name, each in value.items()}
    return value
