"""What the attempts of a command read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.client.commands import advising, command, run

#: Tells what it reads, and fails.
READING = "import sys; print(sys.stdin.read(), flush=True); sys.exit(7)"


def test_a_file_is_read_again_by_each_attempt(tmp_path: Path, spool: Path) -> None:
    """From where the first one began, which need not be the beginning."""
    given = tmp_path / "rows.csv"
    given.write_text("a,b\n1,2")
    with advising(max_attempts=2) as server, given.open("rb") as file:
        file.seek(4)
        line, environment = command(server.url, spool, "--", sys.executable, "-c", READING)
        ended = subprocess.run(line, check=False, env=environment, stdin=file, capture_output=True, timeout=60)

    assert (7, b"1,2\n1,2\n") == (ended.returncode, ended.stdout)


def test_what_has_read_a_pipe_is_not_run_again(tmp_path: Path, spool: Path) -> None:
    """Over nothing it could succeed, which is no success; the failure is recorded, and one line says so."""
    with advising() as server:
        ended = run(server.url, spool, "--", sys.executable, "-c", READING, stdin=b"1,2")
        asked = len(server.of("/advise"))

    assert (7, b"1,2\n", 1) == (ended.returncode, ended.stdout, asked)
    assert 1 == len(ended.stderr.splitlines())
    assert b"it is not run again. Its standard input is a pipe, which can be read once" in ended.stderr


def test_an_empty_pipe_that_has_ended_can_be_read_again(tmp_path: Path, spool: Path) -> None:
    """As some supervisors give it."""
    with advising(max_attempts=2) as server:
        reading, writing = os.pipe()
        os.close(writing)
        line, environment = command(server.url, spool, "--", sys.executable, "-c", READING)
        ended = subprocess.run(line, check=False, env=environment, stdin=reading, capture_output=True, timeout=60)
        os.close(reading)

    assert (7, b"\n\n") == (ended.returncode, ended.stdout)
