"""Private keys in PEM and PuTTY form: whole, escaped into one line, or cut off at either end."""

from __future__ import annotations

import re2

from knowledge.signature.scrub.edits import Edit, Match, rewrite

_BEGIN = re2.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|Private-Lines:[ \t]*[0-9]+")
_END_MARK = b"-----END "
_LAST_MARK = re2.compile(rb"-----END [A-Z0-9 ]*-----|-----BEGIN ")
#: Lines of base64 or of PEM headers behind a BEGIN whose END is missing.
_CUT_OFF_BODY = re2.compile(
    rb"(?:(?:\s|\\+[nrt])+[>|\"']*(?:[A-Za-z0-9+/=]{16,}|[A-Za-z0-9+/]+=+|Proc-Type:[^\r\n\\]*|DEK-Info:[^\r\n\\]*))*"
)
#: Lines of base64 before an END whose BEGIN was cut off.
_CUT_OFF_HEAD = re2.compile(
    rb"(?:[A-Za-z0-9+/=]{16,}(?:\r?\n|\\+r\\+n|\\+n)[ \t]*)*(?:[A-Za-z0-9+/=]+(?:\s|\\+[nr])+)?"
    rb"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"
)
#: The longest private key in use (RSA 16384, escaped and indented) stays below this many bytes.
_LONGEST_KEY = 32_768


def scrub_private_keys(data: bytes) -> bytes:
    """Replace private keys; public keys and certificates stay."""
    if b"PRIVATE KEY" not in data and b"Private-Lines" not in data:
        return data
    data = rewrite(data, _BEGIN, _key_from)
    return rewrite(data, _CUT_OFF_HEAD, lambda _, match: Edit(match.start(), match.end()))


def _key_from(data: bytes, match: Match) -> Edit:
    last = _LAST_MARK.search(data, match.end(), match.end() + _LONGEST_KEY)
    if last is not None and last.group().startswith(_END_MARK):
        return Edit(match.start(), last.end())
    return Edit(match.start(), _CUT_OFF_BODY.match(data, match.end()).end())
