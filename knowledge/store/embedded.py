"""A PostgreSQL server that belongs to this service: started from a folder, owned as a process, durable."""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from knowledge.errors import StoreUnavailable
from knowledge.store.account import Account, server_account
from knowledge.store.binaries import find_binaries, major_version
from knowledge.store.endpoint import Endpoint, choose_endpoint
from knowledge.store.folder_lock import FolderLock
from knowledge.store.postmaster import read_status, stop_leftover

USER = "seenbefore"
DATABASE = "seenbefore"
START_LIMIT_S = 120.0  # a crash recovery replays at most a few checkpoints of write-ahead log
FAST_STOP_S = 30.0
POLL_S = 0.02
ATTEMPTS = 50
ATTEMPT_PAUSE_S = 0.1
#: What PostgreSQL says until the processes of a killed one are gone, and while one starts that a killed service began.
PASSING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
LARGEST_LOG = 10_000_000  # bytes

#: A small durable node. What fails, and with which values, is text of people's pipelines: it stays out of the log.
SETTINGS: Mapping[str, str] = {
    "shared_buffers": "256MB",
    "max_connections": "60",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "10min",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """A server over one folder: `start`, `url`, `is_alive`, `stop`; `start` again after it died.

    `folder` keeps the cluster, the password file and the log. `bin_dir` names another PostgreSQL (15 or newer) than
    the one that ships. `settings` override `SETTINGS`.
    """

    def __init__(self, folder: Path, *, bin_dir: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder.expanduser().resolve()
        self._bin_dir = bin_dir
        self._settings = {**SETTINGS, **(settings or {})}
        self._lock: FolderLock | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None
        self._log_begun = 0

    @property
    def url(self) -> str:
        """The connection URL; the same after a restart of a server that died. Needs `start` first."""
        if self._endpoint is None:
            raise StoreUnavailable("The embedded PostgreSQL has not been started.")
        return self._endpoint.url(user=USER, database=DATABASE, passfile=self._passfile)

    @property
    def is_alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The server's process id while it is alive."""
        return self._process.pid if self._process is not None and self.is_alive else None

    def start(self) -> None:
        """Take the folder, create the cluster if there is none, and return once the server answers (blocking).

        Raises `DataFolderInUse` when another service has the folder, `StoreUnavailable` when it cannot start.
        """
        if self.is_alive:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = self._lock or FolderLock.acquire(self._folder)
        try:
            self._start_locked()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End open transactions, write everything out, stop the server and leave the folder (blocking)."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _cluster(self) -> Path:
        return self._folder / "cluster"

    @property
    def _passfile(self) -> Path:
        return self._folder / "passfile"

    @property
    def _log_file(self) -> Path:
        return self._folder / "postgres.log"

    def _start_locked(self) -> None:
        binaries = find_binaries(self._bin_dir)
        account = server_account(self._folder, programs=[binaries / "postgres", binaries / "initdb"])
        account.own(self._folder)
        if not self._cluster.exists():
            self._create(binaries, account)
        if self._endpoint is None:
            self._endpoint = choose_endpoint(self._folder, account=account)
        for attempt in range(1, ATTEMPTS + 1):
            stop_leftover(self._cluster)
            if self._launch(binaries, account, self._endpoint):
                return
            reason = self._log_end()
            # Anywhere in it: those who are still ending write to the same log.
            said = self._log_since(self._log_begun)
            if not any(passing in said for passing in PASSING):
                break
            log.debug("The processes of a killed PostgreSQL are still ending (attempt %d).", attempt)
            time.sleep(ATTEMPT_PAUSE_S)
        self._endpoint = None  # perhaps its port was taken
        raise StoreUnavailable(f"The embedded PostgreSQL does not start; {self._log_file} ends with: {reason}")

    def _create(self, binaries: Path, account: Account) -> None:
        # Made aside and renamed: a folder half made is never taken for a cluster.
        fresh = self._folder / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = secrets.token_hex(24)
        self._write_private(self._passfile, f"*:*:*:*:{password}\n", account)
        pwfile = self._folder / "password.new"
        self._write_private(pwfile, password + "\n", account)
        try:
            _run(account, [binaries / "initdb", *_initdb_options(fresh, pwfile, major_version(binaries))])
        finally:
            pwfile.unlink()
        single_user: list[str | Path] = [
            binaries / "postgres",
            "--single",
            "-D",
            fresh,
            "-c",
            "exit_on_error=true",
            "postgres",
        ]
        _run(account, single_user, stdin=f"CREATE DATABASE {DATABASE}\n")
        fresh.rename(self._cluster)

    def _write_private(self, path: Path, content: str, account: Account) -> None:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(content)
        account.own(path)

    def _launch(self, binaries: Path, account: Account, endpoint: Endpoint) -> bool:
        settings = {**self._settings, **endpoint.settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        if self._log_file.exists() and self._log_file.stat().st_size > LARGEST_LOG:
            self._log_file.unlink()
        with self._log_file.open("ab") as output:
            self._log_begun = output.tell()
            # Its own session: Ctrl-C reaches this service first, which then stops the server in order.
            self._process = subprocess.Popen(
                account.command([binaries / "postgres", "-D", self._cluster, *options]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **account.options,
            )
        return self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return False
            if read_status(self._cluster) == (process.pid, "ready"):
                return True
            time.sleep(POLL_S)
        raise StoreUnavailable(f"The embedded PostgreSQL was not ready in {START_LIMIT_S:.0f} s; see {self._log_file}")

    def _log_since(self, begun: int) -> str:
        with contextlib.suppress(OSError), self._log_file.open("rb") as log:
            log.seek(begun)
            return log.read(LARGEST_LOG).decode("utf-8", "replace")
        return ""

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return " | ".join(self._log_file.read_text(errors="replace").splitlines()[-3:])
        return "(nothing)"


def _initdb_options(folder: Path, pwfile: Path, major: int) -> list[str]:
    # The built-in provider sorts by code point, knows all letters, and never changes with the system's library.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    access = ["--auth=scram-sha-256", f"--pwfile={pwfile}", f"--username={USER}"]
    return ["-D", str(folder), "--encoding=UTF8", "--no-locale", *locale, "--data-checksums", *access]


def _run(account: Account, arguments: list[str | Path], *, stdin: str = "") -> None:
    command = account.command(arguments)
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False, **account.options)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["(no message)"])[-3:]
        raise StoreUnavailable(f"{Path(arguments[0]).name} failed: {' | '.join(last)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for order, patience in ((signal.SIGINT, FAST_STOP_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            return
        process.send_signal(order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
