"""Migrations: repeated, at once, and known without Alembic."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import resources

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from knowledge.errors import StoreUnavailable
from knowledge.store.migrate import current_revision, migrate
from knowledge.store.migrations import head


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    """The second time costs a query."""
    assert current_revision(empty_database_url) is None

    first, second = migrate(empty_database_url), migrate(empty_database_url)

    assert (head(), head(), head()) == (first, second, current_revision(empty_database_url))


def test_two_processes_at_once(empty_database_url: str) -> None:
    """One migrates, the other waits and finds it done."""
    script = "import sys; from knowledge.store.migrate import migrate; print(migrate(sys.argv[1]))"
    command = [sys.executable, "-c", script, empty_database_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0].strip() for process in processes]

    assert [head(), head()] == answers


def test_up_to_date_database_needs_no_alembic(database_url: str) -> None:
    """A second start takes no seconds for importing what it does not need."""
    script = (
        "import sys; from knowledge.store.migrate import migrate; migrate(sys.argv[1])\n"
        "print('alembic' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, database_url], capture_output=True, text=True, check=True)

    assert "False" == done.stdout.strip()


def test_head_is_alembics() -> None:
    """File names and revisions agree, in one line."""
    config = Config()
    with resources.as_file(resources.files("knowledge.store.migrations")) as folder:
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")

        assert [head()] == ScriptDirectory.from_config(config).get_heads()


def test_idempotency_keys_in_use_outlive_their_hashing(empty_database_url: str) -> None:
    """What was done under a key before an upgrade is not done again after it."""
    files = resources.files("knowledge.store.migrations").joinpath("versions")
    keys = ["k-1", "ключ 🔑"]
    with psycopg.connect(empty_database_url) as connection:
        for name in ("0001_initial.sql", "0002_recording.sql"):
            connection.execute(files.joinpath(name).read_text("utf-8").encode())
        connection.execute("INSERT INTO workspaces (name) VALUES ('team')")
        for key in keys:
            connection.execute(
                "INSERT INTO idempotency_keys (workspace_id, key, route, request_hash) "
                "SELECT id, %s, 'r', '' FROM workspaces WHERE name = 'team'",
                (key,),
            )
        connection.execute(files.joinpath("0003_idempotency_hash.sql").read_text("utf-8").encode())
        found = {bytes(row[0]) for row in connection.execute("SELECT key_hash FROM idempotency_keys")}

    assert {hashlib.sha256(key.encode()).digest() for key in keys} == found


BEFORE_0013 = """
INSERT INTO workspaces (id, name) VALUES (7, 'team');
SELECT ensure_incident_partition('2025-11-01');
INSERT INTO precedents (id, workspace_id, stated_cause)
    SELECT md5(kind)::uuid, 7, cause
    FROM (VALUES ('advised', NULL), ('imported', 'contention'), ('asked', 'contention')) k (kind, cause);
INSERT INTO storms (id, workspace_id, precedent_id, since, ends_at, latest_end, quiet, wait_s, next_try_at, usual_runs,
                    canary_incident_id, canary_run_id)
    VALUES (md5('storm')::uuid, 7, md5('asked')::uuid, '2025-11-23 13:00Z', '2025-11-23 14:00Z', '2025-11-24 13:00Z',
            '15 min', 60, '2025-11-23 13:01Z', 0.05, md5('stormy')::uuid, '2025-11-23');
INSERT INTO incidents (id, workspace_id, precedent_id, signature_id, occurred_at, pipeline, run_id, cause)
    SELECT md5(id)::uuid, 7, md5(kind)::uuid, md5(kind)::uuid, '2025-11-23'::timestamptz + at, pipeline, '2025-11-23',
           cause
    FROM (VALUES ('advised', 'advised', interval '9 h', 'fraud', NULL),
                 ('imported', 'imported', '9 h', 'fraud', 'contention'),
                 ('asked', 'asked', '9 h', 'fraud', 'contention'),
                 ('stormy', 'asked', '13.5 h', 'fraud', NULL),
                 ('other', 'asked', '13.5 h', 'churn', NULL)) k (id, kind, at, pipeline, cause);
INSERT INTO advice (id, workspace_id, incident_id, answer)
    VALUES (md5('1')::uuid, 7, md5('advised')::uuid, '{"cause": "network"}'),
           (md5('2')::uuid, 7, md5('asked')::uuid, '{"cause": null}');
