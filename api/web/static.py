"""Style, scripts and pictures of the pages: each under an address that changes with its content, kept for a year."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from starlette.responses import Response

from api.problems import Problem

FILES = {
    "style.css": "text/css; charset=utf-8",
    "seenbefore.js": "text/javascript; charset=utf-8",
    "htmx/htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
#: What an address names never changes: browsers need not ask again.
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str


class Assets:
    """All files, read once."""

    def __init__(self, *, prefix: str) -> None:
        folder = resources.files("api.web") / "static"
        self._assets: dict[str, Asset] = {}
        self._addresses: dict[str, str] = {}
        for name, media_type in FILES.items():
            content = folder.joinpath(*name.split("/")).read_bytes()
            hashed = _hashed(name, content)
            self._assets[hashed] = Asset(content, media_type)
            self._addresses[name] = f"{prefix}/{hashed}"

    def address(self, name: str) -> str:
        """Where a file is; raises `KeyError` for one that is not listed."""
        return self._addresses[name]

    def response(self, hashed: str) -> Response:
        """The file of an address; raises a 404 problem."""
        asset = self._assets.get(hashed)
        if asset is None:
            raise Problem(404, "There is no such file. Reload the page: it may be of an older version.")
        return Response(asset.content, media_type=asset.media_type, headers=KEPT)


def _hashed(name: str, content: bytes) -> str:
    """`style.1f0c….css`, without folders."""
    stem, _, ending = name.rpartition("/")[2].rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
