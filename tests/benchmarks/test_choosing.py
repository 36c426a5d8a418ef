"""What chooses constants: descent, calibration, and the product's likeness as matrices."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from benchmarks.calibration import fit
from benchmarks.choosing import values_of, with_ranking, with_weighing
from benchmarks.descent import Values, descend
from benchmarks.likeness import parts, weighted
from benchmarks.material import Material
from benchmarks.tune import as_shipped
from knowledge.advisor.advice import Neighbour
from knowledge.advisor.similarity import Similarity, SimilarityWeights
from knowledge.advisor.starters import Starters, Wording
from knowledge.failures import Failure, Source, Verdict
from knowledge.index.lexical import document_vector
from knowledge.signature import sign
from knowledge.store.ids import precedent_id

TEXTS = (
    "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable for url: http://store/upload",
    "HTTP 503 Service Unavailable while uploading the part",
    "PermissionError: [Errno 13] Permission denied: '/srv/out.parquet'",
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "the pipeline stopped",
)


def material() -> Material:
    """Five failures, two starter precedents, and vectors by the dice."""
    signatures = tuple(sign(Failure(text=text)) for text in TEXTS)
    dice = np.random.default_rng(1)
    vectors = dice.normal(size=(len(TEXTS), 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    starters = Starters([Wording(starter(place), vectors[place]) for place in (0, 3)])
    return Material(
        signatures=signatures,
        vectors=vectors,
        profiles=tuple(starters.profile(starters.words(signature.terms)) for signature in signatures),
        of_row={},
        starters=starters,
        same_starter={},
    )


def starter(place: int) -> Neighbour:
    """A starter precedent of one wording."""
    return Neighbour(
        precedent_id=precedent_id(0, f"starter-{place}"),
        source=Source.STARTER,
        similarity=0.0,
        verdict=Verdict.TRANSIENT,
        template=TEXTS[place],
        terms=sign(Failure(text=TEXTS[place])).terms,
    )


def _likeness(given: Material, weights: SimilarityWeights, i: int, j: int) -> float:
    asked, other = given.signatures[i], given.signatures[j]
    similarity = Similarity(
        asked.terms, codes=asked.codes, weights=weights, terms=given.starters.weights, profile=given.profiles[i]
    )
    return similarity.to(
        cosine_=float(given.vectors[i] @ given.vectors[j]),
        words=similarity.words(document_vector(other.terms)),
        codes=other.codes,
        profile=given.profiles[j],
    )


@pytest.mark.parametrize("weights", [SimilarityWeights(), SimilarityWeights(0.3, 0.7, 0.2, 0.1, 0.6)])
def test_likeness_in_matrices_is_that_of_the_product(weights: SimilarityWeights) -> None:
    """Every pair, with and without codes and profiles in common."""
    given = material()
    expected = [[_likeness(given, weights, i, j) for j in range(len(TEXTS))] for i in range(len(TEXTS))]
    measured = parts(given)

    assert np.isnan(measured.codes).any() and (measured.codes == 1.0).any()
    assert np.isnan(measured.profile).any() and (measured.profile > 0).any()
    np.testing.assert_allclose(weighted(measured, weights=weights), expected, atol=1e-6)


def test_descent_finds_the_best_of_its_grids() -> None:
    """One field at a time, also where a field is best only after another changed."""

    def worth(values: Values) -> float:
        return -0.5 * (values["x"] - values["y"]) ** 2 - (values["y"] - 3) ** 2

    grid = (0.0, 1.0, 2.0, 3.0)
    found = descend({"x": 0.0, "y": 0.0}, grids={"x": grid, "y": grid}, worth=worth, rounds=5)

    assert {"x": 3.0, "y": 3.0} == found


def test_descent_keeps_what_is_as_good() -> None:
    """Where nothing is gained nothing is changed."""
    assert {"x": 1.0} == descend({"x": 1.0}, grids={"x": (0.0, 2.0)}, worth=lambda _: 1.0, rounds=2)


def test_calibration_recovers_the_chances_that_it_was_made_of() -> None:
    """One witness is believed twice, the other half, and both silent is rather genuine."""
    dice = random.Random(1)
    said = [(dice.gauss(0, 2), dice.gauss(0, 2)) for _ in range(8000)]
    transient = [dice.random() < 1 / (1 + math.exp(-(2 * own + 0.5 * starter - 0.5))) for own, starter in said]

    assert pytest.approx((2.0, 0.5, -0.5), abs=0.2) == fit(said, transient=transient)


def test_calibration_stays_finite() -> None:
    """Rows that are all right ask for endless weights, and rows of one kind for nothing."""
    weights = fit([(1.0, 1.0), (-1.0, -1.0)] * 50, transient=[True, False] * 50)

    assert all(math.isfinite(weight) for weight in weights)
    assert (1.0, 1.0, 0.0) == fit([(1.0, 1.0)], transient=[True])


def test_values_go_in_as_they_come_out() -> None:
    """The constants as shipped survive being named and set."""
    shipped = as_shipped()
    values = values_of(shipped)

    assert values == values_of(with_weighing(with_ranking(shipped, values), values))
