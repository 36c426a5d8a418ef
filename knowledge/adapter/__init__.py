"""What the packaged model was taught about failures: low-rank changes of its weights, a megabyte beside its ninety.

LoRA: Hu et al., "Low-rank adaptation of large language models", 2021. `make train` makes the file; without it, or with
another model, the model works as it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

SHIPPED = Path(__file__).with_name("failures.safetensors")
#: Names of the two factors of a change: its weight is `scale * B @ A`.
DOWN, UP = ".A", ".B"


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter on disk. `base` is the content hash of the model that it changes, `id` its own."""

    path: Path
    base: str
    scale: float
    id: str


def read_adapter(path: Path = SHIPPED) -> Adapter | None:
    """What the file says of itself; None when there is none."""
    if not path.exists():
        return None
    with safe_open(path, framework="numpy") as file:
        about = file.metadata()
    id = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return Adapter(path=path, base=about["base"], scale=float(about["scale"]), id=id)


def merge(transformer: Any, adapter: Adapter) -> None:
    """Change the weights of a torch module in place; afterwards it costs what it cost before."""
    parameters = dict(transformer.named_parameters())
    with safe_open(adapter.path, framework="pt") as file:
        for down in (name for name in file.keys() if name.endswith(DOWN)):  # noqa: SIM118 - no mapping
            weight = down.removesuffix(DOWN)
            change = file.get_tensor(weight + UP).float() @ file.get_tensor(down).float()
            parameters[weight].data += adapter.scale * change
