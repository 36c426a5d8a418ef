"""Two texts beside each other: which words both have, and in which they differ.

Words are those of the lexical search, so that what is marked is what made a neighbour near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

from knowledge.signature.terms import words_of

#: Characters of a text whose words are compared; what follows is shown without marks.
READ = 20_000
#: Words of a side that are compared one by one; the work grows with the product of both sides.
MOST_COMPARED = 400
_JOINING = frozenset("._:-$<>")
_ENDING = ".:-"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; `marked`: both texts have it (of marks), or only this one (of differences)."""

    text: str
    marked: bool


def marked(text: str, *, like: str) -> list[Segment]:
    """The text, those words marked that the other has as well."""
    theirs = frozenset(words_of(like[:READ]))
    read = (Segment(each, _is_in(each, theirs)) for each in tokens(text[:READ]))
    return _joined([*read, Segment(text[READ:], False)])


def _is_in(token: str, words: frozenset[str]) -> bool:
    stems = words_of(token)
    return bool(stems) and words.issuperset(stems)


def differences(ours: str, theirs: str) -> tuple[list[Segment], list[Segment]]:
    """Both texts, marked what the other has not in that place."""
    mine, other = tokens(ours[:READ]), tokens(theirs[:READ])
    start = _alike(mine, other)
    end = _alike(mine[start:][::-1], other[start:][::-1])
    a, b = (each[start : len(each) - end][:MOST_COMPARED] for each in (mine, other))
    middle = SequenceMatcher(_says_nothing, a, b, autojunk=False)
    same_mine, same_other = set[int](), set[int]()
    for block in middle.get_matching_blocks():
        same_mine.update(range(start + block.a, start + block.a + block.size))
        same_other.update(range(start + block.b, start + block.b + block.size))
    return (
        _side(mine, same_mine, start=start, end=end),
        _side(other, same_other, start=start, end=end),
    )


def _says_nothing(token: str) -> bool:
    """Space and signs stand everywhere: they are compared only beside words."""
    return not token[0].isalnum()


def _alike(ours: list[str], theirs: list[str]) -> int:
    """How many tokens are the same from the beginning."""
    pairs = zip(ours, theirs, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(theirs)))


def _side(tokens: list[str], same: set[int], *, start: int, end: int) -> list[Segment]:
    last = len(tokens) - end
    words = [start <= place < last and place not in same and not each.isspace() for place, each in enumerate(tokens)]
    return _joined(Segment(each, _is_marked(words, place, each)) for place, each in enumerate(tokens))


def _is_marked(words: list[bool], place: int, token: str) -> bool:
    """Space is, between two words that are."""
    if token.isspace() and 0 < place < len(words) - 1:
        return words[place - 1] and words[place + 1]
    return words[place]


def tokens(text: str) -> list[str]:
    """Words, white space and signs, in order; joined they are the text."""
    return [part for _, run in groupby(text, key=_kind()) for part in _without_end("".join(run))]


def _without_end(word: str) -> list[str]:
    """A word, and apart from it the full stop or colon that ends it."""
    stripped = word.rstrip(_ENDING)
    return [part for part in (stripped, word[len(stripped) :]) if part]


def _kind() -> Callable[[str], object]:
    """Tells runs of one kind apart; every other sign stands for itself."""
    number = 0

    def kind(char: str) -> object:
        nonlocal number
        if char.isalnum() or char in _JOINING:
            return "word"
        if char.isspace():
            return "space"
        number += 1
        return number

    return kind


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Neighbouring pieces of one kind as one."""
    return [
        Segment("".join(each.text for each in run), is_marked)
        for is_marked, run in groupby(segments, key=lambda each: each.marked)
    ]
