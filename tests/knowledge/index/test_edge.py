"""What is peculiar to the engine in this process: its folder, and the change-over to an optimized copy."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.errors import DataFolderInUse, IndexDamaged, IndexUnavailable
from knowledge.index import compaction, edge
from knowledge.index.edge import EdgeIndex
from tests.api.durability.process import wait_for
from tests.knowledge.index.test_contract import SIZE, ask, found, point

ENOUGH = 20


@pytest.fixture
async def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EdgeIndex]:
    """An open index with so many points that they are worth optimizing."""
    monkeypatch.setattr(edge, "GRAPH_FROM", ENOUGH)
    made = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await made.open()
    await made.upsert([point(seed=seed) for seed in range(ENOUGH)])
    yield made
    await made.close()


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child does all that it does, and says that something changed: a graph takes more points than a test has."""
    real = compaction.optimize_in_child

    async def optimize(generation: Path) -> bool:
        await real(generation)
        return True

    monkeypatch.setattr(compaction, "optimize_in_child", optimize)


def generations(index: EdgeIndex, folder: Path) -> list[str]:
    """Names of the generations on disk."""
    return sorted(path.name for path in (folder / index.collection).glob("gen-*"))


@pytest.mark.usefixtures("changed")
async def test_what_is_written_meanwhile_is_in_the_copy_too(index: EdgeIndex, tmp_path: Path) -> None:
    """Of the generations only the new one remains, and it outlives a reopening."""
    before = generations(index, tmp_path)
    optimizing = asyncio.create_task(index.optimize())
    await asyncio.to_thread(wait_for, lambda: len(generations(index, tmp_path)) == 2, limit_s=10)
    await index.upsert([late := point(seed=99)])
    done = await optimizing
    after = generations(index, tmp_path)
    await index.close()
    again = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await again.open()

    assert done
    assert (1, 1, set()) == (len(before), len(after), set(before) & set(after))
    assert late.id == (await found(again, ask(seed=99, terms=())))[0]
    assert ENOUGH + 1 == await again.count()

    await again.close()


@pytest.mark.usefixtures("changed")
async def test_optimizing_that_failed_is_tried_again(index: EdgeIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """And once it succeeded, there is nothing to do until there are many new points."""
    real = compaction.optimize_in_child

    async def fail(generation: Path) -> bool:
        raise IndexUnavailable

    monkeypatch.setattr(compaction, "optimize_in_child", fail)
    with pytest.raises(IndexUnavailable):
        await index.optimize()
    monkeypatch.setattr(compaction, "optimize_in_child", real)

    assert (True, False) == (await index.optimize(), await index.optimize())


@pytest.mark.usefixtures("changed")
async def test_change_over_that_is_cancelled_leaves_an_index_that_opens(
    index: EdgeIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancellation comes while the thread has just begun: the generation in use is never removed."""
    real, begun = EdgeIndex._change_over, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(self: EdgeIndex, generation: Path) -> None:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.2)
        real(self, generation)

    monkeypatch.setattr(EdgeIndex, "_change_over", slowly)
    optimizing = asyncio.create_task(index.optimize())
    await begun.wait()
    optimizing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await optimizing
    await index.upsert([late := point(seed=99)])
    left = generations(index, tmp_path)
    await index.close()
    again = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await again.open()

    assert [compaction.current_generation(tmp_path / "c").name] == left
    assert late.id == (await found(again, ask(seed=99, terms=())))[0]
    assert ENOUGH + 1 == await again.count()

    await again.close()


@pytest.mark.usefixtures("changed")
async def test_questions_during_a_change_over_are_answered(index: EdgeIndex) -> None:
    """Each finds what is there, on the old shard or on the new one."""
    optimizing = asyncio.create_task(index.optimize())
    counted = set()
    while not optimizing.done():
        counted |= {await index.count(), sum([1 async for _ in index.versions()])}
        assert 10 == len(await found(index, ask()))

    assert await optimizing
    assert {ENOUGH} == counted


async def test_questions_during_the_end_are_unavailable(index: EdgeIndex) -> None:
    """And nothing worse, whatever is asked."""
    closing = asyncio.create_task(index.close())
    results = await asyncio.gather(
        *(index.count() for _ in range(20)), found(index, ask()), closing, index.count(), return_exceptions=True
    )
    with pytest.raises(IndexUnavailable):
        await index.count()
    with pytest.raises(IndexUnavailable):
        await index.upsert([point()])
    with pytest.raises(IndexUnavailable):
        await index.neighbours(ask())

    assert set() == {type(each) for each in results if isinstance(each, BaseException)} - {IndexUnavailable}


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def spoil(folder: Path, *, file: str) -> None:
    """Make the engine unable to load what is there."""
    (path,) = (folder / "c").rglob(file)
    path.write_bytes(b"{")


@pytest.mark.parametrize("file", ["edge_config.json", "vector_storage-signature/vectors/status.dat"])
async def test_damaged_index_is_said_to_be_and_is_kept_aside(tmp_path: Path, file: str) -> None:
    """Whether the engine says so or panics. The next opening begins anew; of several damages the last is kept."""
    index = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    for _ in range(2):
        await index.open()
        await index.upsert([point()])
        await index.close()
        spoil(tmp_path, file=file)
        index = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
        with pytest.raises(IndexDamaged):
            await index.open()
        aside = await index.set_aside()
    await index.open()

    assert (True, 0) == (index.is_open, await index.count())
    assert str(tmp_path / "c.damaged") == aside
    assert {"c", "c.damaged", "lock"} == names(tmp_path)

    await index.close()


async def test_damaged_index_of_another_process_is_its_own_business(tmp_path: Path) -> None:
    """What another process has open is in use, whatever its files look like."""
    holder = EdgeIndex(tmp_path, collection="c", dimensions=SIZE)
    await holder.open()
    spoil(tmp_path, file="edge_config.json")
    with pytest.raises(DataFolderInUse):
        await EdgeIndex(tmp_path, collection="c", dimensions=SIZE).open()
    await holder.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an order that only Linux knows")
def test_child_ends_with_a_service_that_is_killed() -> None:
    """It is told by the system: the engine does not let it look."""
    work = "from knowledge.index import compaction; compaction._die_with_parent(); print(1, flush=True); input()"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {work!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        child = int(service.stdout.readline())
        service.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_generations_have_names_of_their_own(tmp_path: Path) -> None:
    """A child of a service that was killed writes into no folder that the next one makes."""
    names = {compaction.next_generation(tmp_path) for _ in range(100)}

    assert 100 == len(names)
    assert tmp_path / "gen-1" == compaction.current_generation(tmp_path)
