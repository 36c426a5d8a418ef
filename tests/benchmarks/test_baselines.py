"""What the product is compared with."""

from __future__ import annotations

import numpy as np

from benchmarks.baselines import Fused, Numbers, RawBm25, baseline_answer, ranks, words
from benchmarks.protocol import Row
from benchmarks.scoring import Shown
from knowledge.failures import Action, Cause, Verdict

ROW = Row("r1", "disk full", "a", Verdict.GENUINE, Cause.RESOURCE_LIMIT, Action.ESCALATE, "resolution", ambiguous=False)


class Fixed:
    """Scores given beforehand."""

    def __init__(self, *scores: float) -> None:
        self._scores = np.array(scores)

    def scores(self, text: str) -> Numbers:
        """The same for every text."""
        return self._scores


def shown(*verdicts: Verdict) -> list[Shown]:
    """Neighbours of groups a, b, c, …"""
    return [Shown("abcdef"[place], verdict) for place, verdict in enumerate(verdicts)]


def test_words_are_lower_case() -> None:
    """Punctuation parts them."""
    assert ["http", "503", "slowdown", "put_object"] == words("HTTP 503: SlowDown (put_object)")


def test_bm25_prefers_the_rare_word() -> None:
    """A word that all texts have says nothing."""
    scores = RawBm25(["error disk full", "error lock timeout", "error no route"]).scores("error disk")

    assert int(np.argmax(scores)) == 0


def test_ranks_begin_at_one() -> None:
    """The largest first, equals in their order."""
    assert [2.0, 1.0, 3.0] == ranks(np.array([0.5, 0.9, 0.5])).tolist()


def test_fusion_prefers_what_both_rank_high() -> None:
    """Second in both beats first in one and last in the other."""
    fused = Fused([Fixed(3.0, 2.0, 1.0, 0.0), Fixed(0.0, 2.0, 1.0, 3.0)]).scores("text")

    assert int(np.argmax(fused)) == 1


def test_five_vote() -> None:
    """The sixth has no vote; what is shown is best first."""
    remembered = shown(*[Verdict.GENUINE] * 3, *[Verdict.TRANSIENT] * 3)
    answer = baseline_answer(ROW, baseline=Fixed(6, 5, 4, 3, 2, 1), remembered=remembered)

    assert (Verdict.GENUINE, 0.6) == (answer.verdict, answer.confidence)
    assert "abcdef" == "".join(each.group or "" for each in answer.shown)


def test_the_nearest_decides_a_tie() -> None:
    """With four neighbours there may be one."""
    remembered = shown(Verdict.TRANSIENT, Verdict.GENUINE, Verdict.GENUINE, Verdict.TRANSIENT)
    answer = baseline_answer(ROW, baseline=Fixed(4, 3, 2, 1), remembered=remembered)

    assert Verdict.TRANSIENT is answer.verdict


def test_nothing_remembered_is_unknown() -> None:
    """And shows nothing."""
    answer = baseline_answer(ROW, baseline=Fixed(), remembered=[])

    assert (Verdict.UNKNOWN, ()) == (answer.verdict, answer.shown)
