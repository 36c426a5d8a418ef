"""What was told in few words and is told again by who knows more: a job of GitHub's, by its webhook and its log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from ingest import github
from knowledge.failures import Failure


class Retelling(Protocol):
    """What is needed of the service."""

    async def told(self, workspace: str, external_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]: ...

    async def retell(self, workspace: str, failure: Failure, *, instead_of: str) -> bool: ...


async def retold(known: Iterable[Failure], *, workspace: str, service: Retelling) -> int:
    """Of failures whose ids are known already: how many are told anew, for only the webhook had told of them."""
    jobs = {each.external_id: each for each in known if each.external_id and each.external_id.startswith(github.JOBS)}
    number = 0
    for id, incident in (await service.told(workspace, list(jobs))).items():
        if github.is_only_told_of(incident):
            number += await service.retell(workspace, jobs[id], instead_of=incident["text"])
    return number
