"""SHA-256 of what goes into a sub-task and of what comes out of it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

#: So the names begin of what is written beside its place and is not yet, or no more, an artifact.
PARTIAL = ".seenbefore"
log = logging.getLogger("seenbefore")
#: Types of which this process has warned.
_warned: set[str] = set()


def hash_path(path: str | os.PathLike[str]) -> str:
    """SHA-256 (hexadecimal) of a file's bytes, or of a folder's names and files. Raises `OSError`."""
    place = Path(path)
    return _hash_folder(place) if place.is_dir() else _hash_file(place)


def _hash_file(path: Path) -> str:
    if path.exists() and not path.is_file():  # a pipe or a device has no end
        raise OSError(f"{path} is neither a file nor a folder")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_folder(folder: Path) -> str:
    """Over each name in it and what is there, in the order of names; times and permissions say nothing of that, nor do
    drafts of other work, which come and go."""
    digest = hashlib.sha256(b"folder\n")
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if any(part.startswith(f"{PARTIAL}-") for part in place.parts):
            continue
        name = place.as_posix()
        digest.update(f"{len(name.encode('utf-8', 'surrogateescape'))} ".encode())
        digest.update(name.encode("utf-8", "surrogateescape") + f" {_told_of(path)}\n".encode())
    return digest.hexdigest()


def _told_of(path: Path) -> str:
    """A file's hash, through a link too; of any other link where it leads, of all else the kind: no pipe is read."""
    if path.is_file():
        return _hash_file(path)
    if path.is_symlink():
        return f"link {hashlib.sha256(os.fsencode(path.readlink())).hexdigest()}"
    return "folder" if path.is_dir() else f"special {stat.filemode(path.lstat().st_mode)[0]}"


def hash_inputs(inputs: object, *, place: Sequence[str], version: str | None = None) -> str:
    """SHA-256 of the contents of inputs. Never raises.

    A file counts by its bytes, whether a path or a text names it; a folder by all that is in it, and only as a path,
    for many a plain word names a folder by chance. Anything else counts by its canonical JSON, or what stands for it
    there. Without inputs (None) the work is the same at its `place` (pipeline, run, step and sub-task) and nowhere
    else; with inputs that cannot be read or compared it is never the same, and types that cannot be are told once.
    `version` is the pipeline's own word for "the same code".
    """
    try:
        told = {"place": list(place)} if inputs is None else {"inputs": _told(inputs)}
        text = _canonical([told, version])
    except _Untold as error:
        error.warn()
        return os.urandom(32).hex()
    except Exception:  # noqa: BLE001,RUF100 - files that cannot be read, and other people's types
        return os.urandom(32).hex()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Untold(TypeError):
    """A value of which nothing stands for its contents."""

    def warn(self) -> None:
        """Once for each type."""
        kind = str(self)
        if kind not in _warned:
            _warned.add(kind)
            log.warning(
                "inputs of type %s cannot be compared: work over them is never skipped. Give its contents.", kind
            )


def _canonical(told: object) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def _told(value: object) -> Any:
    """The value with hashes where contents are."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    if isinstance(value, Mapping):
        return _told_mapping(value)
    if isinstance(value, set | frozenset):
        return {"set": sorted(_canonical(_told(each)) for each in value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, os.PathLike) or (isinstance(value, str) and _names_file(value)):
        return {"sha256": hash_path(value)}
    return value if isinstance(value, str) else _told_object(value)


def _told_mapping(value: Mapping[Any, object]) -> Any:
    if all(isinstance(key, str) for key in value):
        return {"map": {key: _told(each) for key, each in value.items()}}
    return {"pairs": sorted(_canonical([_told_key(key), _told(each)]) for key, each in value.items())}


def _told_key(key: object) -> Any:
    """A key is a name, though a file be called so."""
    return key if isinstance(key, str) else _told(key)


def _told_object(value: object) -> Any:
    """What values of the standard library and of dataclasses hold, with their kind."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, Enum):
        return {kind: value.name}
    if isinstance(value, date | time):
        return {kind: value.isoformat()}
    if isinstance(value, UUID | Decimal | timedelta):
        return {kind: str(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {kind: {each.name: _told(getattr(value, each.name)) for each in fields(value)}}
    raise _Untold(kind)


def _names_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
