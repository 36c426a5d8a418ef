"""Calibration over HTTP: as shipped at first, then measured on what came out."""

from __future__ import annotations

import httpx

from api.models_calibration import CalibrationAnswer
from knowledge.advisor.advising import AdvisorSettings
from tests.api.http.asking import SLOW_DOWN, checked, fields_of, problem

SHIPPED = AdvisorSettings()


def test_new_workspace(client: httpx.Client) -> None:
    """Null where nothing is known, and the thresholds that ship."""
    found = checked(client.get("/calibration"), CalibrationAnswer)

    assert (0, False, None, None) == (found["judged"], found["fitted"], found["brier"], found["wrong_fail"])
    assert 10 == len(found["reliability"])
    assert {
        "answer_from": SHIPPED.verdict.answer_from,
        "fail_from": SHIPPED.fail_from,
        "wrong_fail_bound": 0.02,
    } == found["thresholds"]


def test_outcomes_are_held_against_answers(client: httpx.Client) -> None:
    """One answer of which a person said that it was right."""
    answer = client.post("/advise", json={"text": SLOW_DOWN}).json()
    body = {"summary": "It went away.", "verdict": "transient"}
    client.post(f"/incidents/{answer['incident_id']}/resolution", json=body).raise_for_status()
    found = checked(client.get("/calibration"), CalibrationAnswer)
    [filled] = [each for each in found["reliability"] if each["count"]]

    assert (1, 1, 1, 0.0) == (found["judged"], found["by_people"], found["answered"], found["wrong_fail"])
    assert (1, answer["confidence"], 1.0) == (filled["count"], filled["confidence"], filled["right"])
    assert round(1 - answer["confidence"], 4) == found["calibration_error"]


def test_unknown_parameters_are_refused(client: httpx.Client) -> None:
    """As everywhere."""
    refused = problem(client.get("/calibration", params={"since": "2026-01-01"}), 422)

    assert ["query.since"] == fields_of(refused)
