"""Who may ask: nobody is asked on the loopback address without keys; API keys open one workspace each."""

from __future__ import annotations

import time

from api.problems import Problem
from knowledge.errors import StoreUnavailable
from knowledge.store import api_keys
from knowledge.store.database import Database

#: A verified key is believed for this long: a revoked one stops working within it.
REMEMBERED_S = 30.0
MOST_REMEMBERED = 1_000


class Gate:
    """`open` means: no authentication, the `X-Workspace` header names the workspace."""

    def __init__(self, database: Database, *, open: bool) -> None:
        self.open = open
        self._database = database
        self._remembered: dict[str, tuple[float, str]] = {}

    async def workspace(self, authorization: str | None) -> str:
        """The workspace of a bearer key; raises a 401 problem."""
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Problem(401, "Send Authorization: Bearer and an API key.", field="Authorization")
        until, workspace = self._remembered.get(secret, (0.0, ""))
        return workspace if time.monotonic() < until else await self._verify(secret)

    async def _verify(self, secret: str) -> str:
        try:
            async with self._database.connection() as connection:
                key = await api_keys.verify(connection, secret)
        except StoreUnavailable:
            if secret in self._remembered:  # it was right when it could be asked for last
                return self._remembered[secret][1]
            raise
        if key is None:
            self._remembered.pop(secret, None)
            raise Problem(401, "This API key is not known or was revoked.", field="Authorization")
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[secret] = (time.monotonic() + REMEMBERED_S, key.workspace)
        return key.workspace


async def any_key(database: Database) -> bool:
    """Whether a key that still opens something exists."""
    async with database.connection() as connection:
        return any(key.revoked_at is None for key in await api_keys.list_all(connection))
