"""What a form is answered with where somebody else was faster: who changed what, and that what was written can be sent
all the same. It stands in the form, so that nothing written is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from api.problems import Problem
from api.web.in_place import IN_FORM, is_in_place
from api.web.precedent import ShownChange, shown_changes
from api.web.rendering import address_of, page
from api.web.visitors import Visitor
from knowledge.errors import Conflict, StaleVersion
from knowledge.service import KnowledgeService


async def changed_meanwhile(
    request: Request,
    service: KnowledgeService,
    visitor: Visitor,
    precedent_id: UUID,
    *,
    error: StaleVersion | Conflict,
    can_follow: bool = False,
    field: str = "version",
    read: Mapping[str, int] = MappingProxyType({}),
) -> Response:
    """The note in the form. Raises a problem where it is no form in place, or was refused for another reason.

    The form is sent again with the version as it is now, which comes with the note as `field`; `read` are versions of
    other precedents, which the form goes on with. `can_follow`: the form names its precedent, so that it can be sent to
    the one that this was merged into.
    """
    now = await service.precedent(visitor.workspace, precedent_id)
    merged = now["id"] != str(precedent_id)
    if not merged and not isinstance(error, StaleVersion):
        raise error
    changes = shown_changes(
        await service.history(visitor.workspace, UUID(now["id"]), after=None, limit=1), of=now["id"]
    )
    change, status = next(iter(changes), None), 409 if merged else 412
    if not is_in_place(request):
        raise Problem(status, _in_words(change))
    answer = page(
        request,
        "_meanwhile.html",
        status=status,
        change=change,
        now=now,
        link=address_of(request, "precedent", precedent_id=now["id"]),
        merged=merged,
        can_follow=can_follow,
        versions={**read, field: now["version"]},
    )
    answer.headers.update(IN_FORM)
    return answer


def _in_words(change: ShownChange | None) -> str:
    who = f"{change.said['author'] or 'Somebody'} {change.done}" if change else "It was changed"
    return (
        f"{who} after you had looked at it. Nothing of yours was recorded; go back, and what you wrote is in the form."
    )
