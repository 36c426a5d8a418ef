"""The documented failures that ship, and what is refused in data files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from knowledge.embedding import LocalEmbedder
from knowledge.errors import StarterDataError
from knowledge.failures import Action, Cause, Failure, Verdict
from knowledge.signature import sign
from knowledge.signature.scrub import scrub
from knowledge.starter.catalogue import Catalogue, StarterPrecedent, read_catalogue
from knowledge.starter.loading import load_starter
from knowledge.store.database import Database
from tests.knowledge.conftest import DOCUMENTED

#: What must be covered, and a word that stands in the name of a component about it.
# fmt: off
SUBJECTS = (
    "s3", "gcp", "azure", "http-status", "grpc", "net-dns", "net-tls", "net-socket", "postgres", "mysql", "sqlite",
    "snowflake", "bigquery", "redshift", "spark", "flink", "kafka", "airflow", "prefect", "dagster", "dbt", "delta",
    "iceberg", "parquet", "pandas", "kubernetes", "containers", "spot-preemption", "cuda", "nccl", "xid", "pytorch",
    "deepspeed", "ray", "jax", "huggingface", "llm-api", "mlflow", "wandb", "package-pip", "container-registries",
    "git", "ci-", "data-quality", "training-divergence", "metric-gates",
)
# fmt: on
#: Wordings of thousands that extraction still leaves empty, and fingerprints that both verdicts still share: these
#: numbers are lowered when signatures get better, and never raised.
MOST_EMPTY, MOST_SHARED = 0, 26
#: Mirrors and proxies in examples stand under names that nobody owns.
MIRROR = re.compile(r"\b[\w.-]*(?:artifactory|nexus|devpi|jfrog|proxy|mirror)[\w-]*(?:\.[\w-]+)*\.[a-z]{2,8}\b", re.I)
NOBODYS = (".internal", ".corp", ".example", ".example.org", ".example.com")


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    """What ships."""
    return read_catalogue()


@pytest.fixture
def catalogue_of(tmp_path: Path) -> Callable[..., Catalogue]:
    """Read data files of a test's own."""

    def make(*contents: str) -> Catalogue:
        for number, content in enumerate(contents):
            (tmp_path / f"file-{number}.toml").write_text(content)
        return read_catalogue(tmp_path)

    return make


def by_key(catalogue: Catalogue) -> dict[str, StarterPrecedent]:
    """Its precedents."""
    return {precedent.key: precedent for precedent in catalogue.precedents}


def test_there_are_enough(shipped: Catalogue) -> None:
    """At least 300, on both sides, of every cause and nearly every action."""
    found = shipped.precedents

    assert len(found) >= 300
    assert set(Cause) == {precedent.cause for precedent in found}
    assert set(Action) == {precedent.action for precedent in found}
    for verdict in (Verdict.TRANSIENT, Verdict.GENUINE):
        assert sum(precedent.verdict is verdict for precedent in found) >= 100


def test_each_has_wordings_and_a_source(shipped: Catalogue) -> None:
    """Two wordings at least, a resolution of some words, sources that are addresses of public pages."""
    for precedent in shipped.precedents:
        assert len(set(precedent.wordings)) >= 2, precedent.key
        assert precedent.sources, precedent.key
        assert len(precedent.resolution.split()) >= 8, precedent.key
        for source in precedent.sources:
            address = urlsplit(source)
            assert (address.scheme, True) == ("https", "." in address.netloc), (precedent.key, source)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subject_is_covered(shipped: Catalogue, subject: str) -> None:
    """By several precedents."""
    assert sum(subject in precedent.component for precedent in shipped.precedents) >= 4


def test_look_alikes_are_judged_otherwise(shipped: Catalogue) -> None:
    """They read alike and mean another thing; both sides are there."""
    precedents = by_key(shipped)
    pairs = [(each, precedents[key]) for each in shipped.precedents for key in each.look_alikes]
    same = [f"{one.key} / {other.key}" for one, other in pairs if one.verdict is other.verdict]

    assert len(pairs) >= 100
    assert [] == same


def test_spent_quota_and_rate_limit_are_both_429(shipped: Catalogue) -> None:
    """The look-alike that everybody meets."""
    told = {each.verdict for each in shipped.precedents if any("429" in wording for wording in each.wordings)}

    assert {Verdict.TRANSIENT, Verdict.GENUINE} == told


