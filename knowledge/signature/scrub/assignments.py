"""Secrets that stand behind their name: `key=value`, `key: value`, JSON, environment dumps, XML, SQL, command lines."""

from __future__ import annotations

import re2

from knowledge.signature.scrub.edits import Edit, Match, rewrite
from knowledge.signature.scrub.names import NAME_SUFFIX, STRONG_NAME, WEAK_NAME, Promise, promise_of
from knowledge.signature.scrub.values import (
    ALWAYS_TAKEN,
    Value,
    end_of_line,
    is_name_with_number,
    is_path,
    is_placeholder,
    is_user_and_password,
    is_words,
    looks_secret,
    value_at,
)

_NAME = rf"(?:({STRONG_NAME})|({WEAK_NAME})){NAME_SUFFIX}"
_TYPE = r":[ \t]*(?:str|string|bytes|SecretStr|Optional\[str\]|str \| None)[ \t]*="
_BLOCK = r":[ \t]*[|>][\-+]?[ \t]*\r?\n"
#: `=`, `:`, `=>`, a typed assignment, Hadoop's `</name><value>`, Kubernetes' `name: X, value: Y`.
_ASSIGNED = re2.compile(
    (
        rf"(?i){_NAME}(?: (?:provided|used|given))?((?:\\*[\"'`]|%22)?)\]?\)?[ \t]*"
        rf"({_TYPE}|{_BLOCK}|=>|->|:=|={{1,2}}|[:\x{{FF1A}}]|%3[ad](?:%22)?|[ \t](?:is|was)\b:?"
        r"|</name>\s*<value>|,?\s*\\*[\"']?value\\*[\"']?[ \t]*[:=])[ \t]*"
    ).encode()
)
_COLONS = (b":", b"\xef\xbc\x9a")
_FLAG = re2.compile(rf"(?i)--?[a-z0-9_.\-]*?{_NAME}(?:\\*[\"'],?[ \t]*|[ \t]+)".encode())
_ELEMENT = re2.compile(rf"(?i)<[a-z0-9_.:\-]*?{_NAME}(?:\s[^<>]*)?>([^<]*)<".encode())
#: `CREATE USER … IDENTIFIED BY 'x'`, `WITH PASSWORD 'x'`, `SET PASSWORD FOR y = 'x'`, and the words of a netrc file.
_IDENTIFIED = re2.compile(
    rb"(?i)\b(identified)\s+(?:by|(?:with|via)\s+[\w\"'`]+\s+(?:by|as|using))\s+(?:(?:password|values)\s+)?"
)
_SQL_VERB = re2.compile(rb"(?i)\b(?:create|alter|grant|replace)\s")
_SQL_WINDOW = 300
_SQL = re2.compile(
    rb"(?i)\bpassword(?:\s+(?:as\s+)?|\s*\(\s*|\s+for\s+[^=\n]{1,200}?\s*=\s*(?:password\s*\(\s*)?)(?:\\*['\"])"
)
_NETRC = re2.compile(rb"(?i)\blogin\s+[^\s]+\s+password\s+")
#: Programs whose short option takes a password, in a line or as a list of arguments; `-P` is a port. So is psql's
#: `-p` (group 1), where people write their password all the same.
_LOGINS = r"(?:docker|podman|helm registry|az|oras)(?:[\"',]*\s[\"']?)login"
_LISTED = r"[\"'],\s*"
_COMMAND = re2.compile(
    (
        rf"(?i)\b(?:(?:mysql[a-z]*|mariadb[a-z\-]*|sshpass|mongo[a-z]*|(psql|pg_[a-z]+)|{_LOGINS})\b"
        rf"[^\n|;]*?[\s\"'](?-i:-p)(?:[ =]|{_LISTED})?"
        rf"|redis-cli\b[^\n|;]*?[\s\"'](?-i:-a)(?:[ ]|{_LISTED})"
        rf"|(?:curl|http|https|wget)\b[^\n|;]*?[\s\"'](?:-u|--user|-a|--auth)(?:[ =]|{_LISTED})?[\"']?[^\s:\"']+:)"
    ).encode()
)
_COMMAND_HINTS = (b"-p", b"-a", b"-u", b"--user", b"--auth")
_CONTROL_WORDS = frozenset(
    b"option options flag argument arguments parameter or and is was are for with requires required to in on of as the "
    b"a an has have when if cannot can may file prompt".split()
)
_SQL_WORDS = frozenset({b"random", b"password", b"values", b"externally", b"globally"})
# Words before it only, each set off: `hunter2secret` is no name of a secret but one.
_IS_NAME = re2.compile(rf"(?i)\A(?:[a-z]+[_.])*{_NAME}\z".encode())
_MORE_WORDS = re2.compile(rb"[.,:;!?)]*[ \t]+[A-Za-z(\"'][A-Za-z'\-]*(?:[ \t.,:;!?)]|\z|\n)")
#: What stands behind a flag without a value: the next one.
_OPTION = re2.compile(rb"\A-{1,2}[A-Za-z][A-Za-z0-9\-]*(?:=.*)?\z")
_LEFT_WINDOW = 24
_LEAST_LENGTHS = {b"sig": 16, b"signature": 16, b"auth": 12, b"credential": 12, b"credentials": 12}
_LEAST_LENGTH = 6


def scrub_assignments(data: bytes) -> bytes:
    """Replace the value of every name that promises a secret."""
    return rewrite(data, _ASSIGNED, _assigned)


