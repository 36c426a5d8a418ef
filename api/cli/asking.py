"""Asking the running service: where it is, as whom, and what its refusals mean for people."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from api.untrusted import one_line

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
API_KEY = "SEENBEFORE_API_KEY"
CONNECT_S = 5.0
#: The service answers in milliseconds; this is for one that embeds its first text or is busy with an import.
ANSWER_S = 60.0
#: How often and how long a service that is away for a moment (503) is waited for.
ATTEMPTS, PAUSE_S = 5, 2.0

REFUSES = "The service refuses: "

Document = dict[str, Any]


class ServiceTrouble(click.ClickException):
    """The service cannot be reached, or refuses what is asked: then with its status, and the fields that it names."""

    exit_code = 3

    def __init__(self, message: str, *, status: int | None = None, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.fields = tuple(fields)


class NoService(ServiceTrouble):
    """Nothing answers at the address."""


class ServiceAway(ServiceTrouble):
    """The service answers that it cannot do this now (503)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which service is asked, and for which workspace."""

    url: str
    workspace: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address without anybody's name or password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return key | ({"X-Workspace": self.workspace} if self.workspace else {})


def target_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--url` and `--workspace`; the command gets `target`."""

    @click.option(
        "--url", envvar="SEENBEFORE_URL", default=DEFAULT_URL, show_default=True, help="Where the service is."
    )
    @click.option(
        "--workspace",
        envvar="SEENBEFORE_WORKSPACE",
        help="Workspace to ask in, where the service asks for no API key.  [default: default]",
    )
    @functools.wraps(function)
    def with_target(*, url: str, workspace: str | None, **given: Any) -> None:
        function(target=make_target(url, workspace=workspace), **given)

    return with_target


def make_target(url: str, *, workspace: str | None = None) -> Target:
    """Check what was given; the API key comes from the environment alone, where other users cannot read it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError("--url needs an address such as http://127.0.0.1:8000")
    key = os.environ.get(API_KEY) or None
    for name, value in ((API_KEY, key), ("--workspace", workspace)):
        if value and not (value.isascii() and value.isprintable()):
            raise click.UsageError(f"{name} holds characters that it cannot have")
    return Target(url=url.rstrip("/"), workspace=workspace or None, api_key=key)


class Service:
    """The calls that commands make; every method raises `ServiceTrouble`."""

    def __init__(self, client: httpx.Client, *, target: Target) -> None:
        self._client = client
        self._target = target

    def get(self, path: str, *, params: Mapping[str, str | int | bool] | None = None) -> Document:
        """The document of a `GET`."""
        return self._ask("GET", path, params=params)

    def post(
        self,
        path: str,
        content: bytes,
        *,
        params: Mapping[str, str] | None = None,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
        patience_s: float = ANSWER_S,
    ) -> Document:
        """The document of a `POST`."""
        sent = {"Content-Type": kind, **(headers or {})}
        return self._ask("POST", path, params=params, content=content, headers=sent, timeout=patience_s)

    def _ask(self, method: str, path: str, **given: Any) -> Document:
        import httpx  # noqa: PLC0415 - imported by `connect` already

        try:
            answer = self._client.request(method, path, **given)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise NoService(
                f"No service answers at {self._target.shown}. Start it with: make serve (or: seenbefore serve). "
                "If it runs elsewhere, name it: --url or SEENBEFORE_URL."
            ) from None
        except httpx.TimeoutException:
            raise ServiceTrouble(f"The service at {self._target.shown} has not answered in time.") from None
        except httpx.HTTPError as error:
            raise ServiceTrouble(
                f"The connection to {self._target.shown} broke off ({type(error).__name__})."
            ) from None
        return _document(answer, target=self._target)


@contextlib.contextmanager
def connect(target: Target) -> Iterator[Service]:
    """A service to ask, over one connection."""
    import httpx  # noqa: PLC0415 - not needed for help

    timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
    with httpx.Client(
        base_url=target.url, headers=target.headers, timeout=timeout, trust_env=not is_local(target)
    ) as client:
        yield Service(client, target=target)


def is_local(target: Target) -> bool:
    """Whether the service is on this machine: then no proxy of the environment stands between."""
    host = urlsplit(target.url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _document(answer: httpx.Response, *, target: Target) -> Document:
    try:
        document = json.loads(answer.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ServiceTrouble(f"{target.shown} answers {answer.status_code}, and not as Seen Before does.")
    if answer.is_success:
        return document
    kind = ServiceAway if answer.status_code == 503 else ServiceTrouble
    raise kind(_problem(document, status=answer.status_code), status=answer.status_code, fields=_fields(document))


def _fields(document: Document) -> list[str]:
    """The fields that a problem document names."""
    return [str(each.get("field", "")) for each in document.get("errors") or () if isinstance(each, dict)]


def _problem(document: Document, *, status: int) -> str:
    """A problem document in one line, with what to do about it where the command line knows."""
    said = one_line(str(document.get("detail") or document.get("title") or f"status {status}"))
    if status == 401:
        return f"{said} Set {API_KEY} to a key: seenbefore keys create"
    return f"{REFUSES}{said}"
