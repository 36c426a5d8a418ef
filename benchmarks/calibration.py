"""How far each witness of a verdict is to be believed: a logistic regression, so that confidence means what it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

#: Inverse of the pull towards nothing: next to none, but rows that are all right do not ask for endless weights.
STRENGTH = 100.0


def fit(evidence: Sequence[tuple[float, float]], *, transient: Sequence[bool]) -> tuple[float, float, float]:
    """Weights of the workspace's own witness and of the starters', and the bias, in log odds of transient.

    `evidence` has a pair of log odds for each row. Without rows of both kinds there is nothing to fit: (1, 1, 0).
    """
    if len(set(transient)) < 2:
        return 1.0, 1.0, 0.0
    fitted = LogisticRegression(C=STRENGTH).fit(np.array(evidence), np.array(transient))
    own, starter = fitted.coef_[0]
    return float(own), float(starter), float(fitted.intercept_[0])
