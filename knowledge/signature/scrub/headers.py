"""HTTP headers that carry credentials, as sent, as a dict, or quoted in a message."""

from __future__ import annotations

import re2

from knowledge.signature.scrub.edits import Edit, Match, rewrite
from knowledge.signature.scrub.values import (
    ALWAYS_TAKEN,
    end_of_line,
    end_of_quoted,
    is_name_with_number,
    is_placeholder,
    is_user_and_password,
    is_words,
    looks_secret,
)

_SCHEMES = rb"bearer|basic|token|apikey|api-key|key|negotiate|ntlm|splunk|genie[kK]ey|sso-key|jwt|oauth"
_LIST_SCHEMES = rb"digest|aws4-hmac-sha256|aws4-ecdsa-p256-sha256|goog4-rsa-sha256|hawk|sharedkey|sharedkeylite|aws"
_AUTHORIZATION = re2.compile(
    rb"(?i)authorization(?:\\*[\"'])?\]?[ \t]*(?:[:=,]|=>)[ \t]*\[?(?:[bu]?(\\*)([\"']))?(?:((?:"
    + _SCHEMES
    + rb")[ \t]+)"
    rb"|((?:" + _LIST_SCHEMES + rb")[ \t]+))?"
)
_STANDALONE = re2.compile(
    rb"(?i)\b(?:(bearer|basic)(?:[ \t]*[:=,][ \t]*|[ \t]+|%20|\+|[\"'],?[ \t]*)[\"']?|(token|api-?key)[ \t]+)"
    rb"([A-Za-z0-9\-._~+/]+=*)"
)
_COOKIE = re2.compile(rb"(?i)cookie2?(?:(\\*[\"'])\]?[ \t]*(?:[:=,]|=>)|[ \t]*[:=])[ \t]*\[?(?:[bu]?(\\*)([\"']))?")
_COOKIE_PAIR = re2.compile(rb"[^\s=:;,\"']+=")
_CREDENTIAL = re2.compile(rb"[^\s\"',;)}\]\\<>]+")


def scrub_headers(data: bytes) -> bytes:
    """Replace the credentials of `Authorization` headers, and of schemes named elsewhere; the scheme stays."""
    lowered = data.lower()
    if b"authorization" in lowered:
        data = rewrite(data, _AUTHORIZATION, _authorization)
    if any(scheme in lowered for scheme in (b"bearer", b"basic", b"token", b"apikey", b"api-key")):
        data = rewrite(data, _STANDALONE, _standalone)
    return data


def scrub_cookies(data: bytes) -> bytes:
    """Replace the whole value of `Cookie` and `Set-Cookie` headers."""
    return rewrite(data, _COOKIE, _cookie) if b"cookie" in data.lower() else data


def _authorization(data: bytes, match: Match) -> Edit | None:
    start = match.end()
    if match.start(4) >= 0:
        return _edit_unless_placeholder(data, start, _end_of_header(data, match, start, escapes=1, mark=2))
    if match.start(3) >= 0:
        return _credential(data, start)
    if match.group(2):
        return _edit_unless_placeholder(data, start, _end_of_header(data, match, start, escapes=1, mark=2))
    return _credential(data, start)


def _credential(data: bytes, start: int) -> Edit | None:
    credential = _CREDENTIAL.match(data, start)
    if credential is None or data.startswith((b"[secret]", b"${", b"{", b"<", b"$"), start):
        return None
    text = credential.group()
    if len(text) < ALWAYS_TAKEN and (is_placeholder(text) or (is_words(text) and len(text) < 16)):
        return None
    return Edit(start, credential.end())


def _standalone(_: bytes, match: Match) -> Edit | None:
    scheme, credential = (match[1] or match[2]).lower(), match[3]
    if scheme == b"basic":
        found = is_user_and_password(credential)
    else:
        found = looks_secret(credential, at_least=20 if scheme == b"token" else 12) and not _is_name(credential)
    return Edit(match.start(3), match.end(3)) if found else None


def _is_name(credential: bytes) -> bool:
    return len(credential) < ALWAYS_TAKEN and is_name_with_number(credential)


def _cookie(data: bytes, match: Match) -> Edit | None:
    start = match.end()
    if match.group(1) is None and _COOKIE_PAIR.match(data, start) is None:
        return None
    end = _end_of_header(data, match, start, escapes=2, mark=3)
    return _edit_unless_placeholder(data, start, end)


def _end_of_header(data: bytes, match: Match, start: int, *, escapes: int, mark: int) -> int:
    quote = match.group(mark)
    if quote:
        return end_of_quoted(data, start, escapes=len(match.group(escapes)), mark=quote)
    return end_of_line(data, start)


def _edit_unless_placeholder(data: bytes, start: int, end: int) -> Edit | None:
    return None if is_placeholder(data[start:end]) else Edit(start, end)
