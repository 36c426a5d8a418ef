"""Words for lexical search: names are kept whole and split, codes stay, placeholders go."""

from __future__ import annotations

from functools import lru_cache

from knowledge.signature.codes import standard_codes
from knowledge.signature.families import families_of
from knowledge.signature.patterns import words

#: What ends a token; `.`, `:`, `-` and `$` hold names together, `<` and `>` mark placeholders.
_PUNCTUATION = "\t\n\r\"'`()[]{},;=|/\\!?@#%^&*+~…，。：；（）【】「」、！？“”‘’"  # noqa: RUF001  # full-width on purpose
_BREAKS = str.maketrans(dict.fromkeys(_PUNCTUATION, " ") | {"<": " <", ">": "> "})
_EDGES = ".:-_$"
_LONGEST_TOKEN = 200
_REMEMBERED_TOKENS = 1 << 14
_SHORTEST_STEMMED = 5
_STEM_LETTERS = 7
#: Words of English grammar; words that turn or measure a meaning (not, no, already, exceeded, too) are none of them.
_STOP = words("a an the of to in on at by for with from is are was were be been this that these those it its as and or")


def terms_of(text: str) -> tuple[str, ...]:
    """Lexical terms of a masked text or of a question: its words, then its standard codes and families of failure."""
    return (*words_of(text), *standard_codes(text), *families_of(text))


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in its order, repetitions included; names are given in parts and whole."""
    words: list[str] = []
    for token in text.translate(_BREAKS).split():
        words.extend(_words_of_token(token))
    return tuple(words)


@lru_cache(maxsize=_REMEMBERED_TOKENS)
def _words_of_token(token: str) -> tuple[str, ...]:
    """The words of one token; remembered, since failures are worded alike."""
    if token[0] == "<" or len(token) > _LONGEST_TOKEN:
        return ()
    token = token.strip(_EDGES)
    parts = split_name(token)
    if token.lower() in _STOP or not parts:
        return ()
    if not token.isascii():
        return tuple(word for part in parts for word in _bigrams(part))
    stems = [stem(part) for part in parts if part not in _STOP]
    if len(parts) > 1:
        stems.append(token.replace("::", ".").rpartition(".")[2].rpartition(":")[2].lower().strip(_EDGES))
    return tuple(word for word in stems if word)


def split_name(name: str) -> list[str]:
    """The words of a dotted, snake_case or CamelCase name, lower-cased: `HTTPError` is `http`, `error`."""
    words: list[str] = []
    word = ""
    for place, char in enumerate(name):
        if not char.isalnum():
            words.append(word)
            word = ""
            continue
        if word and _starts_word(name, place):
            words.append(word)
            word = ""
        word += char
    words.append(word)
    return [word.lower() for word in words if word]


def _starts_word(name: str, place: int) -> bool:
    char, before = name[place], name[place - 1]
    if not char.isupper():
        return False
    follows_lower = before.islower() or before.isdigit()
    ends_acronym = before.isupper() and place + 1 < len(name) and name[place + 1].islower()
    return follows_lower or (ends_acronym and name[place + 1 :] != "s")


def stem(word: str) -> str:
    """Words that begin alike are one: `connect`, `connection`, `connected`; 7 letters did best (`make bench`)."""
    if not word.isalpha() or len(word) < _SHORTEST_STEMMED:
        return word
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            word = word[: -len(ending)]
            break
    return word[:_STEM_LETTERS]


def _bigrams(token: str) -> list[str]:
    token = token.lower()
    if len(token) < 3 or any("\u0370" <= char <= "\u1eff" or char < "\u0250" for char in token):
        return [token]
    return [token[place : place + 2] for place in range(len(token) - 1)]
