"""Which names promise a secret. A strong name is enough; a weak one needs a value that looks like a secret."""

from __future__ import annotations

from enum import Enum

import re2


class Promise(Enum):
    """How much a name promises that its value is a secret."""

    STRONG = "strong"
    WEAK = "weak"


#: What a key, a token or a secret can be of to be secret for sure; `primary_key` and `pad_token` are not.
_KEY_OWNERS = "|".join(
    (
        r"api|secret|private|encrypt(?:ion)?|decrypt(?:ion)?|signing|account|master|storage|license|subscription",
        r"consumer|auth|app|application|deploy|hmac|functions|access|shared[ _.\-]?access|instrumentation|session|jwt",
    )
)
_TOKEN_OWNERS = "|".join(
    (
        r"access|auth|refresh|id|bearer|session|security|api|secret|[cx]srf|oauth2?|personal|bot|app|deploy|hf|hub",
        r"github|gh|gitlab|slack|vault|sas|jwt|user|service|registry|npm|pypi|databricks|device|client|private|job",
        r"runner|registration|identity|wandb|telegram|discord|hugging_?face|snowflake|sentry|azure|motherduck",
    )
)
_SECRET_OWNERS = "|".join(("client|app|consumer|shared|webhook", "signing|oauth|jwt|api|aws|hmac"))

STRONG_NAME = (
    r"pass(?:word|wd|phrase|code|wort)|kennwort|contraseña|пароль|密码|パスワード|pwd|pw|[_\-.]pass"
    rf"|(?:{_KEY_OWNERS})[ _.\-]?keys?"
    rf"|(?:{_TOKEN_OWNERS})[ _.\-]?token"
    rf"|(?:{_SECRET_OWNERS})[ _.\-]?secret"
    r"|x-(?:amz|goog)-(?:signature|credential)|shared[ _.\-]?access[ _.\-]?signature"
    r"|jsessionid|phpsessid|asp\.net_sessionid|connect\.sid"
)
WEAK_NAME = r"token|secret|credentials?|signature|sig|auth|pass"

#: What may stand between the name and its end: `password_2`, `TOKEN_B64`, `account.key.NAME.dfs.core.windows.net`.
NAME_SUFFIX = (
    r"(?:[_\-.]?(?:[0-9]+|b64|base64|value|string|text|raw|plain|base)"
    r"|\.[\w\-]+\.(?:blob|dfs|file|queue|table)\.core\.[\w.]+)?"
)

#: Names of public things that end like names of secrets (tokenizers, paging, parsers, counters).
_HARMLESS_LEFT = re2.compile(
    rb"(?i)(?:eos|bos|pad|unk|sep|cls|mask|image|audio|video|prompt|completion|next|page|continuation|stop|special"
    rb"|resume|sync|cancellation|first|last|per|num|end|start|begin|space|newline|new|unexpected|illegal|expected"
    rb"|current|previous|prev|decoder|fence|fencing)[ _\-.]*\z"
)
_LEFT_WINDOW = 24
_WHOLE_WORDS = frozenset({b"pwd", b"pw", b"pass", b"sig", b"auth"})
_ENDS_LIKE_A_SECRET = re2.compile(f"(?i)(?:({STRONG_NAME})|({WEAK_NAME})){NAME_SUFFIX}$".encode())


def promise_of(left: bytes, word: bytes, *, strong: bool) -> Promise | None:
    """Return what `word`, a match of one of the name patterns with the text `left` of it, promises."""
    lowered = word.lower()
    if lowered in _WHOLE_WORDS and _goes_on_to_the_left(left, word):
        return None
    if lowered.endswith(b"token") and _HARMLESS_LEFT.search(left[-_LEFT_WINDOW:]):
        return None
    return Promise.STRONG if strong else Promise.WEAK


def promise_of_name(name: str) -> Promise | None:
    """Return what a whole name (a JSON key, an environment variable) promises."""
    data = name[-200:].encode("utf-8", "replace")
    match = _ENDS_LIKE_A_SECRET.search(data)
    if match is None:
        return _PROMISES_OF_WHOLE_NAMES.get(data.lower())
    strong = match.start(1) >= 0
    return promise_of(data[: match.start()], match.group(1 if strong else 2), strong=strong)


_PROMISES_OF_WHOLE_NAMES = {
    b"authorization": Promise.STRONG,
    b"proxy-authorization": Promise.STRONG,
    b"cookie": Promise.STRONG,
    b"set-cookie": Promise.STRONG,
}


def _goes_on_to_the_left(left: bytes, word: bytes) -> bool:
    """Whether the word is only the end of another one (`bypass`), not of a camelCase name (`dbPass`)."""
    if not left[-1:].isalpha():
        return False
    camel_case = left[-1:].islower() and word[:1].isupper()
    return not camel_case
