"""Replace what belongs to one occurrence by placeholders, and keep what carries meaning.

Masked: ids, hashes, hosts, addresses, paths, URLs, times, durations, sizes, counters, ranks.
Kept: HTTP and gRPC status, errno, SQLSTATE, exit codes and signals, Xid and vendor error numbers, well-known ports,
public hosts, exception classes.
"""

from __future__ import annotations

from itertools import pairwise

from knowledge.signature import places
from knowledge.signature.numbers import mask_numbers
from knowledge.signature.patterns import Match, pattern

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")
_SHORTEST_HASH = 7
_SHORTEST_ID = 10
_STATUS_WORD = len("0x80070005")
_UUID_PARTS = [8, 4, 4, 4, 12]
#: Rounds until nothing changes any more; texts met in practice need two.
_MOST_ROUNDS = 8

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"
_TIMES = pattern(
    rf"\b\d{{4}}[-/.]\d\d[-/.]\d\d(?:[T ,_]{{1,2}}{_CLOCK})?(?: ?(?:Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d\b))?",
    rf"\b(?:{_DAY},? )?\d{{1,2}} {_MONTH} \d{{4}}(?: {_CLOCK})?(?: ?(?:Z|UTC|GMT|[+-]\d{{4}})\b)?",
    rf"\b(?:{_DAY} )?{_MONTH} {{1,2}}\d{{1,2}},?(?: \d{{4}})?(?: {_CLOCK})(?: (?:UTC|GMT|[+-]\d{{4}}))?(?: \d{{4}}\b)?",
    rf"\b\d\d/\d\d/\d{{2,4}}(?: {_CLOCK})?",
    rf"\b(?:\d+ days?, )?{_CLOCK}\b(?: ?[AP]M\b)?",
    r"\b(?:\d+d)?(?:\d+h)?\d+m\d+(?:\.\d+)?s\b|\b\d+[hd]\d+[mh]\b",
    r"\b\d[\d,]*(?:\.\d+)? ?(?:\(?ms\)?|[mnuµ]s|s|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?|millis(?:econds)?"
    r"|milliseconds?)\b",
)
_SIZES = pattern(r"(?i)\b\d[\d,]*(?:\.\d+)? ?(?:[kmgtp]i?b(?:/s|ps)?|[kmgt]i|bytes|b)\b")
_REQUEST_IDS = pattern(
    r"(?i)\b(?:request|trace|correlation|activity|span)[ _\-]?id\"?'?[:=] ?[\"'(]?[\w\-=+/]{4,}",
)
_IDS = pattern(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    r"\barn:aws[\w\-]*:[\w\-]*:[\w\-]*:\d*:[\w\-./:*@]+",
    r"\b[a-z]{2}-(?:gov-)?(?:(?:north|south|east|west|central)+)-?\d(?:-?[a-f])?\b",
    r"\b(?:sha256|sha512|sha1|md5)[:=][0-9a-fA-F]+\b",
    r"\b0[xX][0-9a-fA-F]+\b",
    r"\bPCI:[0-9a-fA-F:.]+",
    r"\b[0-9A-Za-z]{1,}-[0-9A-Za-z][0-9A-Za-z\-]{4,}\b",
    r"\b[0-9A-Za-z_]{6,}\b={0,2}",
)
_VENDOR_CODE = pattern(r"^[A-Z]{2,8}-\d{2,6}$")
_REGION = pattern(r"^[a-z]{2}-(?:gov-)?(?:north|south|east|west|central)")
_OWNERS = (
    "user(?:name)?|role|account|organi[sz]ation|org|tenant|workspace|bucket|pods?|container|node|instance|hostname"
    "|serviceaccount|queue|topic|consumer group|job|run|cluster|namespace|secret|volume|pvc"
)
_NAMED = pattern(
    rf"(?i)\b(?:{_OWNERS})s?(?: ?[:=] ?| )(?:name |id )?"
    r"(?:\"[^\"\n<>]{1,120}\"|'[^'\n<>]{1,120}'|`[^`\n<>]{1,120}`)"
)


