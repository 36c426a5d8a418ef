"""How good the advice is, on a corpus: `python -m benchmarks.quality CORPUS`.

The real service answers: its own PostgreSQL, Qdrant engine and model in a temporary folder, each memory of the protocol
a workspace of its own. In the same run: MiniLM and BM25 on the raw text, and the rank fusion of both. Without starter
precedents those know only the rows; with nothing else to know (cold) they are given the starter precedents' wordings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from api.composition import Parts, build
from api.settings import load_settings
from benchmarks.baselines import Baseline, Fused, RawBm25, RawMiniLm, RawVectors, baseline_answer
from benchmarks.protocol import FOLDS, SEED, Kind, Row, Task, corpus_or_exit, plan
from benchmarks.quiet import quiet
from benchmarks.scoring import Answer, Scores, Shown, score
from benchmarks.table import EXPLANATION, scores_table, wide_console
from knowledge.embedding import load_embedder
from knowledge.failures import DecisionAction, Verdict
from knowledge.service import KnowledgeService
from knowledge.starter.catalogue import Catalogue, read_catalogue

SERVICE = "Seen Before"
MINILM, BM25, FUSED = "MiniLM, raw text", "BM25, raw text", "rank fusion of both"

Found = dict[Kind, dict[str, Scores]]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parser().parse_args(arguments)
    quiet()
    console = Console(stderr=True) if given.json else wide_console()
    rows = corpus_or_exit(given.corpus, command="benchmarks.quality")
    kinds = [Kind(given.only)] if given.only else list(Kind)
    tasks = {kind: plan(rows, kind=kind, folds=given.folds, seed=given.seed) for kind in kinds}
    found = asyncio.run(measure(tasks, console=console))
    if given.json:
        print(json.dumps({kind: {name: asdict(each) for name, each in by.items()} for kind, by in found.items()}))
        return
    for kind, by_method in found.items():
        asked = by_method[SERVICE].rows
        title = f"{kind}: {asked} of {len(rows)} rows asked, {given.folds} folds, seed {given.seed}"
        console.print(scores_table(title, by_method, kind=kind))
    console.print(EXPLANATION)


async def measure(tasks: Mapping[Kind, Sequence[Task]], *, console: Console) -> Found:
    """Scores by kind and method, over all tasks of a kind together."""
    with tempfile.TemporaryDirectory(prefix="seenbefore-quality-") as folder:
        async with build(load_settings(data=Path(folder), port=0), say=console.log) as parts:
            everything = [task for of_kind in tasks.values() for task in of_kind]
            with Progress(console=console, transient=True) as progress:
                await remember(parts, everything, progress=progress)
                plain = RawVectors(load_embedder(cache=Path(folder) / "models", taught=False))
                answered = {
                    kind: await _answers(parts, of_kind, plain=plain, progress=progress)
                    for kind, of_kind in tasks.items()
                }
    return {kind: {method: score(answers) for method, answers in by.items()} for kind, by in answered.items()}


async def remember(parts: Parts, tasks: Sequence[Task], *, progress: Progress) -> None:
    """Record each task's memory in its workspace and bring the index up to date."""
    for task in progress.track(tasks, description="recording"):
        if task.memory:
            await parts.service.record_many(task.name, [row.told() for row in task.memory])
    line = progress.add_task("indexing", total=None)
    await parts.indexer.drain(progress=lambda done: progress.advance(line, done))
    progress.remove_task(line)


async def _answers(
    parts: Parts, tasks: Sequence[Task], *, plain: RawVectors, progress: Progress
) -> dict[str, list[Answer]]:
    catalogue = read_catalogue()
    found: dict[str, list[Answer]] = {SERVICE: [], MINILM: [], BM25: [], FUSED: []}
    for task in progress.track(tasks, description=f"asking, {tasks[0].kind}"):
        found[SERVICE] += [await ask(parts.service, task, row) for row in task.queries]
        texts, remembered = _raw_memory(task, catalogue)
        baselines = await asyncio.to_thread(_baselines, texts, plain)
        for name, baseline in baselines.items():
            found[name] += [baseline_answer(row, baseline=baseline, remembered=remembered) for row in task.queries]
    return found


async def ask(service: KnowledgeService, task: Task, row: Row) -> Answer:
    """One row asked of the service, recording nothing."""
    document = await service.advise(task.name, row.asked(), dry_run=True)
    groups = {each.id: each.group for each in task.memory}
    return Answer(
        row=row,
        shown=tuple(_shown(entry, groups) for entry in document["evidence"]),
        verdict=Verdict(document["verdict"]),
        confidence=float(document["confidence"]),
        decision=DecisionAction(document["decision"]["action"]),
    )


def _shown(entry: dict[str, Any], groups: Mapping[str, str]) -> Shown:
    identifier = entry["external_id"]
    return Shown(group=groups[identifier] if identifier else None, verdict=Verdict(entry["verdict"]))


def _raw_memory(task: Task, catalogue: Catalogue) -> tuple[list[str], list[Shown]]:
    if task.memory:
        return [row.text for row in task.memory], [Shown(row.group, row.label) for row in task.memory]
    pairs = [(wording, Shown(None, each.verdict)) for each in catalogue.precedents for wording in each.wordings]
    return [text for text, _ in pairs], [shown for _, shown in pairs]


def _baselines(texts: Sequence[str], vectors: RawVectors) -> dict[str, Baseline]:
    minilm, bm25 = RawMiniLm(texts, vectors=vectors), RawBm25(texts)
    return {MINILM: minilm, BM25: bm25, FUSED: Fused((minilm, bm25))}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("corpus", type=Path, help="JSON lines with the fields named in benchmarks/protocol.py")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=[kind.value for kind in Kind], help="one of the three tables")
    parser.add_argument("--json", action="store_true", help="the figures for programs")
    return parser


if __name__ == "__main__":
    main()
