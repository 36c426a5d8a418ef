"""Who may ask: nobody is asked on the loopback address without keys; API keys open one workspace each."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from api.problems import Problem
from knowledge.errors import StoreUnavailable
from knowledge.store import api_keys
from knowledge.store.database import Database

#: A verified key is believed for this long: a revoked one stops working within it.
REMEMBERED_S = 30.0
MOST_REMEMBERED = 1_000
#: An open service asks so often whether there is a key by now.
LOOK_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Entered:
    """What a request may see, and the name of its API key: None while nobody is asked for one."""

    workspace: str
    key: str | None

    @property
    def author(self) -> str | None:
        """Who says what is said with the key, where no name is given."""
        return self.key and f"API key {self.key}"


class Gate:
    """`open` means: no authentication, the `X-Workspace` header names the workspace.

    An open gate closes soon after the first key was made, and stays so: revoking the last key opens nothing.
    """

    def __init__(self, database: Database, *, open: bool) -> None:
        self.open = open
        self._database = database
        self._look_again = time.monotonic() + LOOK_AGAIN_S
        self._remembered: dict[str, tuple[float, Entered]] = {}

    async def is_open(self) -> bool:
        """Whether nobody is asked for a key: looked up every `LOOK_AGAIN_S`, or as it was while PostgreSQL is away."""
        if self.open and time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + LOOK_AGAIN_S
            with contextlib.suppress(StoreUnavailable):
                self.open = not await any_key(self._database)
        return self.open

    async def enter(self, authorization: str | None) -> Entered:
        """Let a bearer key in; raises a 401 problem."""
        scheme, _, secret = (authorization or "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise Problem(401, "Send Authorization: Bearer and an API key.", field="Authorization")
        until, entered = self._remembered.get(secret, (0.0, None))
        return entered if entered is not None and time.monotonic() < until else await self._verify(secret)

    async def _verify(self, secret: str) -> Entered:
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
        entered = Entered(key.workspace, key.name)
        self._remembered[secret] = (time.monotonic() + REMEMBERED_S, entered)
        return entered


async def any_key(database: Database) -> bool:
    """Whether there is a key, or ever was one: revoked ones count, so that revoking the last opens nothing."""
    async with database.connection() as connection:
        return bool(await api_keys.list_all(connection))
