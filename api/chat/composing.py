"""Chat as the settings ask for it; what it needs beyond the core is imported only where Slack is set up."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.chat.asking import Asking
from api.chat.mattermost import Mattermost
from api.settings import Settings, SettingsError
from knowledge.answering import Clock
from knowledge.arrivals import Arrivals
from knowledge.notices import Notices
from knowledge.proposing import Proposals
from knowledge.service import KnowledgeService
from knowledge.store.database import Database
from knowledge.workspaces import Workspaces

if TYPE_CHECKING:
    from api.chat.connecting import Slack

EXTRA = "pip install 'seenbefore-server[slack]'"


@dataclass(frozen=True, slots=True)
class Chat:
    """The chats that are set up, each with what its routes answer with."""

    slack: Slack | None
    mattermost: Mattermost | None


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, *, service: KnowledgeService, proposals: Proposals, database: Database, clock: Clock
) -> AsyncIterator[Chat]:
    """Chat while the service runs. Raises `SettingsError` where Slack is set up and its libraries are not there."""
    asking = Asking(service, proposals, workspace=settings.chat_workspace, public_url=settings.public_url)
    async with contextlib.AsyncExitStack() as stack:
        mattermost = _mattermost(settings, asking=asking)
        if mattermost is not None:
            stack.push_async_callback(mattermost.close)
        slack = None
        if settings.slack is not None:
            slack = await stack.enter_async_context(_slack(settings, asking=asking, database=database, clock=clock))
        yield Chat(slack, mattermost)


def _mattermost(settings: Settings, *, asking: Asking) -> Mattermost | None:
    token = settings.mattermost_token.get_secret_value().strip() if settings.mattermost_token else ""
    return Mattermost(token, asking=asking) if token else None


def _slack(
    settings: Settings, *, asking: Asking, database: Database, clock: Clock
) -> contextlib.AbstractAsyncContextManager[Slack]:
    try:
        from api.chat import connecting  # noqa: PLC0415 - of the extra `slack`
    except ImportError as error:
        raise SettingsError(f"Slack is set up, and {error.name} is not installed: {EXTRA}") from None
    workspaces, workspace = Workspaces(database), settings.chat_workspace
    arrivals = Arrivals(database, workspaces=workspaces, workspace=workspace)
    notices = None
    if settings.slack_channel:
        channel = settings.slack_channel
        notices = Notices(database, workspaces=workspaces, workspace=workspace, channel=channel, clock=clock)
    return connecting.connected(settings, asking=asking, arrivals=arrivals, notices=notices)
