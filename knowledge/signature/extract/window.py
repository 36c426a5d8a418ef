"""Of a log too long to read whole: its beginning, its end, and the places between them that speak of failure."""

from __future__ import annotations

from itertools import islice

from knowledge.signature.patterns import pattern

#: Characters read whole; a failure's own text is far smaller, and signing stays within milliseconds.
_READ_WHOLE = 48 * 1024
_HEAD = 4 * 1024
_TAIL = 32 * 1024
_MOST_PLACES = 60
_LONGEST_LINE = 2000
_DECISIVE = pattern(
    r"Traceback \(most recent|Caused by: |\bpanic: |panicked at|FATAL|CRITICAL|OOMKilled|[Oo]ut of memory|\bXid\b"
    r"|\b[A-Z]\w{3,40}(?:Error|Exception): "
)
_AROUND = 400


def window(text: str) -> str:
    """About 64 KiB of the text at most, in its order, cut at line breaks; longer lines than 2,000 lose their middle."""
    if len(text) > _READ_WHOLE:
        text = "\n".join((_head(text), *places_of(text[_HEAD:-_TAIL]), _tail(text)))
    if len(text) <= _LONGEST_LINE:
        return text
    return "\n".join(_shorten(line) for line in text.split("\n"))


def _head(text: str) -> str:
    return text[: text.find("\n", _HEAD) if 0 <= text.find("\n", _HEAD) < 2 * _HEAD else _HEAD]


def _tail(text: str) -> str:
    start = len(text) - _TAIL
    line_break = text.find("\n", start)
    return text[line_break + 1 if 0 <= line_break < start + _LONGEST_LINE else start :]


def places_of(middle: str) -> list[str]:
    """Lines around the decisive words of a long text; the first ones, since later ones are often their echo."""
    places: list[str] = []
    end = 0
    for match in islice(_DECISIVE.finditer(middle), _MOST_PLACES):
        if match.start() < end:
            continue
        start = max(middle.rfind("\n", 0, match.start()) + 1, match.start() - _AROUND, end)
        line_break = middle.find("\n", match.start() + _AROUND)
        end = min(line_break if line_break >= 0 else len(middle), match.start() + 2 * _AROUND)
        places.append(middle[start:end])
    return places


def _shorten(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    half = _LONGEST_LINE // 2
    return f"{line[:half]} ... {line[-half:]}"
