"""Answers about calibration, as the OpenAPI document shows them."""

from __future__ import annotations

from pydantic import Field

from api.models import Answer


class ReliabilityBin(Answer):
    """Answers of about the same confidence, and how many of them were right."""

    from_confidence: float = Field(description="Least confidence of the bin.")
    to_confidence: float = Field(description="Confidence where the next bin begins; 1 belongs to the last.")
    count: int = Field(description="Answers in the bin of which the truth is known.")
    confidence: float | None = Field(description="Their mean confidence; null without any.")
    right: float | None = Field(
        description="The share of them that was right; null without any. Outcomes of retries enter through their "
        "error: a pass is evidence and not truth."
    )


class ThresholdsAnswer(Answer):
    """What is in force for the workspace."""

    answer_from: float = Field(description="Least confidence that is answered; below it the verdict is `unknown`.")
    fail_from: float | None = Field(
        description="Least confidence in `genuine` at which the decision is `fail`; null: never, because nothing shows "
        "that the bound would be kept."
    )
    wrong_fail_bound: float | None = Field(
        description="Largest share of transient failures that may be told `fail` (`SEENBEFORE_WRONG_FAIL_BOUND`); null "
        "where `SEENBEFORE_FAIL_CONFIDENCE` sets the threshold."
    )


class CalibrationAnswer(Answer):
    """How far confidence means what it says, measured on the workspace's own advice.

    The truth of an advice is a person's word about its incident, or else how its retries ended. Incidents of storms do
    not count, and at most the latest 2,000 do. Figures are of answers as they were given.
    """

    judged: int = Field(description="Advice of which the truth is known.")
    by_people: int = Field(description="Of those, how many by a person's word; the others by outcomes.")
    answered: int = Field(description="Of those, how many had a verdict; the figures below are of them.")
    reliability: list[ReliabilityBin] = Field(description="Ten bins of confidence in the verdict.")
    brier: float | None = Field(description="Mean of (confidence - right)², 0 is best; null where nothing is known.")
    calibration_error: float | None = Field(
        description="Expected calibration error: |right - confidence| over the bins, weighted by their counts; null "
        "where nothing is known."
    )
    wrong_fail: float | None = Field(
        description="The share of transient failures that were told `fail`; null where none is known."
    )
    fitted: bool = Field(
        description="Whether the workspace has a calibration of its own: from 50 judged on, those of each verdict "
        "about 10 precedents; of one precedent the latest 5 count. It is fitted again at most every 10 minutes."
    )
    fitted_on: int | None = Field(description="How many it was fitted on; null where the shipped one is in force.")
    slope: float = Field(description="What log odds of transient are multiplied by; 1 as shipped.")
    intercept: float = Field(description="What is then added; 0 as shipped.")
    thresholds: ThresholdsAnswer
