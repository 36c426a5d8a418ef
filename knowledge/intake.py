"""From what a pipeline tells to what may be stored: scrubbed, bounded, signed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from knowledge.errors import InvalidInput
from knowledge.failures import ErrorInfo, Failure, Resolution
from knowledge.signature import sign
from knowledge.signature.scrub import scrub, scrub_value
from knowledge.signature.signature import Signature

#: Characters of a log that are kept with an incident: head and tail, for what failed stands at either end.
KEPT_TEXT = 64_000
#: Above this many characters the work goes to a thread, so that other requests are answered meanwhile.
SMALL = 20_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A failure without secrets, and its signature."""

    failure: Failure
    signature: Signature


async def prepare(failure: Failure) -> Prepared:
    """`prepare_now`, beside the event loop when the text is long."""
    if _size(failure) <= SMALL:
        return prepare_now(failure)
    return await asyncio.to_thread(prepare_now, failure)


async def prepare_many(failures: Sequence[Failure]) -> list[Prepared]:
    """Prepare a batch beside the event loop."""
    return await asyncio.to_thread(lambda: [prepare_now(failure) for failure in failures])


def prepare_now(failure: Failure) -> Prepared:
    """Scrub, sign, bound; raises `InvalidInput` when the failure says nothing."""
    if not any(part and part.strip() for part in _texts(failure)):
        raise InvalidInput("A failure needs an `error` or a `text` that says what went wrong.", field="text")
    scrubbed = _scrubbed(failure)
    signature = sign(scrubbed)
    error = scrubbed.error and replace(scrubbed.error, stacktrace=_bounded(scrubbed.error.stacktrace))
    return Prepared(failure=replace(scrubbed, text=_bounded(scrubbed.text), error=error), signature=signature)


def _texts(failure: Failure) -> tuple[str | None, ...]:
    error = failure.error or ErrorInfo()
    return (failure.text, error.type, error.message, error.stacktrace)


def _size(failure: Failure) -> int:
    told = (len(str(failure.environment)) if failure.environment else 0) + 20 * len(failure.spent)
    return told + sum(len(part or "") for part in _texts(failure))


def _scrubbed(failure: Failure) -> Failure:
    error, said = failure.error, failure.resolution
    return replace(
        failure,
        text=_clean(failure.text),
        error=error and ErrorInfo(_clean(error.type), _clean(error.message), _clean(error.stacktrace)),
        pipeline=_clean(failure.pipeline),
        step=_clean(failure.step),
        run_id=_clean(failure.run_id),
        environment=_clean_mapping(failure.environment),
        spent={scrub(unit): amount for unit, amount in failure.spent.items()},
        external_id=_clean_id(failure.external_id),
        resolution=said and scrubbed_resolution(said),
    )


def scrubbed_resolution(said: Resolution) -> Resolution:
    """A resolution without secrets."""
    fixed_in = {scrub(key): scrub(value) for key, value in said.fixed_in.items()}
    return Resolution(scrub(said.summary), said.action, _clean(said.author), fixed_in)


def _clean(text: str | None) -> str | None:
    return None if text is None else scrub(text)


def _clean_id(id: str | None) -> str | None:
    """Scrubbed, and still another id than any other: two that differ only in a secret are two incidents."""
    cleaned = _clean(id)
    if id is None or cleaned == id:
        return id
    return f"{cleaned} {hashlib.sha256(id.encode()).hexdigest()[:16]}"


def _clean_mapping(values: Mapping[str, Any]) -> Mapping[str, Any]:
    cleaned = scrub_value(dict(values)) if values else {}
    return cleaned if isinstance(cleaned, dict) else {}


def _bounded(text: str | None) -> str | None:
    if text is None or len(text) <= KEPT_TEXT:
        return text
    half = KEPT_TEXT // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
