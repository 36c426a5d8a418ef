"""Commands that are wrapped, as tests run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.client.servers import ADVICE, Asked, Reply, serving

#: Fails until it has been started so often; tells what it does on both streams.
FLAKY = """
import pathlib, sys
count = pathlib.Path(sys.argv[1])
count.write_text(count.read_text() + "x" if count.exists() else "x")
print("out", len(count.read_text()))
print("err: SlowDown", file=sys.stderr)
sys.exit(0 if len(count.read_text()) >= int(sys.argv[2]) else 7)
"""


def command(url: str, spool: Path, *given: str) -> tuple[list[str], dict[str, str]]:
    """The command line and its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEENBEFORE_")}
    environment = clean | {"SEENBEFORE_URL": url, "SEENBEFORE_SPOOL": str(spool)}
    return [sys.executable, "-m", "seenbefore", "run", "--timeout", "5", *given], environment


def run(url: str, spool: Path, *given: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end; what it is given to read comes through a pipe."""
    line, environment = command(url, spool, *given)
    how: dict[str, Any] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(line, check=False, env=environment, capture_output=True, timeout=60, **how)


def flaky(tmp_path: Path, passes_at: int) -> list[str]:
    """A command that passes at some attempt."""
    return ["--", sys.executable, "-c", FLAKY, str(tmp_path / "count"), str(passes_at)]


def advising(**decision: Any) -> Any:
    """A service that decides so, and takes outcomes."""

    def answer(asked: Asked) -> Reply:
        document = ADVICE | {"decision": {**ADVICE["decision"], "retry_delay_s": 0.1, **decision}}
        return Reply(200, document if asked.path == "/advise" else {"status": "ok"})

    return serving(answer)
