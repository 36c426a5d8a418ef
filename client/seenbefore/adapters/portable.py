"""Policies that travel: task runners send functions, and all that decorates them, to other processes and machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seenbefore.adapters.guard import harmless
from seenbefore.settings import spool_path

if TYPE_CHECKING:
    from seenbefore import AsyncClient, Client


@dataclass(frozen=True, slots=True)
class Travelling:
    """What makes a client of the same service elsewhere. Its API key is not sent along: that is the environment's."""

    kind: type[Client] | type[AsyncClient]
    url: str
    workspace: str | None
    timeout_s: float
    resume_timeout_s: float
    spool: str | None

    @classmethod
    def of(cls, memory: Client | AsyncClient) -> Travelling:
        """What there is to be known of a client."""
        core = memory._core
        spool = str(core._path) if core._path != spool_path() else None
        timeouts = core.timeout_s, core.resume_timeout_s
        return cls(type(memory), core.target.url, core.target.workspace, *timeouts, spool)

    def arrive(self) -> Any:
        """The client; None where none can be made, which is as good as a service that is away."""
        return harmless(
            lambda: self.kind(
                self.url,
                workspace=self.workspace,
                timeout_s=self.timeout_s,
                resume_timeout_s=self.resume_timeout_s,
                spool=self.spool,
            ),
            otherwise=None,
        )


class Portable:
    """What has a client as `memory`, and can be pickled all the same. `LEFT` stays behind and is made anew."""

    LEFT: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """All but what belongs to this process."""
        state = {name: value for name, value in self.__dict__.items() if name not in self.LEFT}
        return state | {"memory": Travelling.of(state["memory"])}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The same, with a client of this process."""
        self.__dict__.update(state | {"memory": state["memory"].arrive()})
        self.unpack()

    def unpack(self) -> None:
        """Make anew what stayed behind."""
