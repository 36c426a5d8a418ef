"""Imports: a stream of NDJSON lines into batches of incidents; a bad line never costs the good ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ingest.records import LineProblem, read_failure
from ingest.retelling import Retelling, retold
from knowledge.errors import InvalidInput
from knowledge.failures import Failure
from knowledge.store.records import Recorded

BATCH = 500
#: Lines read without letting others have their turn.
TURN = 100
#: What some editors put before the first line of a file.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOST_LISTED = 1_000


class Recording(Protocol):
    """What recording needs of the service."""

    async def record_many(self, workspace: str, failures: list[Failure]) -> list[Recorded]: ...


class Importing(Recording, Retelling, Protocol):
    """What an import needs of the service."""


@dataclass
class Report:
    """What became of the lines."""

    accepted: int = 0
    duplicates: int = 0
    rejected_total: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, problem: str) -> None:
        """A line that was not taken."""
        self.rejected_total += 1
        if len(self.rejected) < MOST_LISTED:
            self.rejected.append({"line": line, "problem": problem})

    def document(self) -> dict[str, Any]:
        """As the import answers."""
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": sorted(self.rejected, key=lambda each: int(each["line"])),
            "rejected_total": self.rejected_total,
        }


async def import_lines(
    chunks: AsyncIterator[bytes], *, workspace: str, service: Importing, longest_line: int
) -> Report:
    """Read, record in batches, report. What knows more than was told before counts as accepted."""
    report = Report()
    batch: list[tuple[int, Failure]] = []
    async for number, line in lines(chunks, longest=longest_line):
        if number % TURN == 0:
            await asyncio.sleep(0)  # others are answered meanwhile
        if line is None:
            report.reject(number, f"a line may have at most {longest_line} bytes")
        elif (text := line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip():
            try:
                batch.append((number, read_failure(text)))
            except LineProblem as problem:
                report.reject(number, str(problem))
        if len(batch) >= BATCH:
            await _import_batch(batch, workspace=workspace, service=service, report=report)
            batch = []
    await _import_batch(batch, workspace=workspace, service=service, report=report)
    return report


async def _import_batch(
    batch: list[tuple[int, Failure]], *, workspace: str, service: Importing, report: Report
) -> None:
    known = await record_batch(batch, workspace=workspace, service=service, report=report)
    again = [failure for number, failure in batch if number in known]
    anew = await retold(again, workspace=workspace, service=service)
    report.duplicates -= anew
    report.accepted += anew


async def record_batch(
    batch: list[tuple[int, Failure]], *, workspace: str, service: Recording, report: Report
) -> set[int]:
    """Record numbered failures at once; if one of them cannot be taken, find it by halving. The numbers of those that
    were known already."""
    if not batch:
        return set()
    try:
        recorded = await service.record_many(workspace, [failure for _, failure in batch])
    except InvalidInput as error:
        if len(batch) == 1:
            report.reject(batch[0][0], str(error))
            return set()
        middle = len(batch) // 2
        known = await record_batch(batch[:middle], workspace=workspace, service=service, report=report)
        return known | await record_batch(batch[middle:], workspace=workspace, service=service, report=report)
    known = {number for (number, _), each in zip(batch, recorded, strict=True) if each.duplicate}
    report.accepted += len(batch) - len(known)
    report.duplicates += len(known)
    return known


async def lines(chunks: AsyncIterator[bytes], *, longest: int) -> AsyncIterator[tuple[int, bytes | None]]:
    """Numbered lines of a stream, from 1; None for one that is too long, which is never held in memory."""
    number, parts, size = 1, list[bytes](), 0
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            yield number, _line([*parts, piece], size=size + len(piece), longest=longest)
            number, parts, size = number + 1, [], 0
        size += len(rest)
        if size <= longest:
            parts.append(rest)
    if size:
        yield number, _line(parts, size=size, longest=longest)


def _line(parts: list[bytes], *, size: int, longest: int) -> bytes | None:
    return b"".join(parts) if size <= longest else None
