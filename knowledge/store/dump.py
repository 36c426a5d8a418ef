"""A whole database as one file and back, by PostgreSQL's own programs (`pg_dump`, `pg_restore`, `psql`)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from itertools import islice
from pathlib import Path
from typing import IO, cast

from psycopg.pq import Conninfo

from knowledge.errors import StoreUnavailable
from knowledge.store.binaries import find_binaries

#: Who owns the tables, and who may read them, is the affair of the server that they come to.
PLAIN = ("--no-owner", "--no-privileges")
#: What `pg_restore` 17 and newer set first, and servers before 17 refuse.
UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"
SETTINGS_LINES = 40
#: What stands before the one row of the table that names the schema's revision.
REVISION_FOLLOWS = b"alembic_version (version_num) FROM stdin;\n"


def dump(url: str, target: Path, *, bin_dir: Path | None = None) -> None:
    """Write one moment of the database at `url` to `target` (blocking), which is compressed and its owner's alone.

    Whoever writes meanwhile is not held up. It has its name once it is whole and on the disk; until then it is
    `target` with `.part` behind it. Raises `FileExistsError`, and `StoreUnavailable` with what `pg_dump` says.
    """
    part = target.with_name(f"{target.name}.part")
    command = [str(_program("pg_dump", bin_dir)), "--format=custom", *PLAIN, "--no-password", f"--file={part}"]
    target.touch(mode=0o600, exist_ok=False)  # nobody else takes the name meanwhile
    try:
        part.touch(mode=0o600)
        with tempfile.TemporaryFile() as told:
            done = subprocess.run(command, env=_environment(url), stderr=told, check=False)
            _check(done.returncode, told)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise


def revision_in(source: Path, *, bin_dir: Path | None = None) -> str:
    """The revision of the schema that a file of `dump` holds (blocking).

    Raises `StoreUnavailable` where it is none, with what `pg_restore` says.
    """
    only = ["--file=-", "--data-only", "--table=alembic_version"]
    with tempfile.TemporaryFile() as told:
        command = [str(_program("pg_restore", bin_dir)), *only, str(source)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=told, check=False)
        _check(done.returncode, told)
    found = done.stdout.partition(REVISION_FOLLOWS)[2].partition(b"\n")[0].decode()
    if not found.isalnum():
        raise StoreUnavailable(f"{source} is no backup of Seen Before.")
    return found


def restore(url: str, source: Path, *, bin_dir: Path | None = None) -> None:
    """Write what `dump` wrote into the empty database at `url` (blocking): all of it, or nothing.

    Raises `StoreUnavailable` with what `pg_restore` or the server says.
    """
    reading = [str(_program("pg_restore", bin_dir)), "--file=-", *PLAIN, str(source)]
    writing = [str(_program("psql", bin_dir)), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile() as read_told, tempfile.TemporaryFile() as write_told:
        pipe, out = subprocess.PIPE, subprocess.DEVNULL
        with (
            subprocess.Popen(writing, env=_environment(url), stdin=pipe, stdout=out, stderr=write_told) as writer,
            subprocess.Popen(reading, stdout=pipe, stderr=read_told) as reader,
        ):
            archive, taken = cast("IO[bytes]", reader.stdout), cast("IO[bytes]", writer.stdin)
            # A server that has refused something reads no further; what it said is told below.
            with contextlib.suppress(BrokenPipeError), taken:
                _pour(archive, taken)
                if reader.wait() == 0:
                    taken.write(b"COMMIT;\n")  # else the server forgets what it has taken
            archive.close()
        _check(writer.returncode, write_told)
        _check(reader.returncode, read_told)


def _pour(archive: IO[bytes], taken: IO[bytes]) -> None:
    taken.write(b"BEGIN;\n")
    taken.writelines(line for line in islice(archive, SETTINGS_LINES) if line != UNKNOWN_BEFORE_17)
    shutil.copyfileobj(archive, taken)


def _environment(url: str) -> dict[str, str]:
    # Not on the command line: with the password of the URL, everybody on the machine could read it.
    options = Conninfo.parse(url.encode())
    return {**os.environ, **{each.envvar.decode(): each.val.decode() for each in options if each.envvar and each.val}}


def _check(status: int, told: IO[bytes]) -> None:
    if status:
        told.seek(0)
        said = told.read(2_000).decode(errors="replace").strip()
        raise StoreUnavailable(said.partition("\n")[0] or f"PostgreSQL's program ended with {status}.")


def _program(name: str, bin_dir: Path | None) -> Path:
    program = find_binaries(bin_dir) / name
    if not program.is_file():
        raise StoreUnavailable(f"{program.parent} has no {name}: install PostgreSQL's client programs there.")
    return program
