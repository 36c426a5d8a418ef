"""Where the embedded server listens: a Unix socket, or a loopback port where sockets cannot be."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from knowledge.store.account import Account

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes, with the final NUL 104: the smallest limit of the systems in use (sun_path, macOS)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`host` is a folder that holds the socket, or the loopback address."""

    host: str
    port: int

    @property
    def settings(self) -> dict[str, str]:
        """What the server is told."""
        on_socket = self.host.startswith("/")
        return {
            "listen_addresses": "" if on_socket else self.host,
            "unix_socket_directories": self.host if on_socket else "",
            "unix_socket_permissions": "0700",
            "port": str(self.port),
        }

    def url(self, *, user: str, database: str, passfile: Path) -> str:
        """What clients are told; the password stays in its file."""
        return (
            f"postgresql://{user}@/{database}?host={quote(self.host, safe='')}&port={self.port}"
            f"&passfile={quote(str(passfile), safe='')}"
        )


def choose_endpoint(folder: Path, *, account: Account) -> Endpoint:
    """The data folder's own socket if the path is short enough, one below the temporary folder, else a port."""
    for candidate in (folder, _short_folder(folder)):
        if _can_hold_socket(candidate, account=account):
            return Endpoint(host=str(candidate), port=5432)
    return Endpoint(host=LOOPBACK, port=_free_port())


def _short_folder(folder: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()).resolve() / f"seenbefore-{os.geteuid()}-{digest}"


def _can_hold_socket(folder: Path, *, account: Account) -> bool:
    if len(os.fsencode(folder / SOCKET_NAME)) > LONGEST_SOCKET_PATH:
        return False
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # In a folder of somebody else's making, somebody else could listen in our place.
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), account.uid):
            return False
        account.own(folder)
        _try_bind(folder / ".probe")
    except OSError:
        return False
    return True


def _try_bind(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(str(path))
    path.unlink()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
