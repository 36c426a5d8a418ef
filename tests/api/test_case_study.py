"""The case study on the real service: what it is asked, what it is told, and that the notebook runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import matplotlib as mpl
import pytest

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.example import SAMPLE, TRANSIENT, examples
from benchmarks.case.policies import CLAIRVOYANT, STATELESS
from benchmarks.case.remembering import Remembering
from benchmarks.case.seen_before import SEEN_BEFORE, SeenBefore, Telling
from benchmarks.case.simulation import simulate
from benchmarks.case.study import asking_policies, study
from benchmarks.case.world import CorpusTooSmall, Retraining, Trouble, World, make_world
from benchmarks.child import ServiceFailed
from benchmarks.protocol import read_corpus
from knowledge.failures import DecisionAction, Verdict
from tests.api.test_notebook import run
from tests.benchmarks.case.making import PLAIN, one, transient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "case_study.ipynb"
SMALL = Assumptions(models=6, baseline_gpu_hours=9_000)
ROWS = read_corpus(SAMPLE)


@pytest.fixture
def client(service_url: str) -> httpx.Client:
    """Of the session's service."""
    return httpx.Client(base_url=service_url, timeout=60)


def asking(client: httpx.Client) -> SeenBefore:
    """A policy with a memory of its own."""
    (policy,) = asking_policies(client, seeds=[0], assumptions=SMALL, months=1.0)
    return policy


def test_the_service_is_told_what_came_of_its_advice(client: httpx.Client) -> None:
    """Every failure is an incident, whose outcomes and resolutions are those of the simulated runs; no storm begins."""
    policy = asking(client)
    workspace = {"X-Workspace": policy.workspace}
    with client:
        stories = simulate(make_world(ROWS, assumptions=SMALL, months=1, seed=5), policy)
        incidents = client.get("/incidents?limit=200", headers=workspace).json()["incidents"]
        precedents = [
            client.get(f"/precedents/{each}", headers=workspace).json()
            for each in {incident["precedent_id"] for incident in incidents}
        ]
        storms = client.get("/storms", headers=workspace).json()["storms"]
    asked = sum(story.transient + story.genuine for story in stories)
    retries = sum(each["retries"]["succeeded"] + each["retries"]["failed"] for each in precedents)
    said = [resolution for each in precedents for resolution in each["resolutions"]]

    assert asked == len(policy.told) > 2
    assert asked <= len(incidents) == retries + sum(story.pages for story in stories)
    assert sum(story.pages for story in stories) == len(said)
    assert {"who was paged"} == {each["author"] for each in said}
    assert [] == storms


@pytest.mark.parametrize(("telling", "known"), [(Telling.NOTHING, set()), (Telling.EVERYTHING, {"transient"})])
def test_what_the_service_is_told_is_a_choice(client: httpx.Client, telling: Telling, known: set[str]) -> None:
    """Nothing after a retry that has passed, or the truth."""
    policy = replace(asking(client), telling=telling)
    row = next(row for row in ROWS if row.id == TRANSIENT)
    struck = Trouble(row, clears_h=0.0, fix_h=0.0, recurs=False)
    with client:
        simulate(one((100.0, struck)), policy)
        headers = {"X-Workspace": policy.workspace}
        (incident,) = client.get("/incidents", headers=headers).json()["incidents"]
        precedent = client.get(f"/precedents/{incident['precedent_id']}", headers=headers).json()

    assert known == {resolution["verdict"] for resolution in precedent["resolutions"]}
    assert len(known) == precedent["retries"]["succeeded"]


def test_runs_go_on_where_the_service_says(client: httpx.Client) -> None:
    """After a retry and after a person: every checkpoint is in pipeline memory, and the run has succeeded."""
    policy = asking(client)
    row = next(row for row in ROWS if row.id == TRANSIENT)
    struck = Trouble(row, clears_h=2.0, fix_h=0.0, recurs=False)
    with client:
        (story,) = simulate(one((100.0, struck)), policy)
        (shown,) = client.get("/runs", headers={"X-Workspace": policy.workspace}).json()["runs"]
        point = client.get(f"/runs/{shown['run_id']}/resume-point", headers={"X-Workspace": policy.workspace}).json()

    assert ("succeeded", 12, 48) == (shown["status"], len(point["completed"]), len(point["remaining"]))
    assert story.gpu_hours < 480 + 4 * 8


def test_a_resume_point_that_is_wrong_ends_the_study(client: httpx.Client) -> None:
    """An older checkpoint, or another hash than the one written, is the service's fault and not a policy's."""
    memory = Remembering(client, "case-wrong", Assumptions())
    with client:
        memory.status("r", "p", "running")
        with pytest.raises(ServiceFailed, match="go on from checkpoint-3"):
            memory.place("r", {"sub_task": "checkpoint-3", "artifacts": {}})

    assert 0.0 == memory.place("r", None)


def test_a_failure_that_was_told_is_not_asked_again(client: httpx.Client) -> None:
    """A world in which a row strikes two runs would let the service look its answer up."""
    runs = tuple(Retraining(name, "model", 0.0, ((100.0, transient("same")),)) for name in ("a", "b"))

    with client, pytest.raises(CorpusTooSmall, match="told of before"):
        simulate(World(PLAIN, months=1.0, retrainings=runs), asking(client))


def test_a_study_compares_all_policies_in_the_same_worlds(client: httpx.Client) -> None:
    """Seen Before lies between knowing nothing and knowing everything."""
    deployed: list[None] = []
    with client:
        found = study(
            ROWS, assumptions=SMALL, months=1, seeds=[1], client=client, advance=lambda: deployed.append(None)
        )
    gpu_hours = {name: sum(each.gpu_hours for each in by) for name, by in found.found.items()}

    assert found.retrainings == len(deployed)
    assert found.troubles <= sum(len(each) for each in found.told)
    assert gpu_hours[CLAIRVOYANT] <= gpu_hours[SEEN_BEFORE] * 1.001 < gpu_hours[STATELESS]


def test_the_example_resumes_what_is_transient(client: httpx.Client) -> None:
    """At 360 GPU-hours: retried from the checkpoint without a person; what is genuine costs one page."""
    with client:
        found = examples(client, assumptions=Assumptions())

    assert (0, 1) == (found[SEEN_BEFORE].transient.pages, found[SEEN_BEFORE].genuine.pages)
    assert found[SEEN_BEFORE].transient.gpu_hours < 500
    assert found[STATELESS].transient.gpu_hours > 840


def test_the_notebook_runs(service_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From top to bottom on the sample; every trouble was asked about."""
    monkeypatch.setenv("SEENBEFORE_URL", service_url)
    mpl.use("Agg")

    names = run(NOTEBOOK)
    names["service"].close()
    told = [each for world in names["found"].told for each in world]

    assert names["found"].troubles <= len(told)
    assert {each.decision for each in told} <= set(DecisionAction)
    assert sum(each.verdict is Verdict.TRANSIENT for each in told if each.transient) > 0
    assert names["above"] < 0.05
