"""SHA-256 of what goes into a sub-task and of what comes out of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


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
    """Over each file's name and hash in the order of names; times and permissions say nothing of the contents."""
    digest = hashlib.sha256(b"folder\n")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        told = "folder" if path.is_dir() else _hash_file(path)
        digest.update(f"{len(name.encode('utf-8', 'surrogateescape'))} ".encode())
        digest.update(name.encode("utf-8", "surrogateescape") + f" {told}\n".encode())
    return digest.hexdigest()


def hash_inputs(inputs: object, *, place: Sequence[str], version: str | None = None) -> str:
    """SHA-256 of the contents of inputs. Never raises.

    A file counts by its bytes, whether a path or a text names it; a folder by all that is in it, and only as a path,
    for many a plain word names a folder by chance. Anything else counts by its canonical JSON. Without inputs (None)
    the work is the same at its `place` (pipeline, run, step and sub-task) and nowhere else; with inputs that cannot be
    read or written as JSON it is never the same. `version` is the pipeline's own word for "the same code".
    """
    try:
        told = {"place": list(place)} if inputs is None else {"inputs": _told(inputs)}
        text = json.dumps([told, version], sort_keys=True, separators=(",", ":"))
    except (OSError, TypeError, ValueError, RecursionError):
        return os.urandom(32).hex()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _told(value: object) -> Any:
    """The value with hashes where contents are."""
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("only texts can name inputs")
        return {"map": {key: _told(each) for key, each in value.items()}}
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return {"sha256": hashlib.sha256(value).hexdigest()}
    if isinstance(value, os.PathLike) or (isinstance(value, str) and _names_file(value)):
        return {"sha256": hash_path(value)}
    return value


def _names_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
