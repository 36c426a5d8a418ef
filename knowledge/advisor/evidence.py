"""Why a neighbour is one: what it shares with the failure and in what it differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from knowledge.advisor.advice import Evidence, Neighbour
from knowledge.advisor.term_weights import TermWeights
from knowledge.signature.signature import Signature

MOST_REASONS = 5
#: A word that weighs less than this says nothing about a failure (it stands in one starter precedent of ten).
TELLING = 2.2
_WORD = re.compile(r"[^\W_][\w.:-]*\w|\w")

#: Characters of a neighbour's template in an answer; the precedent itself has all of it.
SHOWN = 600
#: Characters of a template whose words are named.
READ = 2_000


@dataclass(frozen=True, slots=True)
class TellingWord:
    """A word as written, its lexical terms, and how much the heaviest of them says."""

    word: str
    stems: frozenset[str]
    weight: float


Tokenizer = Callable[[str], Iterable[str]]


def show(
    neighbours: Sequence[Neighbour], *, asked: Signature, terms: TermWeights, tokenize: Tokenizer
) -> tuple[Evidence, ...]:
    """The neighbours as the answer shows them."""
    words = _telling_words(asked.template, terms=terms, tokenize=tokenize)
    return tuple(_entry(neighbour, asked=asked, words=words) for neighbour in neighbours)


def _entry(neighbour: Neighbour, *, asked: Signature, words: Sequence[TellingWord]) -> Evidence:
    return Evidence(
        precedent_id=neighbour.precedent_id,
        similarity=round(neighbour.similarity, 4),
        verdict=neighbour.verdict,
        source=neighbour.source,
        template=_shortened(neighbour.template),
        incident_id=neighbour.incident_id,
        external_id=neighbour.external_id,
        cause=neighbour.cause,
        title=neighbour.title,
        resolution=neighbour.resolution,
        retries=neighbour.retries,
        same_because=same_because(neighbour, asked=asked, words=words),
        differs_in=differs_in(neighbour, asked=asked),
    )


def same_because(neighbour: Neighbour, *, asked: Signature, words: Sequence[TellingWord]) -> tuple[str, ...]:
    """Names and words that both have, the most telling first."""
    named = [
        *_shared(_last_names(asked.exceptions), _last_names(neighbour.exceptions)),
        *_shared(asked.codes, neighbour.codes),
        *_shared(asked.operations, neighbour.operations),
    ]
    theirs = frozenset(neighbour.terms)
    shared = (each.word for each in words if each.stems <= theirs and _last_names([each.word])[0] not in named)
    return tuple(dict.fromkeys([*named, *shared]))[:MOST_REASONS]


def _telling_words(text: str, *, terms: TermWeights, tokenize: Tokenizer) -> list[TellingWord]:
    """Words of the failure as written, heaviest first, a stem once."""
    found: dict[frozenset[str], TellingWord] = {}
    for word in dict.fromkeys(_WORD.findall(text[:READ])):
        stems = frozenset(tokenize(word))
        if stems and stems not in found:
            found[stems] = TellingWord(word, stems, max(terms.weight(stem) for stem in stems))
    return sorted((each for each in found.values() if each.weight >= TELLING), key=lambda each: -each.weight)


def _shortened(template: str) -> str:
    return template if len(template) <= SHOWN else f"{template[: SHOWN - 1]}…"


def differs_in(neighbour: Neighbour, *, asked: Signature) -> tuple[str, ...]:
    """Fields in which both say something and not the same, with what each says: `operation: GetObject / PutObject`."""
    pairs = (
        ("exception", _last_names(asked.exceptions), _last_names(neighbour.exceptions)),
        ("code", asked.codes, neighbour.codes),
        ("operation", asked.operations, neighbour.operations),
    )
    return tuple(
        f"{name}: {', '.join(ours[:2])} / {', '.join(theirs[:2])}"
        for name, ours, theirs in pairs
        if ours and theirs and not set(ours) & set(theirs)
    )


def _shared(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(ours) if name in theirs]


def _last_names(names: Sequence[str]) -> list[str]:
    return [name.replace("::", ".").rpartition(".")[2] for name in names]
