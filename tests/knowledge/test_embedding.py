"""Text to vector: the fast copy agrees with the model, and the model answers where there is no copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from knowledge import embedding
from knowledge.embedding import LocalEmbedder, TorchBackend, load_embedder
from knowledge.errors import ModelUnavailable
from knowledge.model_folder import DEFAULT_MODEL, ModelFolder, find_model

TEXTS = (
    "ClientError SlowDown PutObject Please reduce your request rate.",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate <size>",
    "ошибка: соединение разорвано",
    "数据库不可用",
    "x",
    "",
    "0x7f 💥 \u202e",
    "Caused by: java.net.SocketTimeoutException: Read timed out " * 60,
)
LEAST_AGREEMENT = 0.999


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """Where the model that ships is."""
    return find_model(DEFAULT_MODEL, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def reference(packaged: ModelFolder) -> TorchBackend:
    """sentence-transformers on torch."""
    return TorchBackend(packaged)


@pytest.fixture
def copied(packaged: ModelFolder, tmp_path: Path) -> Path:
    """A folder of the user's own with the same model; its weights are linked."""
    folder = tmp_path / "own-model"
    shutil.copytree(packaged.path, folder, copy_function=lambda source, target: Path(target).symlink_to(source))
    return folder


def test_copy_agrees_with_the_model(embedder: LocalEmbedder, reference: TorchBackend) -> None:
    """To 0.999, whatever the text, alone and in a batch; rows are of unit length."""
    fast, alone, slow = (
        embedder.embed_now(TEXTS),
        [embedder.embed_now([each])[0] for each in TEXTS],
        reference.encode(TEXTS),
    )

    assert "openvino" == embedder.backend
    assert (len(TEXTS), embedder.dimensions) == fast.shape == slow.shape
    assert np.dtype(np.float32) == fast.dtype
    assert (fast * slow).sum(axis=1).min() > LEAST_AGREEMENT
    assert (np.stack(alone) * slow).sum(axis=1).min() > LEAST_AGREEMENT
    assert np.allclose(np.linalg.norm(fast, axis=1), 1.0, atol=1e-3)


def test_more_texts_than_a_batch_keep_their_order(embedder: LocalEmbedder) -> None:
    """Though they are sorted by length on the way."""
    texts = [f"shard {number} " * (number % 7 + 1) for number in range(embedding.BATCH * 2 + 3)]
    vectors = embedder.embed_now(texts)

    assert all(vectors[at] @ embedder.embed_now([texts[at]])[0] > LEAST_AGREEMENT for at in (0, 31, 32, 66))


async def test_nothing_to_embed(embedder: LocalEmbedder) -> None:
    """No rows, of the right width."""
    assert (0, embedder.dimensions) == (await embedder.embed([])).shape


def test_broken_copy_falls_back_to_the_model(
    packaged: ModelFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning; the answers stay right."""
    target = tmp_path / "openvino" / packaged.model_id
    target.mkdir(parents=True)
    (target / "model.xml").write_text("<broken")
    loaded = load_embedder(DEFAULT_MODEL, cache=tmp_path)

    assert "torch" == loaded.backend
    assert "torch answers instead" in caplog.text
    assert (384,) == loaded.embed_now(["boom"])[0].shape
    loaded.close()


def test_copy_that_does_not_agree_is_not_used(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A conversion that fails, too, leaves no half copy behind."""
    monkeypatch.setattr(embedding.sys, "executable", "/no/such/python")
    loaded = load_embedder(str(copied), cache=tmp_path / "cache")

    assert "torch" == loaded.backend
    assert not list((tmp_path / "cache").rglob("model.xml"))
    loaded.close()


def test_fast_path_can_be_turned_off(tmp_path: Path) -> None:
    """Then the model itself answers, and no copy is made."""
    loaded = load_embedder(DEFAULT_MODEL, cache=tmp_path, fast=False)

    assert ("torch", []) == (loaded.backend, list(tmp_path.iterdir()))
    loaded.close()


def test_model_id_changes_with_the_weights(copied: Path, packaged: ModelFolder, tmp_path: Path) -> None:
    """The same weights are the same model, whatever the folder; a changed byte in them makes another."""
    same = find_model(str(copied), cache=tmp_path)
    before = same.model_id
    weights = copied / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[len(changed) // 2] ^= 1
    weights.unlink()
    weights.write_bytes(changed)

    plain = find_model(DEFAULT_MODEL, cache=tmp_path, taught=False)

    assert plain.model_id.partition("@")[2] == before.partition("@")[2]
    assert ("own-model", True) == (before.partition("@")[0], before != find_model(str(copied), cache=tmp_path).model_id)
    assert (packaged.dimensions, packaged.max_tokens, True) == (same.dimensions, same.max_tokens, same.plain)


def test_name_that_nobody_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said so, without waiting for a network that is not there."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ModelUnavailable, match="neither a folder nor can it be fetched"):
        load_embedder("nobody/no-such-model", cache=tmp_path)


@pytest.mark.parametrize("spoilt", ["modules.json", "config.json"])
def test_folder_without_a_model(copied: Path, tmp_path: Path, spoilt: str) -> None:
    """What is missing is said."""
    (copied / spoilt).unlink()

    with pytest.raises(ModelUnavailable, match="holds no sentence-transformers model"):
        find_model(str(copied), cache=tmp_path)


def test_folder_without_weights(copied: Path, tmp_path: Path) -> None:
    """The same."""
    for weights in (*copied.glob("*.safetensors"), *copied.glob("*.bin")):
        weights.unlink()

    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load_embedder(str(copied), cache=tmp_path)
