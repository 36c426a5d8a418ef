"""`seenbefore-spool`, as people use it in a shell."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from seenbefore import calls
from seenbefore.spool import Spool, Write


def test_command_ends_with_whoever_reads_it(spool: Path) -> None:
    """`seenbefore-spool show | head` shows no traceback."""
    with contextlib.closing(Spool(spool)) as opened:
        opened.add("t", Write("r", "run", calls.put("/runs/r", {})))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "seenbefore", "spool", "--spool", str(spool), "show"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)

    assert (1, b"") == (ended.returncode, ended.stderr)
