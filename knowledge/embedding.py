"""Text to vector: any sentence-transformers model, with an OpenVINO copy of it as the fast path on CPUs.

The copy is made once and cached beside the data. It is trusted only after its vectors were compared with those of
the model itself, and it needs neither torch nor sentence-transformers at run time (they take seconds to import).
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from knowledge.adapter import merge
from knowledge.errors import ModelUnavailable
from knowledge.model_folder import DEFAULT_MODEL, ModelFolder, find_model

#: Rows of unit length, float32, shape (texts, dimensions).
Vectors = npt.NDArray[np.float32]

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


def load_embedder(model: str = DEFAULT_MODEL, *, cache: Path, fast: bool = True, taught: bool = True) -> LocalEmbedder:
    """Load a model by folder or name; `fast` allows the OpenVINO copy, made on first use under `cache`; `taught` the
    shipped adapter of the packaged model.

    Raises `ModelUnavailable` when the model can be neither found nor fetched.
    """
    folder = find_model(model, cache=cache, taught=taught)
    if fast and folder.plain:
        try:
            return LocalEmbedder(folder, backend=_load_openvino(folder, cache=cache))
        except Exception:
            log.warning("the OpenVINO copy of %s cannot be used; torch answers instead", folder.name, exc_info=True)
    return LocalEmbedder(folder, backend=TorchBackend(folder))


class TorchBackend:
    """sentence-transformers on torch: the reference, and the way for models that the fast path does not know."""

    name = "torch"

    def __init__(self, folder: ModelFolder) -> None:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds to import

        try:
            self._model = SentenceTransformer(str(folder.path), device="cpu")
            if folder.adapter is not None:
                merge(self.transformer, folder.adapter)
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
    adapter = [str(folder.adapter.path)] if folder.adapter else []
    command = [sys.executable, "-m", "knowledge.openvino_copy", folder.name, str(folder.path), str(target), *adapter]
    # Its own session: Ctrl-C does not break it off; the few seconds that it takes are not lost for the next start.
    made = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True
    )
    if made.returncode != 0:
        raise ModelUnavailable(f"The OpenVINO copy cannot be made: {made.stderr.strip()[-500:]}")
