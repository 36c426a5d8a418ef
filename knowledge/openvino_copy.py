"""Make the OpenVINO copy of a model: `python -m knowledge.openvino_copy NAME FOLDER TARGET [ADAPTER]`.

A process of its own, because it needs torch, which the service does not.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from knowledge.adapter import read_adapter
from knowledge.embedding import OpenVinoBackend, TorchBackend
from knowledge.errors import ModelUnavailable
from knowledge.model_folder import ModelFolder, describe

#: The least cosine between a vector of the copy and one of the model for the copy to be trusted.
AGREEMENT = 0.999
#: Texts that the copy is compared on: short, long, with codes, and not in English.
PROBES = (
    "ClientError SlowDown PutObject Please reduce your request rate.",
    "RuntimeError: CUDA error: uncorrectable ECC error encountered",
    "psycopg.errors.SerializationFailure: could not serialize access due to concurrent update " * 12,
    "连接超时",
)


def make_copy(folder: ModelFolder, *, target: Path) -> None:
    """Convert, compare, and only then put the copy in its place (a rename, so a killed start leaves no half copy)."""
    import openvino  # noqa: PLC0415 - heavy, as is torch

    reference = TorchBackend(folder)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".draft", dir=target.parent))
    try:
        openvino.save_model(_convert(reference), str(draft / "model.xml"), compress_to_fp16=True)
        copied = OpenVinoBackend(folder, compiled=draft / "model.xml").encode(PROBES)
        worst = float((copied * reference.encode(PROBES)).sum(axis=1).min())
        if worst < AGREEMENT:
            raise ModelUnavailable(f"the copy agrees with the model only to {worst:.4f}")
        with contextlib.suppress(OSError):  # another process was faster: its copy is as good
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _convert(reference: TorchBackend) -> Any:
    import openvino  # noqa: PLC0415
    import torch  # noqa: PLC0415

    names = ("input_ids", "attention_mask", "token_type_ids")
    example = {name: torch.ones((2, 8), dtype=torch.int64) for name in names}
    # Tracing warns of branches that it takes as constants; whether that was right is what the comparison tells.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return openvino.convert_model(reference.transformer, example_input=example)


def main(name: str, path: str, target: str, adapter: str | None = None) -> None:
    """The command."""
    taught = read_adapter(Path(adapter)) if adapter else None
    make_copy(replace(describe(name, Path(path)), adapter=taught), target=Path(target))


if __name__ == "__main__":
    main(*sys.argv[1:])
