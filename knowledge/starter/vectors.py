"""Vectors of the starter precedents in a file beside the model: a store that is begun anew need not embed them again.

The file only saves time. Whatever is wrong with it or with its folder, the texts are embedded; what it holds is
believed only where all of it is as it was written, of this model.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from knowledge.embedding import Embedder, Vectors

#: Changes with the form of the file: that of another version is another file.
SUFFIX = ".starters-1.safetensors"
#: Length of the hash that stands for a text.
KEY_BYTES = 32
#: How much longer or shorter than 1 a vector may be, for it is rounded.
UNIT_WITHIN = 1e-3

log = logging.getLogger(__name__)


class VectorFile:
    """The file of one model's vectors in `folder`; several processes may read and write it."""

    def __init__(self, folder: Path, *, model_id: str, dimensions: int) -> None:
        self.path = folder / f"{model_id.replace('/', '--')}{SUFFIX}"
        self._model_id = model_id
        self._dimensions = dimensions

    def read(self) -> dict[bytes, Vectors]:
        """The vectors, shape (dimensions,), by `key_of` of their texts; none where there is any doubt of the file."""
        try:
            held = load(self.path.read_bytes()) if self.path.is_file() else {}
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            log.info("the kept vectors of the starter precedents cannot be read: %s", type(error).__name__)
            return {}
        if not held or not self._is_whole(held):
            return {}
        return {key.tobytes(): vector for key, vector in zip(held["texts"], held["vectors"], strict=True)}

    def write(self, vectors: Mapping[str, Vectors]) -> None:
        """Keep these, by their texts, instead of what is there; a folder that takes none is left as it is."""
        texts = np.array([list(key_of(text)) for text in vectors], dtype=np.uint8).reshape(-1, KEY_BYTES)
        rows = np.array(list(vectors.values()), dtype=np.float32).reshape(-1, self._dimensions)
        try:
            self._put(save({"texts": texts, "vectors": rows, "sum": self._sum(texts, rows)}))
        except OSError as error:
            log.info("the vectors of the starter precedents cannot be kept: %s", type(error).__name__)

    def _put(self, content: bytes) -> None:
        """All of it or nothing: a reader never meets a half, and the copy of a full disk is removed."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.path.parent, suffix=".draft", delete=False) as draft:
            try:
                draft.write(content)
                draft.close()
                Path(draft.name).replace(self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(draft.name).unlink(missing_ok=True)
                raise

    def _is_whole(self, held: Mapping[str, npt.NDArray[Any]]) -> bool:
        """What was written, by this model, and vectors of unit length; where one is not finite, that is no length."""
        if held.keys() != {"texts", "vectors", "sum"}:
            return False
        texts, vectors = held["texts"], held["vectors"]
        if texts.dtype != np.uint8 or vectors.dtype != np.float32:
            return False
        if texts.shape[1:] != (KEY_BYTES,) or vectors.shape != (len(texts), self._dimensions):
            return False
        unit = np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < UNIT_WITHIN
        return bool(unit.all()) and np.array_equal(held["sum"], self._sum(texts, vectors))

    def _sum(self, texts: npt.NDArray[Any], vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
        digest = hashlib.sha256(self._model_id.encode() + b"\0" + texts.tobytes() + vectors.tobytes()).digest()
        return np.frombuffer(digest, dtype=np.uint8)


class Lending:
    """An `Embedder` that takes the vectors which a file has from there; `computed` counts those that it had not."""

    def __init__(self, embedder: Embedder, *, file: VectorFile) -> None:
        self._embedder = embedder
        self._file = file
        self._known: dict[bytes, Vectors] | None = None
        self.computed = 0

    @property
    def model_id(self) -> str:
        """The embedder's."""
        return self._embedder.model_id

    @property
    def dimensions(self) -> int:
        """The embedder's."""
        return self._embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (texts, dimensions), in their order."""
        if self._known is None:  # read when it is needed: most starts embed nothing
            self._known = await asyncio.to_thread(self._file.read)
        found = {text: self._known[key] for text in texts if (key := key_of(text)) in self._known}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found.update(zip(missing, await self._embedder.embed(missing), strict=True))
            self.computed += len(missing)
        return np.array([found[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dimensions)

    def begin(self, text: str) -> asyncio.Future[Vectors]:
        """The embedder's: a single text is computed sooner than the file is read."""
        return self._embedder.begin(text)


def key_of(text: str) -> bytes:
    """What stands for a text in the file: its hash."""
    return hashlib.sha256(text.encode()).digest()
