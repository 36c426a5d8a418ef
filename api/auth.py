"""Who may ask: nobody is asked on the loopback address without keys; API keys open one workspace each."""

from __future__ import annotations

import contextlib
import time

from api.problems import Problem
from knowledge.errors import StoreUnavailable
from knowledge.store import api_keys
from knowledge.store.database import Database

#: A verified key is believed for this long: a revoked one stops working within it.
REMEMBERED_S = 30.0
MOST_REMEMBERED = 1_000
#: An open service asks so often whether there is a key by now.
LOOK_AGAIN_S = 10.0


class Gate:
    """`open` means: no authentication, the `X-Workspace` header names the workspace.

    An open gate closes soon after the first key was made, and stays so: revoking the last key opens nothing.
    """

    def __init__(self, database: Database, *, open: bool) -> None:
        self.open = open
        self._database = database
        self._look_again = time.monotonic() + LOOK_AGAIN_S
        self._remembered: dict[str, tuple[float, str]] = {}
        self._names: dict[str, str] = {}

    async def is_open(self) -> bool:
        """Whether nobody is asked for a key: looked up every `LOOK_AGAIN_S`, or as it was while PostgreSQL is away."""
        if self.open and time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + LOOK_AGAIN_S
            with contextlib.suppress(StoreUnavailable):
                self.open = not await any_key(self._database)
        return self.open

    async def workspace(self, authorization: str | None) -> str:
        """The workspace of a bearer key; raises a 401 problem."""
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Problem(401, "Send Authorization: Bearer and an API key.", field="Authorization")
        until, workspace = self._remembered.get(secret, (0.0, ""))
        return workspace if time.monotonic() < until else await self._verify(secret)

    def name(self, authorization: str | None) -> str | None:
        """The name of a bearer key that `workspace` has taken."""
        return self._names.get((authorization or "").partition(" ")[2].strip())

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
            self._names.clear()
        self._remembered[secret] = (time.monotonic() + REMEMBERED_S, key.workspace)
        self._names[secret] = key.name
        return key.workspace


async def any_key(database: Database) -> bool:
    """Whether there is a key, or ever was one: revoked ones count, so that revoking the last opens nothing."""
    async with database.connection() as connection:
        return bool(await api_keys.list_all(connection))
