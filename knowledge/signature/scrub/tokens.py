"""Tokens known by their form: a prefix that their issuer chose so that scanners find them."""

from __future__ import annotations

from dataclasses import dataclass

import re2

from knowledge.signature.scrub.edits import SECRET, Edit, Match, rewrite
from knowledge.signature.scrub.values import is_random


@dataclass(frozen=True, slots=True)
class _Form:
    """A token's prefix, the least length of what follows, and whether a word may end in that prefix by chance."""

    prefix: str
    at_least: int
    common: bool = False


_AWS_IDS = ("AKIA", "ASIA", "ABIA", "ACCA")
_AWS_SESSIONS = ("IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz")
#: The base64 of the key types' names; public keys name a person or a machine.
_SSH_KEYS = ("AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh")
_GITLAB_KINDS = ("pat", "dt", "rt", "cbt", "ptt", "ft", "soat", "agent", "oas", "imt", "ffct")
#: Prefixes as documented by their issuers; most are in gitleaks' rules as well.
_FORMS = (
    *(_Form(prefix, 16) for prefix in _AWS_IDS),
    *(_Form(prefix, 40) for prefix in _AWS_SESSIONS),
    _Form("AIza", 30),
    _Form("ya29.", 16),
    _Form("GOCSPX-", 20),
    *(_Form(f"gh{kind}_", 20) for kind in "pousr"),
    _Form("github_pat_", 20),
    *(_Form(f"gl{kind}-", 16) for kind in _GITLAB_KINDS),
    *(_Form(f"xox{kind}-", 10) for kind in "abceoprs"),
    _Form("xoxe.xox", 10),
    _Form("xapp-", 20),
    _Form("sk-", 20, common=True),
    _Form("hf_", 30, common=True),
    _Form("api_org_", 30, common=True),
    _Form("wandb_v1_", 20),
    *(_Form(prefix, 32) for prefix in ("dapi", "dkea", "dose")),
    _Form("npm_", 36),
    _Form("pypi-", 50),
    *(_Form(f"{kind}_{mode}_", 10) for kind in ("sk", "rk", "pk") for mode in ("live", "test")),
    _Form("whsec_", 20),
    _Form("SG.", 30, common=True),
    _Form("SK", 32, common=True),
    _Form("key-", 32, common=True),
    _Form("ATATT3", 20),
    *(_Form(f"do{kind}_v1_", 40) for kind in "opr"),
    *(_Form(f"hv{kind}.", 20, common=True) for kind in "sbr"),
    _Form("glsa_", 30),
    _Form("glc_", 30, common=True),
    _Form("NRAK-", 20),
    _Form("PMAK-", 20),
    _Form("lin_api_", 20),
    *(_Form(f"shp{kind}_", 32) for kind in ("at", "ca", "pa", "ss")),
    _Form("r8_", 30, common=True),
    _Form("gsk_", 30),
    _Form("xai-", 40),
    _Form("pplx-", 40),
    _Form("pcsk_", 20),
    _Form("lsv2_", 30),
    _Form("nvapi-", 30),
    _Form("sntrys_", 30),
    _Form("sntryu_", 30),
    _Form("dckr_pat_", 20),
    _Form("tskey-", 16),
    _Form("AGE-SECRET-KEY-", 40),
    _Form("eyJ", 17, common=True),
    *(_Form(prefix, 30) for prefix in _SSH_KEYS),
)
_FORM_OF = {form.prefix: form for form in _FORMS}
_BODY = rb"[A-Za-z0-9_\-.+/=~%]*"
_CANDIDATE = re2.compile(b"(" + b"|".join(re2.escape(form.prefix).encode() for form in _FORMS) + b")(" + _BODY + b")")
#: A secret key printed behind its access key id, as in a CSV of credentials.
_SECRET_BEHIND_ID = re2.compile(rb"([\s,:;|\"']{1,5})[A-Za-z0-9/+]{40}(?:[^A-Za-z0-9/+=]|\z)")
_PLAIN = re2.compile(rb"[A-Za-z0-9]*")
_WORD_CHARACTERS = re2.compile(rb"[A-Za-z0-9_\-]*")
_HEX = re2.compile(rb"[0-9a-f]*")
_UPPER = re2.compile(rb"[A-Z0-9]*")
_DOTTED = re2.compile(rb"[A-Za-z0-9_\-.]*")
_BASE64 = re2.compile(rb"[A-Za-z0-9_\-+/=.%]*")
#: The alphabet of what follows the prefix, where it is not letters, digits, `_` and `-`.
_ALPHABET_OF = {
    **dict.fromkeys(_AWS_IDS, _UPPER),
    **dict.fromkeys(("dapi", "dkea", "dose", "SK", "key-"), _HEX),
    **dict.fromkeys(("hf_", "api_org_", "npm_", "r8_"), _PLAIN),
    **dict.fromkeys(("ya29.", "SG.", "xai-", "hvs.", "hvb.", "hvr.", "eyJ"), _DOTTED),
    **dict.fromkeys((*_AWS_SESSIONS, *_SSH_KEYS, "whsec_", "ATATT3", "sntrys_", "glc_"), _BASE64),
}
_EXACT = frozenset({*_AWS_IDS, "SK"})
_WRAPPED_LINE = re2.compile(rb"\r?\n[ \t]*([A-Za-z0-9_\-+/=.]{16,})(?:[\s\"',;)]|\z)")
_MOST_WRAPPED_LINES = 64

