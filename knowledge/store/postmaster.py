"""What `postmaster.pid` says of the server over a cluster, and the end of one that outlived its service.

The file's lines: pid, cluster, start time, port, socket folder, address, shared memory, status (PostgreSQL's
`src/include/utils/pidfile.h`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from knowledge.errors import StoreUnavailable

PID_FILE = "postmaster.pid"
STATUS_LINE = 7
POLL_S = 0.02


def read_status(cluster: Path) -> tuple[int, str] | None:
    """The server's process id and status (`starting`, `ready`, ...), or nothing when the file has none (yet)."""
    try:
        lines = (cluster / PID_FILE).read_text().splitlines()
        return int(lines[0]), (lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "")
    except (OSError, IndexError, ValueError):
        return None


def stop_leftover(cluster: Path, *, patience_s: float = 20.0) -> None:
    """Stop the server that a killed service left over this cluster, and clear a file that names a stranger's process.

    Call it only while holding the folder's lock. A file that names no process is PostgreSQL's own business: it also
    checks for server processes that still share the killed one's memory.
    """
    status = read_status(cluster)
    if status is None or not _exists(status[0]):
        return
    if not _serves(status[0], cluster):
        (cluster / PID_FILE).unlink(missing_ok=True)
        return
    for order, patience in ((signal.SIGINT, patience_s), (signal.SIGQUIT, 5.0)):
        if _end(status[0], order, patience_s=patience):
            return
    raise StoreUnavailable(f"The process {status[0]} still serves {cluster} and does not stop; end it and start again.")


def _end(pid: int, order: signal.Signals, *, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    try:
        os.kill(pid, order)
    except ProcessLookupError:
        return True
    while time.monotonic() < deadline:
        if not _exists(pid):
            return True
        time.sleep(POLL_S)
    return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _serves(pid: int, cluster: Path) -> bool:
    """A server's working folder is its cluster; where the system does not tell, its command line names it."""
    if Path("/proc/self/cwd").exists():
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == cluster
        except OSError:
            return False
    command = ["ps", "-o", "command=", "-p", str(pid)]
    listing = subprocess.run(command, capture_output=True, text=True, check=False)
    return str(cluster) in listing.stdout
