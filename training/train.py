"""Teach the packaged model about failures: `python -m training.train [--data FOLDER]`, or `make train`.

A low-rank adapter is trained contrastively: two texts of the same failure are to lie nearer to each other than to any
other text of the batch, and than to a look-alike with the other verdict (multiple negatives ranking: Henderson et al.,
"Efficient natural language response suggestion", 2017). Seeded; some ten minutes on two quiet cores. The result is one
megabyte, written where the service looks for it; without the public messages of `--data` to the current folder instead.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from knowledge.adapter import DOWN, SHIPPED, UP
from knowledge.model_folder import DEFAULT_MODEL, content_hash, find_model
from knowledge.starter.catalogue import read_catalogue
from training.pairs import Texts, examples, gather, look_alikes

SEED = 7
RANK, ALPHA = 16, 32
#: All but the first layer, which is about characters and words rather than about failures.
LAYERS = r".*encoder\.layer\.[1-5]\..*(query|key|value|dense)"
BATCH = 48
#: Once through everything: more rounds fit the wordings better and unseen failures no better.
ROUNDS = 1.0
LEARNING_RATE = 1e-3
#: Tokens while training: 99 of 100 wordings fit.
WINDOW = 80


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    # Taught by the starter precedents alone it is a weaker one, and does not take the place of what ships.
    target: Path = given.out or (SHIPPED if given.data else Path(SHIPPED.name))
    random.seed(given.seed)
    torch.manual_seed(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = find_model(DEFAULT_MODEL, cache=Path(scratch), taught=False)
        model = SentenceTransformer(str(folder.path), device="cpu")
        model.max_seq_length = WINDOW
        texts = gather(read_catalogue(), data=given.data)
        rows = examples(texts, look_alikes(texts, _vectors(model, texts)), seed=given.seed)
        _train(model, rows, seed=given.seed, scratch=Path(scratch))
    about = {
        "base": content_hash(folder.path),
        "scale": str(ALPHA / RANK),
        "texts": hashlib.sha256("\n".join(texts.texts).encode()).hexdigest()[:16],
        "public": str(given.data is not None),
        "seed": str(given.seed),
    }
    _save(model, about=about, target=target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, from {len(rows)} pairs of {len(texts.texts)} texts")


def _vectors(model: SentenceTransformer, texts: Texts) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    made = model.encode(list(texts.texts), batch_size=64, normalize_embeddings=True, show_progress_bar=True)
    return np.asarray(made, dtype=np.float32)


def _in_order(dataset: Dataset, batch_size: int, drop_last: bool, **_: object) -> Any:
    """Batches as the rows stand: they were dealt out so."""
    one_by_one = torch.utils.data.SequentialSampler(dataset)
    return torch.utils.data.BatchSampler(one_by_one, batch_size=batch_size, drop_last=drop_last)


def _train(model: SentenceTransformer, rows: list[dict[str, str]], *, seed: int, scratch: Path) -> None:
    model.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=LAYERS, bias="none"))
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=ROUNDS,
        per_device_train_batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        warmup_steps=0.1,
        bf16=True,
        use_cpu=True,
        seed=seed,
        save_strategy="no",
        report_to="none",
        logging_steps=10,
        batch_sampler=_in_order,
    )
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_list(rows), loss=MultipleNegativesRankingLoss(model)
    )
    trainer.train()


def _save(model: SentenceTransformer, *, about: dict[str, str], target: Path) -> None:
    """The two factors of each changed weight, as half-precision numbers."""
    found = get_peft_model_state_dict(model[0].auto_model)
    tensors = {
        name.removeprefix("base_model.model.").replace(old, ".weight" + new): value.half().contiguous()
        for name, value in found.items()
        for old, new in ((".lora_A.weight", DOWN), (".lora_B.weight", UP))
        if name.endswith(old)
    }
    save_file(tensors, target, metadata=about)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with public messages in groups (see training/pairs.py)")
    parser.add_argument("--out", type=Path, help="file to write; with --data the shipped one, else here")
    parser.add_argument("--seed", type=int, default=SEED)
    return parser


if __name__ == "__main__":
    main()
