"""Secrets in schemas: taken out of what explains, refused in what decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from knowledge.errors import InvalidInput
from knowledge.signature.scrub import scrub

#: Texts for people, which decide nothing.
EXPLAINING = frozenset({"title", "description", "$comment"})


def without_secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose explanations are scrubbed; raises `InvalidInput` for a secret elsewhere, which names the place.

    Names of properties stay whatever they promise: a schema says that there is a `token`, and not which.
    """
    return {name: _clean(value, place=name) for name, value in document.items()}


def _clean(value: Any, *, place: str) -> Any:
    if isinstance(value, dict):
        return {_unsuspected(key, place=place): _below(key, child, place=place) for key, child in value.items()}
    if isinstance(value, list):
        return [_clean(child, place=f"{place}.{number}") for number, child in enumerate(value)]
    return _unsuspected(value, place=place) if isinstance(value, str) else value


def _below(key: str, child: Any, *, place: str) -> Any:
    return scrub(child) if key in EXPLAINING and isinstance(child, str) else _clean(child, place=f"{place}.{key}"[:200])


def _unsuspected(text: str, *, place: str) -> str:
    if scrub(text) != text:
        raise InvalidInput("This looks like a secret, and a schema is read by many.", field=scrub(place)[:80])
    return text
