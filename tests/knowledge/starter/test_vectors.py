"""The file of the starter precedents' vectors: it lends what it holds, and whatever is wrong with it harms nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from knowledge.embedding import LocalEmbedder, Vectors
from knowledge.failures import Failure, Resolution
from knowledge.starter.catalogue import read_catalogue
from knowledge.starter.loading import load_starter
from knowledge.starter.vectors import Lending, VectorFile, key_of
from knowledge.store.database import Database
from tests.knowledge.conftest import World

VECTORS = {
    "SlowDown": np.array([0.6, 0.8, 0.0], dtype=np.float32),
    "连接超时": np.array([0.0, 0.0, 1.0], dtype=np.float32),
}


def file_in(folder: Path, *, model_id: str = "org/model@1", dimensions: int = 3) -> VectorFile:
    """The file of a model of three dimensions."""
    return VectorFile(folder, model_id=model_id, dimensions=dimensions)


@pytest.fixture
def written(tmp_path: Path) -> VectorFile:
    """A file with two vectors."""
    file = file_in(tmp_path / "models")
    file.write(VECTORS)
    return file


def test_what_was_written_is_read(written: VectorFile) -> None:
    """To the last bit; nothing but the file is left, and nobody else may read it."""
    found = file_in(written.path.parent).read()

    assert {key_of(text): vector.tolist() for text, vector in VECTORS.items()} == {
        key: vector.tolist() for key, vector in found.items()
    }
    assert [written.path] == list(written.path.parent.iterdir())
    assert 0o600 == written.path.stat().st_mode & 0o777


def flipped(name: str) -> Callable[[Path], None]:
    """One bit of that part of the file is another."""

    def damage(path: Path) -> None:
        held = {each: values.copy() for each, values in load(path.read_bytes()).items()}
        held[name].view(np.uint8).flat[0] ^= 1
        path.write_bytes(save(held))

    return damage


def halved(path: Path) -> None:
    """The disk was full, and the writer did not see it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_sum(path: Path) -> None:
    """Somebody else's file."""
    path.write_bytes(save({name: each for name, each in load(path.read_bytes()).items() if name != "sum"}))


def of_another_type(path: Path) -> None:
    """The same numbers in more bytes."""
    held = load(path.read_bytes())
    path.write_bytes(save(held | {"vectors": held["vectors"].astype(np.float64)}))


def emptied(path: Path) -> None:
    """Nothing in it."""
    path.write_bytes(b"")


def a_pickle(path: Path) -> None:
    """What would run if it were believed."""
    path.write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")


def a_folder(path: Path) -> None:
    """No file at all."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(flipped("texts"), id="another text"),
        pytest.param(flipped("vectors"), id="another vector"),
        pytest.param(flipped("sum"), id="another sum"),
        halved,
        without_sum,
        of_another_type,
        emptied,
        a_pickle,
        a_folder,
    ],
)
def test_what_is_damaged_is_not_believed(written: VectorFile, damage: Callable[[Path], None]) -> None:
    """None of it."""
    damage(written.path)

    assert {} == written.read()


def test_another_models_file_is_not_believed(written: VectorFile) -> None:
    """Neither one of other dimensions, nor one that was given this model's name."""
    other = file_in(written.path.parent, model_id="org/model@2")

    assert {} == file_in(written.path.parent, dimensions=2).read()
    assert {} == other.read()
    written.path.rename(other.path)
    assert {} == other.read()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, 7.0])
def test_what_is_no_direction_is_not_believed(tmp_path: Path, wrong: float) -> None:
    """Although it is what was written."""
    file = file_in(tmp_path)
    file.write(VECTORS | {"torn": np.array([wrong, 0.0, 0.0], dtype=np.float32)})

    assert {} == file.read()


def test_a_folder_that_takes_nothing_is_left_as_it_is(tmp_path: Path, written: VectorFile) -> None:
    """No error, and no half of a file."""
    (tmp_path / "a file").write_text("")
    file_in(tmp_path / "a file").write(VECTORS)
    a_folder(written.path)
    (written.path / "in the way").touch()
    written.write(VECTORS)

    assert [written.path] == list(written.path.parent.iterdir())
    assert [written.path / "in the way"] == list(written.path.iterdir())


async def test_what_is_known_is_lent_and_the_rest_embedded(tmp_path: Path, embedder: LocalEmbedder) -> None:
    """In the order of the texts, those that come twice included."""
    file = file_in(tmp_path, model_id=embedder.model_id, dimensions=embedder.dimensions)
    lent = np.eye(1, embedder.dimensions, dtype=np.float32)[0]
    file.write({"SlowDown": lent})
    lending = Lending(embedder, file=file)
    found = await lending.embed(["PearError", "SlowDown", "PearError"])
    (computed,) = embedder.embed_now(["PearError"])

    assert [computed.tolist(), lent.tolist(), computed.tolist()] == found.tolist()
    assert 1 == lending.computed
    assert (0, embedder.dimensions) == (await lending.embed([])).shape


@pytest.fixture
def asked(embedder: LocalEmbedder, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the model embeds from now on."""
    texts, embed = list[str](), embedder.embed_now

    def noting(those: Sequence[str]) -> Vectors:
        texts.extend(those)
        return embed(those)

    monkeypatch.setattr(embedder, "embed_now", noting)
    return texts


async def vectors_of(database: Database) -> dict[str, bytes]:
    """All of a store's vectors, by text."""
    async with database.connection() as connection:
        rows = await connection.execute(
            "SELECT embedding_text, embedding FROM signatures UNION ALL"
            " SELECT resolution_summary, resolution_embedding FROM precedents"
        )
        return dict(await rows.fetchall())


async def forget_vectors(database: Database) -> None:
    """As in a store that is begun anew."""
    async with database.connection() as connection:
        await connection.execute("UPDATE signatures SET embedding = NULL, model_id = NULL")
        await connection.execute("UPDATE precedents SET resolution_embedding = NULL, resolution_model_id = NULL")


async def test_a_store_without_vectors_takes_them_from_the_file(world: World, tmp_path: Path, asked: list[str]) -> None:
    """Without asking the model but for what users have told, which is not in the file."""
    await world.service.record("team", Failure(text="PearError: it is torn", resolution=Resolution("glue it")))
    await world.indexer.drain()
    before = await vectors_of(world.database)
    asked.clear()
    await forget_vectors(world.database)
    await load_starter(
        world.database, read_catalogue(tmp_path / "documented"), embedder=world.embedder, vectors=tmp_path
    )
    file = VectorFile(tmp_path, model_id=world.embedder.model_id, dimensions=world.embedder.dimensions)

    assert before == await vectors_of(world.database)
    assert {"glue it"} < set(asked)
    assert {key_of(text) for text in before.keys() - asked} == file.read().keys()
    assert 6 == len(before.keys() - asked)


@pytest.mark.parametrize("damage", [Path.unlink, halved])
async def test_a_file_that_is_lost_is_written_again(
    world: World, tmp_path: Path, asked: list[str], damage: Callable[[Path], None]
) -> None:
    """From the store, which has the vectors."""
    file = VectorFile(tmp_path, model_id=world.embedder.model_id, dimensions=world.embedder.dimensions)
    before = file.read().keys()
    damage(file.path)
    await load_starter(
        world.database, read_catalogue(tmp_path / "documented"), embedder=world.embedder, vectors=tmp_path
    )

    assert [] == asked
    assert 6 == len(before)
    assert before == file.read().keys()
