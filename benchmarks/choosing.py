"""How constants are chosen from rows that may be looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.calibration import fit
from benchmarks.descent import Values, descend
from benchmarks.offline import Asked, Offline, Setting
from benchmarks.protocol import Kind
from benchmarks.scoring import Scores, score
from knowledge.advisor.advising import WRONG_FAIL_BOUND
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.failures import DecisionAction, Verdict

#: `words` is what `cosine` leaves of 1: only their ratio matters.
RANKING_GRIDS: Mapping[str, Sequence[float]] = {
    "profile": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
    "cosine": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
    "codes": (0.0, 0.05, 0.1, 0.15, 0.2, 0.3),
    "code_conflict": (0.0, 0.02, 0.05, 0.1),
    "redundancy": (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4),
    "own_first_from": (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4),
}
VERDICT_GRIDS: Mapping[str, Sequence[float]] = {
    "own_sharpness": (5.0, 7.0, 10.0, 14.0, 20.0, 28.0),
    "starter_sharpness": (5.0, 7.0, 10.0, 14.0, 20.0),
}
FAIL_GRID = tuple(step / 200 for step in range(140, 200))
ROUNDS = 2
#: The bound on transient failures told `fail`, and those of which the product keeps the thresholds.
WRONG_FAIL = WRONG_FAIL_BOUND
WRONG_FAILS = (0.01, 0.02, 0.05)

Rows = Mapping[Kind, Sequence[Asked]]


class Chooser:
    """Chooses on the rows that it is given, and on no others."""

    def __init__(self, offline: Offline, *, rows: Rows) -> None:
        self._offline = offline
        self._rows = rows

    def choose(self, start: Setting) -> Setting:
        """What does best: first the order of neighbours, then the weighing of verdicts, then the threshold of `fail`.

        From which confidence on there is an answer is not chosen: it follows from what a wrong one costs.
        """
        setting = self._believing(self._weighing(self._ranking(start)))
        return replace(setting, fail_from=self.fail_from(setting, bound=WRONG_FAIL))

    def scores(self, kind: Kind, setting: Setting) -> Scores:
        """What the setting reaches on the rows of one kind."""
        return score([self._offline.answer(asked, setting=setting) for asked in self._rows[kind]])

    def _ranking(self, start: Setting) -> Setting:
        """Same group where memory holds it; and the nearest should judge right."""

        def worth(values: Values) -> float:
            warm = self.scores(Kind.WARM, with_ranking(start, values))
            return warm.retrieval.at_1 + warm.retrieval.in_5 + warm.retrieval.mrr + 0.5 * warm.nearest

        begin = _some(start, RANKING_GRIDS)
        return with_ranking(start, descend(begin, grids=RANKING_GRIDS, worth=worth, rounds=ROUNDS))

    def _weighing(self, start: Setting) -> Setting:
        """By the logarithmic score of the calibrated confidence: it rewards being right, and being surer when right."""

        def worth(values: Values) -> float:
            return self._log_score(with_weighing(start, values))

        begin = _some(start, VERDICT_GRIDS)
        return with_weighing(start, descend(begin, grids=VERDICT_GRIDS, worth=worth, rounds=ROUNDS))

    def _believing(self, setting: Setting) -> Setting:
        """How far each witness is believed."""
        evidence, transient = self._evidence(setting)
        own, starter, bias = fit(evidence, transient=transient)
        believed = replace(
            setting.verdict, own_weight=round(own, 2), starter_weight=round(starter, 2), bias=round(bias, 2)
        )
        return replace(setting, verdict=believed)

    def _log_score(self, setting: Setting) -> float:
        evidence, transient = self._evidence(setting)
        own, starter, bias = fit(evidence, transient=transient)
        total = 0.0
        for (said_own, said_starter), is_transient in zip(evidence, transient, strict=True):
            odds = own * said_own + starter * said_starter + bias
            total -= math.log1p(math.exp(-odds if is_transient else odds))
        return total / max(1, len(evidence))

    def _evidence(self, setting: Setting) -> tuple[list[tuple[float, float]], list[bool]]:
        """What each witness says of every row that is not ambiguous, however much is known; and the labels."""
        clear = [asked for kind in Kind for asked in self._rows[kind] if not asked.row.ambiguous]
        return (
            [self._offline.evidence(asked, setting=setting) for asked in clear],
            [asked.row.label is Verdict.TRANSIENT for asked in clear],
        )

    def fail_from(self, setting: Setting, *, bound: float) -> float:
        """The least threshold at which transient failures told `fail` stay within the bound, however much is known.

        One wrong `fail` more than was seen is counted: a threshold on the edge of these rows fails on the next ones.
        """
        by_kind = [self._told_wrongly(kind, setting) for kind in Kind]
        for threshold in FAIL_GRID:
            if all(_wrong_fail_next(told, of, threshold=threshold) <= bound for told, of in by_kind):
                return threshold
        return 1.0

    def _told_wrongly(self, kind: Kind, setting: Setting) -> tuple[list[float], int]:
        """Confidences of the transient failures that are told `fail` if any confidence is enough; of how many."""
        transient = [asked for asked in self._rows[kind] if asked.row.label is Verdict.TRANSIENT]
        any_confidence = replace(setting, fail_from=0.0)
        answers = [self._offline.answer(asked, setting=any_confidence) for asked in transient]
        return [each.confidence for each in answers if each.decision is DecisionAction.FAIL], len(answers)


def _wrong_fail_next(told: Sequence[float], of: int, *, threshold: float) -> float:
    return (sum(confidence >= threshold for confidence in told) + 1) / (of + 1)


def values_of(setting: Setting) -> dict[str, float]:
    """Every constant by its name."""
    return {
        "cosine": setting.similarity.cosine,
        "words": setting.similarity.words,
        "codes": setting.similarity.codes,
        "code_conflict": setting.similarity.code_conflict,
        "profile": setting.similarity.profile,
        "own_first_from": setting.own_first_from,
        "redundancy": setting.redundancy,
        "own_sharpness": setting.verdict.own_sharpness,
        "starter_sharpness": setting.verdict.starter_sharpness,
        "own_weight": setting.verdict.own_weight,
        "starter_weight": setting.verdict.starter_weight,
        "bias": setting.verdict.bias,
        "fail_from": setting.fail_from,
    }


def with_ranking(setting: Setting, values: Values) -> Setting:
    """The setting with other likeness."""
    similarity = SimilarityWeights(
        cosine=values["cosine"],
        words=round(1.0 - values["cosine"], 6),
        codes=values["codes"],
        code_conflict=values["code_conflict"],
        profile=values["profile"],
    )
    return replace(
        setting, similarity=similarity, own_first_from=values["own_first_from"], redundancy=values["redundancy"]
    )


def with_weighing(setting: Setting, values: Values) -> Setting:
    """The setting with other weighing."""
    weighing = replace(
        setting.verdict,
        own_sharpness=values["own_sharpness"],
        starter_sharpness=values["starter_sharpness"],
    )
    return replace(setting, verdict=weighing)


def _some(setting: Setting, grids: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: value for name, value in values_of(setting).items() if name in grids}
