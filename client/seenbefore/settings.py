"""Where the service is, as whom it is asked, and where the spool lies."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from seenbefore.plain import text

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """Which service is asked, and for which workspace."""

    url: str
    workspace: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return key | ({"X-Workspace": self.workspace} if self.workspace else {})

    @property
    def name(self) -> str:
        """What tells its rows in a spool from those of others; of the key only a hash is in it."""
        key = hashlib.sha256(self.api_key.encode("utf-8", "replace")).hexdigest()[:12] if self.api_key else ""
        return f"{self.shown} {self.workspace or ''} {key}".rstrip()

    @property
    def place(self) -> str:
        """The same whatever the key."""
        return place_of(self.name)

    @property
    def shown(self) -> str:
        """The address without anybody's name or password."""
        scheme, separator, rest = self.url.partition("://")
        place, slash, path = rest.partition("/")
        return f"{scheme}{separator}{place.rpartition('@')[2]}{slash}{path}"

    @property
    def is_local(self) -> bool:
        """Whether the service is on this machine: then no proxy of the environment stands between."""
        try:
            host = urlsplit(self.url).hostname or ""
        except ValueError:
            return False
        return host in ("localhost", "::1") or host.startswith("127.")

    @property
    def trouble(self) -> str | None:
        """Why nobody can be asked there, for people; None where that cannot be told from the settings."""
        if not _is_address(self.url):
            return f"{self.shown!a} is no address such as {DEFAULT_URL} (SEENBEFORE_URL)"
        if not _fits_header(self.api_key or ""):
            return "the API key has characters that no key has (SEENBEFORE_API_KEY)"
        if not _fits_header(self.workspace or ""):
            return f"{self.workspace!a} is no name of a workspace (SEENBEFORE_WORKSPACE)"
        return None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def place_of(name: str) -> str:
    """The place of a target's name: its service and workspace, whatever the key."""
    service, _, rest = name.partition(" ")
    return f"{service} {rest.partition(' ')[0]}".rstrip()


def make_target(url: str | None = None, *, api_key: str | None = None, workspace: str | None = None) -> Target:
    """What is given, else what the environment says, else the service of this machine."""
    return Target(
        url=(_said(url, "SEENBEFORE_URL") or DEFAULT_URL).rstrip("/"),
        workspace=_said(workspace, "SEENBEFORE_WORKSPACE"),
        api_key=_said(api_key, "SEENBEFORE_API_KEY"),
    )


def _said(given: object, setting: str) -> str | None:
    """Without the line end that a file brings along; None where there is nothing."""
    return text(given or os.environ.get(setting) or "").strip() or None


def spool_path() -> Path:
    """`SEENBEFORE_SPOOL`, else a file below the user's state folder, else one below the temporary folder."""
    if given := os.environ.get("SEENBEFORE_SPOOL"):
        return Path(given)
    name = f"spool-{_host()}.sqlite3"
    for folder in (_state_folder(), _temporary_folder()):
        if folder is not None and _usable(folder):
            return folder / name
    return _temporary_folder() / name


def _host() -> str:
    """This machine's name: a home may be shared by many machines, a file in WAL mode must not be."""
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in socket.gethostname())[:100] or "here"


def _state_folder() -> Path | None:
    if given := os.environ.get("XDG_STATE_HOME"):
        return Path(given) / "seenbefore"
    try:
        return Path.home() / ".local" / "state" / "seenbefore"
    except RuntimeError:  # a user without a home
        return None


def _temporary_folder() -> Path:
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    return Path(tempfile.gettempdir()) / f"seenbefore-{user}"


def _usable(folder: Path) -> bool:
    """Make it for nobody else; whether it is ours to write in."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.access(folder, os.W_OK) and (not hasattr(os, "geteuid") or folder.stat().st_uid == os.geteuid())
    except OSError:
        return False
