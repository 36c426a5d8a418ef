"""How constants are chosen from rows that may be looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.calibration import fit
from benchmarks.descent import Values, descend
from benchmarks.offline import Asked, Setting, answer, judged
from benchmarks.protocol import Kind
from benchmarks.scoring import Scores, score
from knowledge.advisor.similarity import SimilarityWeights
from knowledge.failures import Verdict

#: `words` is what `cosine` leaves of 1: only their ratio matters.
RANKING_GRIDS: Mapping[str, Sequence[float]] = {
    "cosine": (0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8),
    "exceptions": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2),
    "codes": (0.0, 0.05, 0.1, 0.15, 0.2, 0.3),
    "code_conflict": (0.0, 0.02, 0.05, 0.1, 0.15),
    "own_first": (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6),
}
VERDICT_GRIDS: Mapping[str, Sequence[float]] = {
    "sharpness": (4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 28.0),
    "starter_weight": (0.25, 0.35, 0.5, 0.7, 1.0),
    "least_similarity": (0.0, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4),
}
ANSWER_GRID = (0.5, 0.52, 0.55, 0.58, 0.6, 0.62, 0.65, 0.68, 0.7, 0.75)
FAIL_GRID = tuple(step / 200 for step in range(140, 200))
ROUNDS = 3
#: A wrong verdict costs this many right ones: with honest confidence, answering pays from 0.6 on.
WRONG_COST = 1.5
#: The bound on transient failures told `fail`.
WRONG_FAIL = 0.02

Rows = Mapping[Kind, Sequence[Asked]]


def choose(rows: Rows, *, start: Setting) -> Setting:
    """The setting that does best on these rows: first the order of neighbours, then the verdict, then its thresholds."""
    setting = _choose_ranking(rows, start)
    setting = _choose_weighing(rows, setting)
    setting = _calibrated(rows, setting)
    setting = _with_answers_from(setting, _best_answer_from(rows, setting))
    return replace(setting, fail_from=_safe_fail_from(rows, setting))


def scores_of(rows: Sequence[Asked], *, setting: Setting) -> Scores:
    """What the setting reaches on these rows."""
    return score([answer(asked, setting=setting) for asked in rows])


def _choose_ranking(rows: Rows, start: Setting) -> Setting:
    """Same group where memory holds it; and the nearest should judge right, seen or unseen."""

    def worth(values: Values) -> float:
        setting = with_ranking(start, values)
        warm, novel = (scores_of(rows[kind], setting=setting) for kind in (Kind.WARM, Kind.NOVEL))
        found = warm.retrieval
        return found.at_1 + found.in_5 + found.mrr + 0.5 * (warm.nearest + novel.nearest)

    begin = {name: value for name, value in values_of(start).items() if name in RANKING_GRIDS}
    return with_ranking(start, descend(begin, grids=RANKING_GRIDS, worth=worth, rounds=ROUNDS))


def _choose_weighing(rows: Rows, start: Setting) -> Setting:
    """By the logarithmic score of the calibrated confidence: it rewards being right, and being surer when right."""

    def worth(values: Values) -> float:
        return _log_score(rows, with_weighing(start, values))

    begin = {name: value for name, value in values_of(start).items() if name in VERDICT_GRIDS}
    return with_weighing(start, descend(begin, grids=VERDICT_GRIDS, worth=worth, rounds=ROUNDS))


def _log_score(rows: Rows, setting: Setting) -> float:
    evidence, silent = _evidence(rows, setting)
    slope, intercept = fit(evidence)
    total = silent * math.log(0.5)
    for strength, right in evidence:
        chance = 1 / (1 + math.exp(-(slope * strength + intercept)))
        total += math.log(max(1e-9, chance if right else 1 - chance))
    return total / max(1, len(evidence) + silent)


def _calibrated(rows: Rows, setting: Setting) -> Setting:
    slope, intercept = fit(_evidence(rows, setting)[0])
    return replace(
        setting, verdict=replace(setting.verdict, slope=round(slope, 2), intercept=round(intercept, 2))
    )


def _evidence(rows: Rows, setting: Setting) -> tuple[list[tuple[float, bool]], int]:
    """Log odds of each verdict before calibration, and whether it was right; and how many rows have none."""
    plain = replace(setting, verdict=replace(setting.verdict, slope=1.0, intercept=0.0, answer_from=0.0))
    found: list[tuple[float, bool]] = []
    silent = 0
    for asked in (*rows[Kind.WARM], *rows[Kind.NOVEL]):
        if asked.row.ambiguous:
            continue
        judgement, _ = judged(asked, setting=plain)
        if judgement.verdict is Verdict.UNKNOWN:
            silent += 1
            continue
        chance = min(1 - 1e-9, judgement.confidence)
        found.append((math.log(chance / (1 - chance)), judgement.verdict is asked.row.label))
    return found, silent


def _best_answer_from(rows: Rows, setting: Setting) -> float:
    def worth(threshold: float) -> float:
        tried = _with_answers_from(setting, threshold)
        scores = [scores_of(rows[kind], setting=tried) for kind in (Kind.WARM, Kind.NOVEL)]
        return sum(each.coverage * (each.verdict - WRONG_COST * (1 - each.verdict)) for each in scores)

    return max(ANSWER_GRID, key=worth)


def _safe_fail_from(rows: Rows, setting: Setting) -> float:
    """The least threshold from which on transient failures told `fail` stay within the bound, seen or unseen."""
    for threshold in FAIL_GRID:
        tried = replace(setting, fail_from=threshold)
        scores = [scores_of(rows[kind], setting=tried) for kind in (Kind.WARM, Kind.NOVEL)]
        if all(each.wrong_fail <= WRONG_FAIL for each in scores):
            return threshold
    return 1.0


def values_of(setting: Setting) -> dict[str, float]:
    """Every constant by its name."""
    return {
        "cosine": setting.similarity.cosine,
        "exceptions": setting.similarity.exceptions,
        "codes": setting.similarity.codes,
        "code_conflict": setting.similarity.code_conflict,
        "own_first": setting.own_first,
        "sharpness": setting.verdict.sharpness,
        "starter_weight": setting.verdict.starter_weight,
        "least_similarity": setting.verdict.least_similarity,
        "slope": setting.verdict.slope,
        "intercept": setting.verdict.intercept,
        "answer_from": setting.verdict.answer_from,
        "fail_from": setting.fail_from,
    }


def with_ranking(setting: Setting, values: Values) -> Setting:
    """The setting with other likeness."""
    weights = SimilarityWeights(
        cosine=values["cosine"],
        words=round(1.0 - values["cosine"], 6),
        exceptions=values["exceptions"],
        codes=values["codes"],
        code_conflict=values["code_conflict"],
    )
    return replace(setting, similarity=weights, own_first=values["own_first"])


def with_weighing(setting: Setting, values: Values) -> Setting:
    """The setting with other weighing."""
    return replace(
        setting,
        verdict=replace(
            setting.verdict,
            sharpness=values["sharpness"],
            starter_weight=values["starter_weight"],
            least_similarity=values["least_similarity"],
        ),
    )


def _with_answers_from(setting: Setting, threshold: float) -> Setting:
    return replace(setting, verdict=replace(setting.verdict, answer_from=threshold))
