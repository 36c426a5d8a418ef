"""A process that forks while it drains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seenbefore.drainer import _locked

FORKS = """
import os, signal, sys, time
from pathlib import Path
from seenbefore.drainer import _locked

with _locked(Path(sys.argv[1])) as ours:
    assert ours
    child = os.fork()
    if not child:
        os.close(1)
        time.sleep(60)
        os._exit(0)
    time.sleep(0.2)
    print(child, flush=True)
    sys.stdin.read(1)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_child_does_not_keep_the_turn_of_its_parent(tmp_path: Path) -> None:
    """Which has it for as long as it lives, and not beyond a kill -9; the child goes on."""
    lock = tmp_path / "spool.lock"
    command = [sys.executable, "-c", FORKS, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            with _locked(lock) as ours:
                assert not ours
            parent.communicate("x")
            with _locked(lock) as ours:
                assert ours
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)

    assert -signal.SIGKILL == parent.returncode
