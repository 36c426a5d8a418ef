"""The embedding model: found, and its fast copy usable and in agreement with it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from api.checks.check import Check, fail, ok, warn
from api.settings import Settings
from knowledge.embedding import LocalEmbedder, TorchBackend, load_embedder
from knowledge.model_folder import ModelFolder, find_model
from knowledge.openvino_copy import AGREEMENT, PROBES

NAME = "model"


def model(settings: Settings) -> Check:
    """Load the model and compare its copy with it (blocking, takes seconds); makes no copy where there is none."""
    cache = settings.models
    try:
        folder = find_model(settings.model, cache=cache, taught=settings.model_adapter)
    except Exception as error:  # whatever a model's files may hold
        mend = "set SEENBEFORE_MODEL to a folder with a sentence-transformers model, or install the package anew"
        return fail(NAME, f"{settings.model}: {error}", mend=mend)
    if not settings.fast_embedding or not folder.plain:
        return ok(NAME, f"{folder.model_id}, on torch")
    if not has_copy(cache):
        return ok(NAME, f"{folder.model_id}; its OpenVINO copy is made at the first start")
    return _copy(settings, folder)


def has_copy(cache: Path) -> bool:
    """Whether an OpenVINO copy was made; looking at things makes none."""
    return any(cache.glob("openvino/*/model.xml"))


def _copy(settings: Settings, folder: ModelFolder) -> Check:
    mend = f"remove {settings.data / 'models' / 'openvino'} and restart the service: it makes the copy anew"
    with contextlib.redirect_stderr(io.StringIO()):  # the libraries' own progress bars
        embedder = load_embedder(settings.model, cache=settings.models, taught=settings.model_adapter)
        try:
            if embedder.backend == TorchBackend.name:
                return warn(NAME, f"{folder.model_id}: its OpenVINO copy cannot be used, torch is slower", mend=mend)
            least = _agreement(embedder, folder)
        finally:
            embedder.close()
    if least < AGREEMENT:
        return fail(NAME, f"{folder.model_id}: its OpenVINO copy agrees only to {least:.4f}", mend=mend)
    return ok(NAME, f"{folder.model_id}, on OpenVINO, agrees with torch to {least:.5f}")


def _agreement(embedder: LocalEmbedder, folder: ModelFolder) -> float:
    """The least cosine between the copy's vectors and the model's own."""
    return float((embedder.embed_now(PROBES) * TorchBackend(folder).encode(PROBES)).sum(axis=1).min())
