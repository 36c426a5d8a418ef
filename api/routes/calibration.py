"""Calibration: whether confidence means what it says."""

from __future__ import annotations

from fastapi import APIRouter

from api.context import JsonAnswer, Service, Workspace, problems
from api.models_calibration import CalibrationAnswer

router = APIRouter(tags=["calibration"])


@router.get("/calibration", response_model=CalibrationAnswer, responses=problems())
async def read(service: Service, workspace: Workspace) -> JsonAnswer:
    """How answers fared by their confidence, and the thresholds in force."""
    return JsonAnswer(await service.calibration(workspace))