def test_nothing_private_ships(shipped: Catalogue) -> None:
    """No secret, no address of a person, no machine of anybody's."""
    texts = [(each.key, text) for each in shipped.precedents for text in (each.title, each.resolution, *each.wordings)]

    # "identified by" is SQL for a password, and alembic's for a revision.
    plain = [(key, text.replace("identified by", "named")) for key, text in texts]
    mirrors = {host for _, text in texts for host in MIRROR.findall(text)}

    assert [] == [(key, text) for key, text in plain if scrub(text) != text]
    assert set() == {host for host in mirrors if not host.lower().endswith(NOBODYS)}


def test_wordings_can_be_told_apart(shipped: Catalogue) -> None:
    """A signature without words, and one that precedents of opposite verdicts share, find nothing or the wrong one."""
    empty, verdicts = list[str](), dict[str, dict[Verdict, str]]()
    for each, wording in [(owner, wording) for owner in shipped.precedents for wording in owner.wordings]:
        signature = sign(Failure(text=wording))
        if not signature.terms or not signature.template.strip():
            empty.append(each.key)
        verdicts.setdefault(signature.fingerprint, {})[each.verdict] = each.key
    shared = [sorted(keys.values()) for keys in verdicts.values() if len(keys) > 1]

    assert len(empty) <= MOST_EMPTY, empty
    assert len(shared) <= MOST_SHARED, shared


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('verdict = "transient"', 'verdict = "perhaps"', "perhaps"),
        ('verdict = "transient"', 'verdict = "unknown"', "knows its verdict"),
        ('cause = "rate_limit"', 'cause = "weather"', "weather"),
        ('action = "retry_with_backoff"', 'action = "fix_then_rerun"', "does not fit"),
        ('key = "upload-throttled"', 'key = "Upload Throttled"', "kebab-case"),
        ('key = "upload-throttled"', 'key = "upload-denied"', "used twice"),
        ('title = "The object store sheds load"\n', "", "title"),
        ('title = "The object', 'name = "x"\ntitle = "The object', "name"),
        ('sources = ["https://example.org/limits"]', "sources = []", "source"),
        ('  "503 Slow Down: upload of a part failed",\n', "", "wordings"),
        (
            '"503 Slow Down: upload of a part failed"',
            '"403 Forbidden: the role is not authorized to write this object"',
            "shares",
        ),
        ('"Back off with jitter, and spread the keys over more prefixes."', '"Wait."', "says too little"),
        ('look_alikes = ["upload-denied"]', 'look_alikes = ["nobody"]', "nobody"),
        ('component = "tests"', "", "component"),
        ('component = "tests"', "component =", "file-0.toml"),
    ],
)
def test_bad_data_is_refused_with_its_place(
    catalogue_of: Callable[..., Catalogue], before: str, after: str, problem: str
) -> None:
    """When it is read, by a message that says what is wrong."""
    assert before in DOCUMENTED
    with pytest.raises(StarterDataError, match=re.escape(problem)):
        _ = catalogue_of(DOCUMENTED.replace(before, after, 1)).precedents


def test_keys_are_unique_over_all_files(catalogue_of: Callable[..., Catalogue]) -> None:
    """A second file with the same keys."""
    with pytest.raises(StarterDataError, match="used twice"):
        _ = catalogue_of(DOCUMENTED, DOCUMENTED).precedents


def test_version_follows_the_content(catalogue_of: Callable[..., Catalogue]) -> None:
    """The same files, the same version; a changed word, another."""
    first, again, changed = (
        catalogue_of(content).version for content in (DOCUMENTED, DOCUMENTED, DOCUMENTED.replace("jitter", "patience"))
    )

    assert first == again != changed


async def rows(database: Database) -> list[tuple[object, ...]]:
    """What is loaded."""
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT p.starter_key, s.fingerprint FROM precedents p JOIN signatures s ON s.precedent_id = p.id"
            " WHERE p.retired_at IS NULL AND NOT s.retired ORDER BY 1, 2"
        )
        return await cursor.fetchall()


async def test_loading_twice_makes_no_duplicates(
    catalogue_of: Callable[..., Catalogue], database: Database, embedder: LocalEmbedder, tmp_path: Path
) -> None:
    """Nor does a new version; what has left it is gone."""
    another = DOCUMENTED.replace("upload of a part failed", "no part taken")
    await load_starter(database, catalogue_of(DOCUMENTED), embedder=embedder, vectors=tmp_path)
    first = await rows(database)
    await load_starter(database, catalogue_of(DOCUMENTED), embedder=embedder, vectors=tmp_path)
    again = await rows(database)
    await load_starter(database, catalogue_of(another), embedder=embedder, vectors=tmp_path)
    changed = await rows(database)

    assert (4, first) == (len(first), again)
    assert (4, 3) == (len(changed), len(set(first) & set(changed)))
