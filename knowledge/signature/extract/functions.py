"""Which code failed: function and library of the innermost frames, and the API operations that messages name."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.signature.patterns import pattern

_FUNCTION = pattern(
    r"\bin ([\w<>.$]+)",
    r"\bat (?:async |new )?([\w.$<>]+) ?\(",
    r"\b([\w.]+)\(.*\)$",
)
_LIBRARY = pattern(r"(?:site-packages|dist-packages|node_modules)[/\\](@?\w+)")
_OPERATIONS = pattern(
    r"calling the (\w+) operation",
    r"\boperation: ?(\w+)",
    r"\b(?:Service|Operation|Action|Api|API)[:=] ?\"?(\w+)\"?",
)
_FOREIGN = (
    "site-packages", "dist-packages", "/lib/python", "\\lib\\", "node_modules", "<frozen", "node:", "java.base/",
)  # fmt: skip


def function_of(frame: str) -> str:
    """The function's name without its module; empty when the frame names none."""
    found = _FUNCTION.search(frame)
    name = next((found[group] for group in (1, 2, 3) if found[group]), "") if found else ""
    return name.rpartition(".")[2] if not name.startswith("<") else ""


def libraries_of(frames: Iterable[str]) -> tuple[str, ...]:
    """The installed libraries that the frames run through."""
    found = (_LIBRARY.search(frame) for frame in frames)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def operations_of(text: str) -> tuple[str, ...]:
    """The API operations that a message names: `PutObject` in `when calling the PutObject operation`."""
    if "peration" not in text and "ervice" not in text and "ction" not in text:
        return ()
    found = _OPERATIONS.finditer(text)
    return tuple(dict.fromkeys(next(match[group] for group in (1, 2, 3) if match[group]) for match in found))


def is_own(frame: str) -> bool:
    """Whether the frame is the pipeline's own code and not a library's."""
    return not any(mark in frame for mark in _FOREIGN)
