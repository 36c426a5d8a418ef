"""All that is compared, computed once: signatures and vectors of a corpus and of the starter precedents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.protocol import Row
from knowledge.advisor.term_weights import TermWeights
from knowledge.embedding import LocalEmbedder, load_embedder
from knowledge.failures import Failure
from knowledge.index.lexical import document_vector, query_vector
from knowledge.intake import prepare_now
from knowledge.signature import sign
from knowledge.signature.signature import Signature
from knowledge.starter.catalogue import Catalogue, StarterPrecedent

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """`signatures` are distinct by owner: first those of the starter precedents, then those of the rows.

    `starters[i]` owns the signature i. `of_row` gives a row's place among the signatures by its id. `cosine` and
    `lexical` have the shape (row signatures, signatures).
    """

    signatures: tuple[Signature, ...]
    starters: tuple[StarterPrecedent, ...]
    of_row: dict[str, int]
    terms: TermWeights
    cosine: Matrix
    lexical: Matrix

    @property
    def first_of_rows(self) -> int:
        """Where the signatures of the rows begin."""
        return len(self.starters)


def make_material(rows: Sequence[Row], *, catalogue: Catalogue, cache: Path) -> Material:
    """Sign and embed everything; `cache` keeps the model's fast copy."""
    starters, signatures = _starter_signatures(catalogue)
    terms = TermWeights.of(
        sign(Failure(text=wording)).terms for precedent in catalogue.precedents for wording in precedent.wordings
    )
    first = len(signatures)
    of_row: dict[str, int] = {}
    place: dict[str, int] = {}
    for row in rows:
        signature = prepare_now(row.asked()).signature
        if signature.fingerprint not in place:
            place[signature.fingerprint] = len(signatures)
            signatures.append(signature)
        of_row[row.id] = place[signature.fingerprint]
    vectors = _embed(signatures, cache=cache)
    return Material(
        signatures=tuple(signatures),
        starters=tuple(starters),
        of_row=of_row,
        terms=terms,
        cosine=vectors[first:] @ vectors.T,
        lexical=_lexical(signatures, first=first),
    )


def _starter_signatures(catalogue: Catalogue) -> tuple[list[StarterPrecedent], list[Signature]]:
    """As the store holds them: a fingerprint once, of the first precedent that has it."""
    found: dict[str, tuple[StarterPrecedent, Signature]] = {}
    for precedent in catalogue.precedents:
        for wording in precedent.wordings:
            signature = sign(Failure(text=wording))
            found.setdefault(signature.fingerprint, (precedent, signature))
    return [precedent for precedent, _ in found.values()], [signature for _, signature in found.values()]


def _embed(signatures: Sequence[Signature], *, cache: Path) -> Matrix:
    embedder: LocalEmbedder = load_embedder(cache=cache)
    try:
        return embedder.embed_now([signature.embedding_text for signature in signatures])
    finally:
        embedder.close()


def _lexical(signatures: Sequence[Signature], *, first: int) -> Matrix:
    """What Qdrant computes of the sparse vectors: the dot product with inverse document frequencies (`Modifier.Idf`)."""
    asked = [query_vector(signature.terms) for signature in signatures[first:]]
    column = {index: at for at, index in enumerate(sorted({index for vector in asked for index in vector.indices}))}
    documents = np.zeros((len(signatures), len(column)), dtype=np.float32)
    for line, signature in enumerate(signatures):
        vector = document_vector(signature.terms)
        for index, value in zip(vector.indices, vector.values, strict=True):
            if index in column:
                documents[line, column[index]] = value
    queries = np.zeros((len(asked), len(column)), dtype=np.float32)
    for line, vector in enumerate(asked):
        queries[line, [column[index] for index in vector.indices]] = vector.values
    frequency = (documents > 0).sum(axis=0)
    weight = np.log1p((len(signatures) - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    product: Matrix = (queries * weight) @ documents.T
    return product
