"""A precedent that turned out both ways is judged by its context."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.advisor import contexts
from knowledge.advisor.advice import Ending
from knowledge.advisor.verdict import OUTCOME, belief
from knowledge.failures import Failure, Verdict
from knowledge.store.records import EndingRecord
from tests.knowledge.advisor.making import neighbour

FINGERPRINT = "f" * 32
TRAIN, EVALUATE = {"step": "train"}, {"step": "evaluate"}


def endings(*groups: tuple[int, bool, dict[str, str]]) -> tuple[Ending, ...]:
    """So many of each."""
    return tuple(Ending(transient, 1.0, context) for count, transient, context in groups for _ in range(count))


def record(**said: object) -> EndingRecord:
    """An incident of which nothing else is known."""
    standard = {"verdict": None, "succeeded": 0, "failed": 0, "attempt": None, "step": None, "pipeline": None}
    return EndingRecord(**{**standard, "environment": {}, "fingerprint": FINGERPRINT, **said})


def test_the_part_that_tells_is_heard() -> None:
    """The step tells the two apart, the pipeline is everyone's."""
    known = endings((4, True, {**TRAIN, "pipeline": "p"}), (4, False, {**EVALUATE, "pipeline": "p"}))
    train = contexts.heard(known, context={**TRAIN, "pipeline": "p"})
    evaluate = contexts.heard(known, context={**EVALUATE, "pipeline": "p"})

    assert train is not None
    assert evaluate is not None
    assert ("step", "train", 4, 4) == (train.part, train.value, train.seen_transient, train.seen)
    assert (0, 4) == (evaluate.seen_transient, evaluate.seen)
    assert train.transient > 4 * train.genuine
    assert evaluate.genuine > 4 * evaluate.transient


def test_one_incident_is_no_context() -> None:
    """Nor is a value that nobody has met, nor one that all share, nor a precedent with one outcome only."""
    known = endings((3, True, TRAIN), (1, False, EVALUATE))

    assert contexts.heard(known, context=EVALUATE) is None
    assert contexts.heard(known, context={"step": "export"}) is None
    assert contexts.heard(endings((3, True, TRAIN), (3, False, TRAIN)), context=TRAIN) is None
    assert contexts.heard(endings((3, True, TRAIN), (3, True, EVALUATE)), context=TRAIN) is None
    assert contexts.heard((), context=TRAIN) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b"]), st.sampled_from([0.5, 1.0])), max_size=30))
def test_belief_lies_between_the_whole_and_the_context(known: list[tuple[bool, str, float]]) -> None:
    """However the incidents fell: drawn towards the precedent as a whole, never past what was seen."""
    found = contexts.heard(
        [Ending(good, weight, {"step": step}) for good, step, weight in known], context={"step": "a"}
    )
    if found is None:
        return
    transient, total = (
        sum(weight for good, _, weight in known if good or not only) + half
        for only, half in ((True, 0.5), (False, 1.0))
    )
    here = [(good, weight) for good, step, weight in known if step == "a"]
    share = sum(weight for good, weight in here if good) / sum(weight for _, weight in here)
    low, high = sorted((share, transient / total))

    assert low - 1e-9 <= found.transient / (found.transient + found.genuine) <= high + 1e-9


def test_belief_follows_the_context() -> None:
    """Of a precedent that is transient on the whole; what a person decided of it stands."""
    known = endings((8, True, TRAIN), (3, False, EVALUATE))
    said = {"stated_transient": 8, "stated_genuine": 3, "endings": known}
    [here] = contexts.in_context([neighbour(**said)], context=EVALUATE)
    [elsewhere] = contexts.in_context([neighbour(**said)], context={})
    [decided] = contexts.in_context([neighbour(overridden=True, **said)], context=EVALUATE)

    assert belief(here) < 0.4
    assert belief(elsewhere) > 0.6
    assert belief(decided) > 0.9


def test_context_of_a_failure() -> None:
    """What can be compared: short scalars; attempts from the third on are alike."""
    failure = Failure(
        text="boom",
        attempt=7,
        step="train",
        environment={"image": "repo/train:1.9", "gpus": 8, "spot": True, "mounts": ["a"], "notes": "x" * 500},
    )

    assert {
        "attempt": "3 or later",
        "step": "train",
        "environment image": "repo/train:1.9",
        "environment gpus": "8",
        "environment spot": "True",
        "wording": FINGERPRINT,
    } == contexts.context_of(failure, fingerprint=FINGERPRINT)


def test_how_incidents_ended() -> None:
    """A person's word before outcomes, a pass before a failed retry, and nothing where neither tells."""
    stated = contexts.ending_of(record(verdict=Verdict.GENUINE, succeeded=1))
    passed = contexts.ending_of(record(verdict=Verdict.UNKNOWN, succeeded=1, failed=2, step="train"))
    failed = contexts.ending_of(record(failed=1))

    assert stated is not None
    assert passed is not None
    assert failed is not None
    assert [(False, 1.0), (True, OUTCOME), (False, OUTCOME)] == [
        (each.transient, each.weight) for each in (stated, passed, failed)
    ]
    assert "train" == passed.context["step"]
    assert contexts.ending_of(record(verdict=Verdict.UNKNOWN)) is None


def test_runs_of_one_name_in_two_pipelines_are_two() -> None:
    """Of one run's attempts the last counts; that of another pipeline does not take its place."""
    told = [
        record(run_id="23", pipeline=pipeline, attempt=attempt, verdict=verdict)
        for pipeline, attempt, verdict in (
            ("churn", 1, Verdict.GENUINE),
            ("fraud", 2, Verdict.TRANSIENT),
            ("fraud", 1, Verdict.GENUINE),
        )
    ]
    found = contexts.with_endings(neighbour(), told).endings

    assert {("churn", False), ("fraud", True)} == {(each.context["pipeline"], each.transient) for each in found}
