"""Artifacts: written beside their place, checked, and put there whole."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seenbefore.errors import ArtifactMissing
from seenbefore.hashing import PARTIAL, hash_path
from seenbefore.plain import label, text

#: Of a hash so many digits are in a name.
DIGITS = 16
#: Bytes of a file's name before which there is room for what tells drafts apart, and characters of its end.
LONGEST_NAME, LEAST_END = 190, 30
LONGEST_URI = 2_000
log = logging.getLogger("seenbefore")
PathLike = str | os.PathLike[str]
Given = PathLike | Mapping[str, PathLike] | None
_numbers = itertools.count(1)
#: Tells this process from one of the same number: in containers it has the same one after each start.
_MARK = os.urandom(4).hex()


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The artifacts of a sub-task by the names under which they are recorded, and `names`, those that the pipeline has
    given; `single` where it has given one path and not a mapping."""

    paths: Mapping[str, Path]
    single: bool
    names: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Any:
        """The paths in the shape in which they were given; None where there are none."""
        return self.shaped(self.paths)

    def shaped(self, paths: Mapping[str, Path]) -> Any:
        """Such paths in the same shape."""
        if self.single:
            return next(iter(paths.values()), None)
        return {self.names[name]: path for name, path in paths.items()}

    def uri_of(self, name: str, given: object) -> object:
        """Where one is to be had elsewhere, of what the pipeline says of that."""
        return given.get(self.names.get(name, name)) if isinstance(given, Mapping) else given

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
    single = not isinstance(given, Mapping)
    paths: dict[str, Path] = {}
    names: dict[str, Any] = {}
    for name, path in ({Path(given).name: given} if not isinstance(given, Mapping) else given).items():
        told = label(name)
        if told in paths:  # they differ in what the service does not take
            told = label(f"{told}-{len(paths)}")
        paths[told], names[told] = Path(path), name
    return Artifacts(paths, single=single, names=names)


def described(artifact: Mapping[str, Any], uri: object) -> dict[str, str]:
    """Its hash, and where it is where that is known."""
    place = text(uri or artifact.get("uri") or "", longest=10 * LONGEST_URI)
    if len(place) > LONGEST_URI:
        log.warning("the uri of an artifact is left out: it has more than %d characters", LONGEST_URI)
        place = ""
    return {"sha256": artifact["sha256"]} | ({"uri": place} if place else {})


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
        self._given_up = False
        self._before = {name: _stamp(path) for name, path in artifacts.paths.items()}

    @property
    def shown(self) -> Any:
        """Where to write, in the shape in which the artifacts were given."""
        return self._artifacts.shaped(self._places)

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
        self._given_up = True
        for place in self._places.values():
            _remove(place)

    def filled_by(self, produce: Callable[..., Any]) -> Any:
        """What `produce` gives. What it writes after it was given up, in a thread that nobody can end, goes too."""
        try:
            return produce(self.shown) if self._places else produce()
        finally:
            if self._given_up:
                self.discard()

    def set_aside(self, work: str) -> None:
        """Keep what is finished for whoever does the same work next; `work` is the hash of its inputs."""
        for name, place in self._places.items():
            if place.exists():
                place.rename(_aside(self._artifacts.paths[name], work=work, content=hash_path(place)))

    def take_up(self, work: str) -> bool:
        """Go on with what was set aside of the same work; whether all of it is there, and whole."""
        found = {name: _set_aside(path, work=work) for name, path in self._artifacts.paths.items()}
        if not found or not all(found.values()):
            return False
        for name, path in found.items():
            assert path is not None  # noqa: S101 - for the type checker
            path.rename(self._places[name])
        return True

    def _written(self, name: str) -> Path:
        """The temporary place, or the final one where `produce` has written there by itself."""
        place, final = self._places[name], self._artifacts.paths[name]
        if place.exists():
            return place
        if final.exists() and _stamp(final) != self._before[name]:
            return final
        raise ArtifactMissing(f"{final}: it was to be produced, and was not written")


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _beside(path: Path) -> Path:
    """A name of this process's own in the same folder, with the same ending (libraries go by it)."""
    return path.with_name(f"{PARTIAL}-{_host()}-{os.getpid()}-{_MARK}.{next(_numbers)}-{_short(path)}")


def _short(path: Path) -> str:
    """Its name, or what stands for one that leaves no room before it; the ending stays."""
    if len(os.fsencode(path.name)) <= LONGEST_NAME:
        return path.name
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:DIGITS]
    return f"{digest}-{path.name[-LEAST_END:]}"


def forget_aside(artifacts: Artifacts) -> None:
    """Remove what was set aside for these places: they have what was to be made."""
    for path in artifacts.paths.values():
        for left in path.parent.glob(f"{PARTIAL}-done-*"):
            if left.name.split("-", 4)[-1] == _short(path):
                _remove(left)


def _aside(path: Path, *, work: str, content: str) -> Path:
    return path.with_name(f"{PARTIAL}-done-{work[:DIGITS]}-{content[:DIGITS]}-{_short(path)}")


def _set_aside(path: Path, *, work: str) -> Path | None:
    """What was set aside for this place and is still what it was."""
    start = f"{PARTIAL}-done-{work[:DIGITS]}-"
    for each in path.parent.iterdir():
        content, _, name = each.name.removeprefix(start).partition("-")
        if each.name.startswith(start) and name == _short(path) and hash_path(each).startswith(content):
            return each
    return None


def _sweep(path: Path) -> None:
    """Remove drafts of this artifact whose process is gone."""
    for left in path.parent.glob(f"{PARTIAL}-{_host()}-*-*-*"):
        pid, mark, name = left.name.removeprefix(f"{PARTIAL}-{_host()}-").split("-", 2)
        if name == _short(path) and pid.isdigit() and not _alive(int(pid), mark=mark):
            _remove(left)


def _alive(pid: int, *, mark: str) -> bool:
    if pid == os.getpid():
        return mark.startswith(_MARK)
    if os.name != "posix":  # elsewhere this very call would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return not _awaits_burial(pid)


def _awaits_burial(pid: int) -> bool:
    """Whether it has ended and nobody has asked how: the first process of many containers never does."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] == b"Z"
    except OSError:
        return False


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
