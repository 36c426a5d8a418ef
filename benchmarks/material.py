"""All that is compared, computed once: signatures, vectors and profiles of a corpus, and the starter precedents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.protocol import Row
from knowledge.advisor.advice import Neighbour
from knowledge.advisor.starters import Starters, Wording
from knowledge.embedding import load_embedder
from knowledge.failures import Failure, Source, Verdict
from knowledge.index.lexical import SparseVector
from knowledge.intake import prepare_now
from knowledge.signature import sign
from knowledge.signature.signature import Signature
from knowledge.starter.catalogue import Catalogue, StarterPrecedent
from knowledge.starter.vectors import VectorFile, key_of
from knowledge.store.ids import precedent_id
from knowledge.store.workspaces import STARTER_WORKSPACE_ID

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """`signatures` are the distinct ones of the rows; `vectors` (unit length, a line each) and `profiles` are in their
    order; `of_row` gives a row's place among them by its id. `same_starter` has the starter precedent of a fingerprint.
    """

    signatures: tuple[Signature, ...]
    vectors: Matrix
    profiles: tuple[SparseVector, ...]
    of_row: dict[str, int]
    starters: Starters
    same_starter: dict[str, Neighbour]


def make_material(rows: Sequence[Row], *, catalogue: Catalogue, cache: Path, taught: bool = True) -> Material:
    """Sign and embed everything; `cache` keeps the model's fast copy; `taught`: with its adapter."""
    signed = {row.id: prepare_now(row.asked()).signature for row in rows}
    signatures = tuple({signature.fingerprint: signature for signature in signed.values()}.values())
    place = {signature.fingerprint: number for number, signature in enumerate(signatures)}
    wordings = _wordings(catalogue)
    texts = [signature.embedding_text for signature in (*signatures, *(signature for _, signature in wordings))]
    vectors = _embed(texts, cache=cache, taught=taught)
    starters = Starters(
        [
            Wording(_neighbour(precedent, signature), vector)
            for (precedent, signature), vector in zip(wordings, vectors[len(signatures) :], strict=True)
        ]
    )
    return Material(
        signatures=signatures,
        vectors=vectors[: len(signatures)],
        profiles=tuple(starters.profile(starters.words(signature.terms)) for signature in signatures),
        of_row={id: place[signature.fingerprint] for id, signature in signed.items()},
        starters=starters,
        same_starter={signature.fingerprint: _same(precedent, signature) for precedent, signature in wordings},
    )


def _wordings(catalogue: Catalogue) -> list[tuple[StarterPrecedent, Signature]]:
    """As the store holds them: a fingerprint once, of the first precedent that has it."""
    found: dict[str, tuple[StarterPrecedent, Signature]] = {}
    for precedent in catalogue.precedents:
        for wording in precedent.wordings:
            signature = sign(Failure(text=wording))
            found.setdefault(signature.fingerprint, (precedent, signature))
    return list(found.values())


def _neighbour(precedent: StarterPrecedent, signature: Signature) -> Neighbour:
    return Neighbour(
        precedent_id=precedent_id(STARTER_WORKSPACE_ID, precedent.key),
        source=Source.STARTER,
        similarity=0.0,
        verdict=precedent.verdict,
        template=signature.template,
        cause=precedent.cause,
        action=precedent.action,
        codes=signature.codes,
        terms=signature.terms,
    )


def _same(precedent: StarterPrecedent, signature: Signature) -> Neighbour:
    """As the store answers for a fingerprint: what the catalogue says counts as said once."""
    return replace(
        _neighbour(precedent, signature),
        similarity=1.0,
        stated_transient=int(precedent.verdict is Verdict.TRANSIENT),
        stated_genuine=int(precedent.verdict is Verdict.GENUINE),
    )


def _embed(texts: Sequence[str], *, cache: Path, taught: bool) -> Matrix:
    """As the model does; what it made of the starter precedents for a service is taken from the service's file."""
    embedder = load_embedder(cache=cache, taught=taught)
    try:
        kept = VectorFile(cache, model_id=embedder.model_id, dimensions=embedder.dimensions).read()
        missing = [text for text in texts if key_of(text) not in kept]
        kept |= {key_of(text): vector for text, vector in zip(missing, embedder.embed_now(missing), strict=True)}
        return np.array([kept[key_of(text)] for text in texts], dtype=np.float32)
    finally:
        embedder.close()
