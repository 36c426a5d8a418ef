"""What chat's requests are refused with: they prove nothing of where they come from."""

from __future__ import annotations

from starlette.responses import Response

from api.problems import Kind, response

UNPROVEN = Kind(401, "unproven", "The request does not prove where it comes from")


class Unproven(Exception):
    """A request that is forged, stale, replayed or malformed; `field` says what is wrong with it."""

    def __init__(self, detail: str, *, field: str) -> None:
        super().__init__(detail)
        self.field = field

    def response(self) -> Response:
        """As a problem, 401."""
        return response(401, str(self), field=self.field, kind=UNPROVEN)