def mask(text: str) -> str:
    """The text with placeholders such as `<id>`, `<host>`, `<path>` and `<num>`; masking twice changes nothing."""
    for _ in range(_MOST_ROUNDS):
        masked = _mask_once(text)
        if masked == text:
            break
        text = masked
    return text


def _mask_once(text: str) -> str:
    text = places.mask_places(text)
    if "id" in text or "Id" in text or "ID" in text:
        text = _REQUEST_IDS.sub(_request_id, text)
    if not _DIGITS.isdisjoint(text):
        text = _TIMES.sub(_time, text)
        text = _SIZES.sub(_size, text)
        text = _IDS.sub(_id, text)
        text = mask_numbers(text)
    return _NAMED.sub(_named, text)


def _time(_: Match) -> str:
    return "<time>"


def _size(_: Match) -> str:
    return "<size>"


def _request_id(match: Match) -> str:
    found = match[0]
    end = min(found.find(mark) for mark in ":=" if mark in found)
    value = found[end + 1 :].lstrip(" \"'(")
    return f"{found[: len(found) - len(value)]}<id>"


def _id(match: Match) -> str:
    word = match[0]
    if word.startswith("PCI:"):
        return "PCI:<id>"
    if word.startswith("arn:"):
        return "<id>"
    if _REGION.match(word):
        return "<region>"
    if _DIGITS.isdisjoint(word):
        return word
    if word[:2] in ("0x", "0X"):
        return _mask_word_of_hex(word)
    return _mask_hyphened(word) if "-" in word else _mask_word(word)


def _mask_word_of_hex(word: str) -> str:
    """Windows' status words (0x80070005, 0xC0000005) say what went wrong; other words are addresses."""
    return word if len(word) == _STATUS_WORD and word[2] in "8cC" else "<hex>"


def _mask_word(word: str) -> str:
    bare = word.rstrip("=")
    if ":" in word or "=" in bare:
        return "<hex>"
    if not bare.isdigit() and _HEX_DIGITS.issuperset(bare) and _is_long_hex(bare):
        return "<hex>"
    if "_" in bare:
        return _join(["<id>" if part.isdigit() and len(part) > 2 else part for part in bare.split("_")], "_")
    return "<id>" if len(bare) >= _SHORTEST_ID and _switches(bare) >= 3 else word


def _is_long_hex(word: str) -> bool:
    """Whether hex digits are a hash rather than a word: one shorter has to mix letters and digits well."""
    return len(word) >= _SHORTEST_HASH or (len(word) == _SHORTEST_HASH - 1 and _switches(word) >= 3)


def _mask_hyphened(word: str) -> str:
    """Names such as `trainer-7f9c8d6b5c-x2x9z` keep their words; parts with digits in odd places are ids."""
    parts = word.split("-")
    if [len(part) for part in parts] == _UUID_PARTS:
        return "<id>"
    if _VENDOR_CODE.match(word):
        return word
    return _join(["<id>" if _is_odd(part) else part for part in parts], "-")


def _join(parts: list[str], mark: str) -> str:
    """The parts again, several ids in a row as one."""
    kept = [part for place, part in enumerate(parts) if not (place and part == parts[place - 1] == "<id>")]
    return mark.join(kept)


def _is_odd(part: str) -> bool:
    if _DIGITS.isdisjoint(part):
        return False
    if part.isdigit() or (len(part) >= 5 and _HEX_DIGITS.issuperset(part)):
        return True
    return len(part) >= 4 and _switches(part) >= 2


def _switches(word: str) -> int:
    """How often letters and digits take turns: three times or more is rare in names and common in random ids."""
    digits = [char in _DIGITS for char in word]
    return sum(left != right for left, right in pairwise(digits))


def _named(match: Match) -> str:
    found = match[0]
    quote = found[-1]
    return f"{found[: found.index(quote)]}{quote}<name>{quote}"