def scrub_elements(data: bytes) -> bytes:
    """Replace the text of XML elements whose name promises a secret."""
    return rewrite(data, _ELEMENT, _element) if b"</" in data else data


def scrub_commands(data: bytes) -> bytes:
    """Replace passwords in command lines, SQL statements and netrc files."""
    if b"-" in data:
        data = rewrite(data, _FLAG, _flag)
    if any(hint in data for hint in _COMMAND_HINTS):
        data = rewrite(data, _COMMAND, _command)
    lowered = data.lower()
    if b"identified" in lowered:
        data = rewrite(data, _IDENTIFIED, _identified)
    if b"password" in lowered:
        data = rewrite(data, _SQL, _sql)
    return rewrite(data, _NETRC, _plain_value) if b"login" in lowered else data


def _promise(data: bytes, match: Match) -> Promise | None:
    strong = match[1]
    start = match.start(1) if strong else match.start(2)
    return promise_of(data[max(0, start - _LEFT_WINDOW) : start], strong or match[2], strong=bool(strong))


def _assigned(data: bytes, match: Match) -> Edit | None:
    promise = _promise(data, match)
    if promise is None:
        return None
    value = value_at(data, match.end(), ascii_only=promise is Promise.WEAK)
    if value is None:
        return None
    if match[4].endswith(b"\n"):
        return Edit(value.start, max(value.end, end_of_line(data, value.start)))
    if match[4].lstrip().lower().startswith((b"is", b"was")):
        return _edit_if_stated(data, value)
    in_prose = not value.quoted and not match[3] and match[4] in _COLONS and match[0][-1:].isspace()
    return _edit_if_secret(data, match, value, promise=promise, in_prose=in_prose)


def _edit_if_stated(data: bytes, value: Value) -> Edit | None:
    """Of sentences (`the password is hunter2`) only what looks like a secret is taken."""
    text = data[value.start : value.end]
    return Edit(value.start, value.end) if looks_secret(text, at_least=_LEAST_LENGTH) else None


def _edit_if_secret(data: bytes, match: Match, value: Value, *, promise: Promise, in_prose: bool) -> Edit | None:
    if value.end - value.start < ALWAYS_TAKEN:
        text = data[value.start : value.end]
        if _is_reference(match, text) or (in_prose and _reads_as_prose(data, value, text)):
            return None
        if promise is Promise.WEAK and not _weakly_named_secret(match, text, in_prose=in_prose):
            return None
    return Edit(value.start, value.end)


def _is_reference(match: Match, text: bytes) -> bool:
    """Whether the value names something (`password=password`, a path to a key file) rather than being it."""
    if _IS_NAME.search(text):
        return True
    name = match[1] or match[2]
    names_a_file = name.lower().endswith((b"key", b"keys", b"token", b"secret", b"credentials", b"credential", b"pwd"))
    return names_a_file and is_path(text)


def _reads_as_prose(data: bytes, value: Value, text: bytes) -> bool:
    """Whether a sentence goes on behind the colon: `invalid password: user does not exist`."""
    return is_words(text) and bool(_MORE_WORDS.match(data, value.end))


def _weakly_named_secret(match: Match, text: bytes, *, in_prose: bool) -> bool:
    name = (match[2] or b"").lower()
    if name == b"auth" and is_user_and_password(text):
        return len(text) >= _LEAST_LENGTHS[name]
    least = _LEAST_LENGTHS.get(name, _LEAST_LENGTH)
    return looks_secret(text, at_least=least) and not (in_prose and is_name_with_number(text))


def _element(data: bytes, match: Match) -> Edit | None:
    text = match.group(3)
    promise = _promise(data, match)
    if promise is None or is_placeholder(text):
        return None
    start = match.start(3) + len(text) - len(text.lstrip())
    return _edit_if_secret(
        data, match, Value(start, match.start(3) + len(text.rstrip()), quoted=True), promise=promise, in_prose=False
    )


def _flag(data: bytes, match: Match) -> Edit | None:
    promise = _promise(data, match)
    value = value_at(data, match.end(), ascii_only=promise is Promise.WEAK)
    if promise is None or value is None or _OPTION.search(data[value.start : value.end]):
        return None
    if data[value.start : value.end].lower() in _CONTROL_WORDS:
        return None
    return _edit_if_secret(data, match, value, promise=Promise.STRONG, in_prose=not value.quoted)


def _command(data: bytes, match: Match) -> Edit | None:
    edit = _plain_value(data, match)
    if edit is None or not match[1] or looks_secret(data[edit.start : edit.end], at_least=_LEAST_LENGTH):
        return edit
    return None


def _plain_value(data: bytes, match: Match) -> Edit | None:
    value = value_at(data, match.end())
    if value is None or data.startswith(b"-", value.start):
        return None
    return Edit(value.start, value.end)


def _identified(data: bytes, match: Match) -> Edit | None:
    """Of statements only: prose has rows that are identified by 'id', and users by 'bob'."""
    before = data[max(0, match.start() - _SQL_WINDOW) : match.start()]
    if not match[1].isupper() and not _SQL_VERB.search(before):
        return None
    value = value_at(data, match.end())
    if value is None or (not value.quoted and data[value.start : value.end].lower() in _SQL_WORDS):
        return None
    return Edit(value.start, value.end)


def _sql(data: bytes, match: Match) -> Edit | None:
    mark = match.end() - 1
    while data[mark - 1 : mark] == b"\\":
        mark -= 1
    value = value_at(data, mark)
    return None if value is None else Edit(value.start, value.end)