INSERT INTO outcomes (id, workspace_id, precedent_id, incident_id, result, attempt)
    SELECT md5(kind)::uuid, 7, md5(kind)::uuid, md5(kind)::uuid, 'failed', 2
    FROM (VALUES ('advised'), ('imported'), ('asked')) k (kind);
"""


def test_causes_and_runs_are_counted_anew(empty_database_url: str) -> None:
    """Outcomes by what was advised, or came with the incident; runs by their pipeline as well."""
    folder = resources.files("knowledge.store.migrations").joinpath("versions")
    files = sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql") and each.name <= "0014")
    counts = "SELECT cause, failed FROM cause_retries WHERE failed > 0 ORDER BY cause"
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for name in files[:-1]:
            connection.execute(folder.joinpath(name).read_text("utf-8").encode())
        connection.execute(BEFORE_0013)
        before = connection.execute(counts).fetchall()
        connection.execute(folder.joinpath(files[-1]).read_text("utf-8").encode())
        after = connection.execute(counts).fetchall()
        storm = connection.execute("SELECT runs, canary_pipeline FROM storms").fetchall()
        keys = connection.execute(
            "SELECT DISTINCT run_key = run_key('fraud', '2025-11-23', NULL), lately_failed->0->>0 = run_key"
            " FROM outcomes JOIN precedent_retries USING (precedent_id)"
        ).fetchall()

    assert [("contention", 2)] == before
    assert [("contention", 1), ("network", 1)] == after
    assert ([(2, "fraud")], [(True, True)]) == (storm, keys)


def test_newer_database_is_refused(database_url: str) -> None:
    """An old program does not write to a schema it does not know."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="upgrade"):
        migrate(database_url)


def test_server_that_is_not_there() -> None:
    """Nobody listens there."""
    with pytest.raises(StoreUnavailable):
        migrate("postgresql://127.0.0.1:1/nothing")


BEFORE_0012 = """
INSERT INTO workspaces (id, name) VALUES (7, 'team');
INSERT INTO runs (id, workspace_id, run_id, pipeline, status, started_at, updated_at, ended_at)
    VALUES (md5('r')::uuid, 7, 'r', 'fraud', 'failed', '2026-11-02 00:00:01Z', '2026-11-03Z', '2026-11-02Z');
INSERT INTO steps (id, run, name, owner, status, updated_at)
    VALUES (md5('s')::uuid, md5('r')::uuid, 's', 'ana', 'running', '2026-11-04Z');
INSERT INTO sub_tasks (step, name, workspace_id, status, holder, lease_expires_at, artifacts, started_at, updated_at,
                       completed_at)
    SELECT md5('s')::uuid, status, 7, status, 'ana', lease, '{"a": {"sha256": "0"}}', '2026-11-02 00:00:01Z',
           '2026-11-05Z', '2026-11-02Z'
    FROM (VALUES ('completed', NULL), ('started', '2026-11-03Z'::timestamptz), ('failed', NULL)) k (status, lease);
"""


def test_checkpoints_outlive_what_is_told_of_them(empty_database_url: str) -> None:
    """Those of now; what was begun anew tells nothing of its last completion any more, and no end comes before its
    beginning."""
    folder = resources.files("knowledge.store.migrations").joinpath("versions")
    files = sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql") and each.name < "0013")
    with psycopg.connect(empty_database_url) as connection:
        for name in files[:-1]:
            connection.execute(folder.joinpath(name).read_text("utf-8").encode())
        connection.execute(BEFORE_0012)
        connection.execute(folder.joinpath(files[-1]).read_text("utf-8").encode())
        sub_tasks = connection.execute(
            "SELECT name, artifacts <> '{}', completed_at IS NOT NULL, started_at <= coalesce(completed_at, started_at)"
            " FROM sub_tasks ORDER BY name"
        ).fetchall()
        (said,) = connection.execute(
            "SELECT r.said_at = r.updated_at AND s.said_at = s.updated_at AND r.ended_at = r.started_at"
            " FROM runs r JOIN steps s ON s.run = r.id"
        ).fetchall()

    assert [
        ("completed", True, True, True),
        ("failed", False, False, True),
        ("started", False, False, True),
    ] == sub_tasks
    assert (True,) == said
