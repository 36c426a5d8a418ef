"""Slope and intercept that make a confidence mean what it says: logistic regression in one variable.

Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STEPS = 50
#: A weak pull towards slope 1 and intercept 0, so that rows that are all right do not ask for an endless slope.
RIDGE = 1.0


def fit(judged: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and intercept from pairs of evidence (log odds) and whether the verdict was right; Newton's method."""
    if not judged:
        return 1.0, 0.0
    features = np.array([(evidence, 1.0) for evidence, _ in judged])
    right = np.array([float(was_right) for _, was_right in judged])
    prior = np.array([1.0, 0.0])
    found = prior.copy()
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-(features @ found)))
        gradient = features.T @ (right - chance) - RIDGE * (found - prior)
        curvature = (features * (chance * (1 - chance))[:, None]).T @ features + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found = found + step
        if float(np.abs(step).max()) < 1e-9:
            break
    return float(found[0]), float(found[1])
