"""Artifacts: written beside their place, checked, and put there whole."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seenbefore.errors import ArtifactMissing
from seenbefore.hashing import hash_path

PARTIAL = ".seenbefore"
PathLike = str | os.PathLike[str]
Given = PathLike | Mapping[str, PathLike] | None
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The artifacts of a sub-task by name; `single` where the pipeline has given one path and not a mapping."""

    paths: Mapping[str, Path]
    single: bool

    @property
    def shown(self) -> Any:
        """The paths in the shape in which they were given; None where there are none."""
        return _shaped(self.paths, single=self.single)

    def match(self, recorded: object) -> bool:
        """Whether exactly these lie on the disk now, with the hashes that were recorded."""
        hashes = recorded_hashes(recorded)
        if hashes is None or hashes.keys() != self.paths.keys():
            return False
        try:
            return all(hash_path(path) == hashes[name] for name, path in self.paths.items())
        except OSError:
            return False

    @property
    def any_there(self) -> bool:
        """Whether looking for the same work can save anything."""
        return any(path.exists() for path in self.paths.values())


def make_artifacts(given: Given) -> Artifacts:
    """One path is named by its file."""
    if given is None:
        return Artifacts({}, single=True)
    if isinstance(given, Mapping):
        return Artifacts({str(name): Path(path) for name, path in given.items()}, single=False)
    return Artifacts({Path(given).name: Path(given)}, single=True)


def recorded_hashes(recorded: object) -> dict[str, str] | None:
    """Hash by name from `{name: {"sha256": ...}}`; None where it is anything else."""
    if not isinstance(recorded, Mapping):
        return None
    hashes = {name: each.get("sha256") for name, each in recorded.items() if isinstance(each, Mapping)}
    if len(hashes) != len(recorded) or not all(isinstance(each, str) for each in hashes.values()):
        return None
    return {str(name): str(each).removeprefix("sha256:") for name, each in hashes.items()}


class Draft:
    """Temporary places beside the final ones: what is half written is never taken for an artifact."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._places = {name: _beside(path) for name, path in artifacts.paths.items()}
        self._before = {name: _stamp(path) for name, path in artifacts.paths.items()}

    @property
    def shown(self) -> Any:
        """Where to write, in the shape in which the artifacts were given."""
        return _shaped(self._places, single=self._artifacts.single)

    def place(self, name: str) -> Path:
        """Where to write one."""
        return self._places[name]

    def prepare(self) -> None:
        """Make the folders, and remove what killed processes have left in them."""
        for path in self._artifacts.paths.values():
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                _sweep(path)

    def hashes(self) -> dict[str, dict[str, str]]:
        """What was written; raises `ArtifactMissing` where nothing was."""
        return {name: {"sha256": hash_path(self._written(name))} for name in self._places}

    def publish(self) -> None:
        """Put all in their places: each file in one step, as far as the file system can."""
        for name, place in self._places.items():
            if self._written(name) == place:
                _replace(place, self._artifacts.paths[name])

    def discard(self) -> None:
        """Remove what was not put in its place."""
        for place in self._places.values():
            _remove(place)

    def _written(self, name: str) -> Path:
        """The temporary place, or the final one where `produce` has written there by itself."""
        place, final = self._places[name], self._artifacts.paths[name]
        if place.exists():
            return place
        if final.exists() and _stamp(final) != self._before[name]:
            return final
        raise ArtifactMissing(f"{final}: it was to be produced, and was not written")


def _shaped(paths: Mapping[str, Path], *, single: bool) -> Any:
    if not single:
        return dict(paths)
    return next(iter(paths.values()), None)


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _beside(path: Path) -> Path:
    """A name of this process's own in the same folder, with the same ending (libraries go by it)."""
    return path.with_name(f"{PARTIAL}-{_host()}-{os.getpid()}-{next(_numbers)}-{path.name}")


def _sweep(path: Path) -> None:
    """Remove drafts of this artifact whose process is gone."""
    for left in path.parent.glob(f"{PARTIAL}-{_host()}-*-*-*"):
        pid, _, name = left.name.removeprefix(f"{PARTIAL}-{_host()}-").partition("-")
        if name.partition("-")[2] == path.name and pid.isdigit() and not _alive(int(pid)):
            _remove(left)


def _alive(pid: int) -> bool:
    if os.name != "posix":  # elsewhere this very call would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def _replace(place: Path, final: Path) -> None:
    if not final.exists() or not (final.is_dir() or place.is_dir()):
        place.replace(final)
        return
    aside = _beside(final)  # a folder cannot take another's place in one step
    final.replace(aside)
    place.replace(final)
    _remove(aside)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
