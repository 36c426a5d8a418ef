"""Passwords in URLs of any scheme, also those that hold characters a URL should have encoded."""

from __future__ import annotations

import re2

from knowledge.signature.scrub.edits import EMAIL, SECRET, Edit, Match, rewrite
from knowledge.signature.scrub.values import is_placeholder, looks_secret

_USER = re2.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*)://([^\s/?#:@\"'<>\[\]]*(?:@[^\s/?#:@\"'<>]*)?)(:|@)")
#: Oracle writes `thin:user/password@host` and `sqlplus user/password@host`.
_ORACLE = re2.compile(rb"(?i)(?:thin:|sqlplus\s+(?:-[a-z]+\s+)*)[^\s/@:\"']+/([^\s@\"']+)@")
_PASSWORD = re2.compile(rb"[^\s\"<>`]*@")
_PORT = re2.compile(rb"[0-9]{1,5}(?:[/?#,;)'\]]|\z)")
_DONE = SECRET + b"@"
_PATH_BEGINS = re2.compile(rb"[/?#]")
#: Longer passwords than this are not looked for, nor any beyond the next `://`: that bounds the work for each `://`.
_WINDOW = 1024
_WEB_SCHEMES = frozenset({b"http", b"https", b"ftp", b"ftps", b"git", b"ssh", b"s3", b"ws", b"wss"})


def scrub_urls(data: bytes) -> bytes:
    """Replace the password, or a token in the user's place, in every URL; user, host and path stay."""
    if b"@" not in data:
        return data
    if b"://" in data:
        data = rewrite(data, _USER, _userinfo)
    lowered = data.lower()
    return rewrite(data, _ORACLE, _oracle) if b"thin:" in lowered or b"sqlplus" in lowered else data


def _oracle(_: bytes, match: Match) -> Edit | None:
    return None if is_placeholder(match.group(1)) else Edit(match.start(1), match.end(1))


def _userinfo(data: bytes, match: Match) -> Edit | None:
    start = match.end()
    if data[start - 1 : start] == b"@":
        return _token_as_user(match)
    if data.startswith(_DONE, start):
        return None
    end = _end_of_password(data, start, scheme=match.group(1).lower())
    if end <= start or is_placeholder(data[start:end]):
        return None
    user = EMAIL if b"@" in match.group(2) else match.group(2)
    return Edit(match.start(2), end, user + b":" + SECRET)


def _token_as_user(match: Match) -> Edit | None:
    user = match.group(2)
    if b"@" in user or not looks_secret(user, at_least=16):
        return None
    return Edit(match.start(2), match.end(2))


def _end_of_password(data: bytes, start: int, *, scheme: bytes) -> int:
    """Return where the password ends, before the `@` that begins the host; `start` where there is none."""
    following = data.find(b"://", start, start + _WINDOW)
    limit = following if following >= 0 else min(len(data), start + _WINDOW)
    if data.find(b"@", start, limit) < 0:
        return start
    run = _PASSWORD.match(data, start, limit)
    if run is None:
        return start
    text = run.group()
    if _PORT.match(text):
        return start
    return start + _host_mark(text, scheme=scheme)


def _host_mark(text: bytes, *, scheme: bytes) -> int:
    path = _PATH_BEGINS.search(text)
    authority = text if path is None else text[: path.start()]
    if b"@" not in authority:
        return max(0, text.find(b"@"))
    if scheme in _WEB_SCHEMES:
        return authority.rfind(b"@")
    return text.split(b"?", 1)[0].rfind(b"@") if b"@" in text.split(b"?", 1)[0] else authority.rfind(b"@")