#: Tokens that are known by what stands inside or before them, with the part to replace as group 1.
_INSIDE = re2.compile(
    rb"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]+/"
    rb"|webhook\.office\.com/webhookb2/|chat\.googleapis\.com/v1/spaces/[^\s/]+/messages\?)([A-Za-z0-9_\-/.@=&%]+)"
    rb"|([0-9]{8,10}:AA[A-Za-z0-9_\-]{30,})"
    rb"|\b([MNO][A-Za-z0-9_\-]{22,28}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40})"
    rb"|([A-Za-z0-9_~.\-]{3}[0-9]Q~[A-Za-z0-9_~.\-]{30,40})"
    rb"|(1//0[A-Za-z0-9_\-]{30,})"
    rb"|([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{40,})"
    rb"|(?i:wandb[^\n]*?(?:login|key)[^\n]*?)\b([0-9a-f]{40})\b"
)
_INSIDE_HINTS = (b"hooks.slack.com", b"/webhook", b"/messages?", b":AA", b"Q~", b"1//0", b".atlasv1.", b"andb", b"ANDB")
#: Personal access tokens of Azure DevOps have no prefix: 52 letters and digits near a word that says so, or its mark.
_AZURE = re2.compile(
    rb"(?i)(?:azure|devops|vsts|\bado\b|pat\b)[^\n]{0,40}?\b([a-z0-9]{52})\b|\b((?-i:[A-Za-z0-9]{72,80}AZDO[A-Za-z0-9]{4}))\b"
)
_LONG_RUN = re2.compile(rb"[A-Za-z0-9]{52}")
_DISCORD_HINT = re2.compile(rb"[MNO][A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]")


def scrub_tokens(data: bytes) -> bytes:
    """Replace tokens known by their prefix, JSON web tokens among them, also when wrapped over lines."""
    return rewrite(data, _CANDIDATE, _token)


def scrub_hooks(data: bytes) -> bytes:
    """Replace the secret part of webhook addresses, and tokens that are known by a mark inside them."""
    if _LONG_RUN.search(data) is not None:
        data = rewrite(data, _AZURE, _azure)
    if not any(hint in data for hint in _INSIDE_HINTS) and _DISCORD_HINT.search(data) is None:
        return data
    return rewrite(data, _INSIDE, _inside)


def _inside(_: bytes, match: Match) -> Edit | None:
    group = next(number for number in range(1, 8) if match.start(number) >= 0)
    if match.group(group).startswith(SECRET):
        return None
    return Edit(match.start(group), match.end(group))


def _azure(_: bytes, match: Match) -> Edit | None:
    group = 1 if match.start(1) >= 0 else 2
    mixed = not match[group].isalpha() and not match[group].isdigit()
    return Edit(match.start(group), match.end(group)) if mixed else None


def _token(data: bytes, match: Match) -> Edit | None:
    form = _FORM_OF[match[1].decode()]
    body = _ALPHABET_OF.get(form.prefix, _WORD_CHARACTERS).match(match[2])[0]
    end = match.start(2) + len(body)
    if not _is_token(data, match.start(), form, body):
        return None
    if form.prefix in _EXACT:
        return Edit(match.start(), _end_of_key_pair(data, end))
    return Edit(match.start(), _end_when_wrapped(data, end))


def _is_token(data: bytes, start: int, form: _Form, body: bytes) -> bool:
    if len(body) < form.at_least or (form.prefix in _EXACT and len(body) != form.at_least):
        return False
    if form.prefix == "eyJ":
        return b"." in body or len(body) >= 40
    if not form.common:
        return True
    return not _inside_a_word(data, start) and any(0x30 <= byte <= 0x39 for byte in body)


def _inside_a_word(data: bytes, start: int) -> bool:
    r"""Whether a letter or digit goes before, other than that of an escape such as `\n` or `%3D`."""
    before = data[max(0, start - 3) : start]
    if not before[-1:].isalnum():
        return False
    return before[-2:-1] != b"\\" and before[:1] != b"%"


def _end_of_key_pair(data: bytes, end: int) -> int:
    behind = _SECRET_BEHIND_ID.match(data, end)
    if behind is None:
        return end
    start = end + len(behind.group(1))
    return start + 40 if is_random(data[start : start + 40]) else end


def _end_when_wrapped(data: bytes, end: int) -> int:
    """Return the end of a token that a terminal or a mailer broke over lines of nothing else."""
    for _ in range(_MOST_WRAPPED_LINES):
        line = _WRAPPED_LINE.match(data, end)
        if line is None or not is_random(line.group(1)):
            break
        end = line.end(1)
    return end
