"""What the packaged model was taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from knowledge import model_folder
from knowledge.adapter import DOWN, UP, Adapter, merge, read_adapter
from knowledge.embedding import LocalEmbedder, load_embedder
from knowledge.model_folder import DEFAULT_MODEL, content_hash, find_model

RATE_LIMIT = "ThrottlingException: Rate exceeded when calling the PutRecords operation"
SAME_MEANING = "google.api_core.exceptions.ResourceExhausted: 429 Quota exceeded for requests per minute"


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    """A change of one weight by an outer product."""
    path = tmp_path / "adapter.safetensors"
    tensors = {"weight" + DOWN: np.array([[1.0, 2.0, 3.0]]), "weight" + UP: np.array([[1.0], [10.0]])}
    halves = {name: value.astype(np.float16) for name, value in tensors.items()}
    save_file(halves, path, metadata={"base": "0" * 12, "scale": "0.5"})
    found = read_adapter(path)
    assert found is not None
    return found


def test_weights_change_by_the_product_of_both_factors(adapter: Adapter) -> None:
    """Times the scale."""
    import torch

    layer = torch.nn.Linear(3, 2, bias=False)
    torch.nn.init.zeros_(layer.weight)
    merge(layer, adapter)

    assert [[0.5, 1.0, 1.5], [5.0, 10.0, 15.0]] == layer.weight.tolist()


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    """And the model works as it is."""
    assert read_adapter(tmp_path / "nothing") is None


def test_shipped_adapter_fits_the_packaged_model(tmp_path: Path) -> None:
    """It says which weights it was trained on; the model's id tells the taught from the plain one."""
    taught, plain = (find_model(DEFAULT_MODEL, cache=tmp_path, taught=each) for each in (True, False))

    assert taught.adapter is not None and taught.adapter.base == content_hash(plain.path)
    assert f"{plain.model_id}+{taught.adapter.id}" == taught.model_id


def test_adapter_of_another_model_is_not_used(
    tmp_path: Path, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its changes would be noise there."""
    monkeypatch.setattr(model_folder, "read_adapter", lambda: adapter)

    assert find_model(DEFAULT_MODEL, cache=tmp_path).adapter is None


def test_taught_model_knows_failures_of_one_kind(embedder: LocalEmbedder, models: Path) -> None:
    """Two services that limit the rate have no word in common."""
    plain = load_embedder(DEFAULT_MODEL, cache=models, taught=False)
    before, after = (float(np.dot(*each.embed_now([RATE_LIMIT, SAME_MEANING]))) for each in (plain, embedder))
    plain.close()

    assert after > before + 0.1
