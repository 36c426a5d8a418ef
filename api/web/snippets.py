"""The piece of a text that has most of the words asked for, with those words marked."""

from __future__ import annotations

from collections.abc import Sequence

from api.web.words import Segment, marked, tokens

#: Characters of a piece, and of what is read for it.
LONGEST, READ = 320, 2_000
#: Characters before its first marked word.
BEFORE = 60
LEFT_OUT = Segment("…", False)


def snippet(text: str, *, like: str) -> list[Segment]:
    """The piece, with signs of what was left out at its ends."""
    read = text[:READ]
    pieces = marked(read, like=like) if like.strip() else [Segment(read, False)] * bool(read)
    start = _start(pieces, len(read))
    cut = _cut(pieces, start, start + LONGEST)
    return [
        *([LEFT_OUT] if start else []),
        *cut,
        *([LEFT_OUT] if start + LONGEST < len(text) else []),
    ]


def _start(pieces: Sequence[Segment], length: int) -> int:
    """Where the piece begins that has most marked words: of those as good the first."""
    if length <= LONGEST:
        return 0
    places, at = [], 0
    for piece in pieces:
        if piece.marked:
            places.append(at)
        at += len(piece.text)
    best, most = 0, -1
    for place in places:
        begin = max(0, min(place - BEFORE, length - LONGEST))
        number = sum(begin <= other < begin + LONGEST for other in places)
        if number > most:
            best, most = begin, number
    return _between_words(pieces, best)


def _between_words(pieces: Sequence[Segment], at: int) -> int:
    """The next place where a word begins, so that none is cut in two; not far away, or where it was."""
    if at == 0:
        return 0
    text = "".join(piece.text for piece in pieces)
    end = at
    for token in tokens(text[at : at + BEFORE]):
        if token.isspace():
            return end + len(token)
        end += len(token)
    return at


def _cut(pieces: Sequence[Segment], start: int, end: int) -> list[Segment]:
    found, at = [], 0
    for piece in pieces:
        part = piece.text[max(0, start - at) : max(0, end - at)]
        if part:
            found.append(Segment(part, piece.marked))
        at += len(piece.text)
    return found
