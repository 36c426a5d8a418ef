"""The real cluster, by the official client (the extra `kubernetes`), whose business addresses and certificates are.

Answers are read as JSON, not as the client's models, which refuse what a newer cluster says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ingest.foreign import object_of
from ingest.kubernetes.watching import Away, ClusterRefused, Gone, Stream

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

#: Seconds: to connect, for a page of a list, and until the cluster is to end a watch; then for its silence.
CONNECT_S, ANSWER_S, WATCH_S, SILENCE_S = 5.0, 60.0, 300, 330.0
#: Bytes of one event; etcd keeps no object beyond 1.5 MB.
LONGEST_EVENT = 8_000_000
RESOURCES = {"Pod": "/api/v1", "Job": "/apis/batch/v1", "Event": "/apis/events.k8s.io/v1"}
#: Where events are as well: an older cluster, or a role, may know them here alone.
CORE_EVENTS = "/api/v1"
NOT_THERE = (400, 403, 404)


class NoCluster(Exception):
    """There is no extra `kubernetes`, or no configuration of a cluster."""


class RealCluster:
    """A cluster that a kubeconfig names, or the one that this process runs in."""

    def __init__(self, *, kubeconfig: str | None = None, context: str | None = None) -> None:
        """Raises `NoCluster`."""
        try:
            from kubernetes import client, config  # noqa: PLC0415 - an extra
        except ImportError:
            raise NoCluster(
                "The client of Kubernetes is not installed: pip install 'seenbefore-server[kubernetes]'"
            ) from None
        settings = client.Configuration()
        inside = not (kubeconfig or context) and "KUBERNETES_SERVICE_HOST" in os.environ
        try:
            if inside:
                config.load_incluster_config(client_configuration=settings)
            else:
                config.load_kube_config(kubeconfig, context, client_configuration=settings, persist_config=False)
        except (config.ConfigException, OSError, ValueError) as error:
            raise NoCluster(f"There is no cluster to watch: {error}") from None
        settings.retries = False
        self._client = client.ApiClient(settings)
        self._resources = dict(RESOURCES)

    def close(self) -> None:
        """Close connections."""
        self._client.rest_client.close()

    def page(self, stream: Stream, *, token: str | None, limit: int) -> Mapping[str, Any]:
        """A page of a list."""
        query = [("limit", str(limit)), *([("continue", token)] if token else [])]
        answer = self._ask(stream, query, silence_s=ANSWER_S)
        try:
            return object_of(json.loads(answer.read()))
        except (ValueError, OSError, RecursionError, self._errors) as error:
            raise Away(f"the list broke off ({type(error).__name__})") from None
        finally:
            answer.release_conn()

    def changes(self, stream: Stream, *, version: str) -> Iterator[Mapping[str, Any]]:
        """Watch events."""
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", str(WATCH_S)),
        ]
        answer = self._ask(stream, query, silence_s=SILENCE_S)
        try:
            for line in _lines(answer):
                yield object_of(json.loads(line))
        except (ValueError, OSError, RecursionError, self._errors) as error:
            raise Away(f"the watch broke off ({type(error).__name__})") from None
        finally:
            answer.close()

    @property
    def _errors(self) -> type[Exception]:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the extra

        return HTTPError

    def _ask(self, stream: Stream, query: list[tuple[str, str]], *, silence_s: float) -> BaseHTTPResponse:
        """The open answer; raises `Gone`, `Away` and `ClusterRefused`."""
        chosen = (("labelSelector", stream.selector), ("fieldSelector", stream.fields))
        query = [*query, *((name, value) for name, value in chosen if value)]
        group = self._resources[stream.kind]
        answer = self._get(f"{group}{_place(stream)}", query, silence_s=silence_s)
        if stream.kind == "Event" and group != CORE_EVENTS and answer.status in NOT_THERE:
            answer.close()
            self._resources["Event"] = CORE_EVENTS
            return self._ask(stream, query, silence_s=silence_s)
        if answer.status != 200:
            _refuse(answer)
        return answer

    def _get(self, path: str, query: list[tuple[str, str]], *, silence_s: float) -> BaseHTTPResponse:
        """Whatever is answered; raises `Away`."""
        made = self._client.param_serialize(
            "GET",
            path,
            query_params=query,
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer: BaseHTTPResponse = self._client.call_api(*made, _request_timeout=(CONNECT_S, silence_s)).response
        except (OSError, self._errors) as error:
            raise Away(f"the cluster cannot be reached ({type(error).__name__})") from None
        return answer


def _place(stream: Stream) -> str:
    namespace = f"/namespaces/{stream.namespace}" if stream.namespace else ""
    return f"{namespace}/{stream.kind.lower()}s"


def _refuse(answer: Any) -> None:
    """Raise what a status means."""
    try:
        said = object_of(json.loads(answer.read(100_000))).get("message")
    except Exception:
        said = None
    finally:
        answer.close()
    told = f"the cluster answers {answer.status}" + (f": {str(said)[:500]}" if said else "")
    if answer.status == 410:
        raise Gone
    if answer.status == 429 or answer.status >= 500:
        after = str(answer.headers.get("Retry-After", ""))
        raise Away(told, after_s=min(float(after), 300.0) if after.isascii() and after.isdigit() else 0.0)
    raise ClusterRefused(told)


def _lines(answer: Any) -> Iterator[bytes]:
    """Lines of a stream, each bounded; what is cut off at its end is no line."""
    rest = b""
    for part in answer.stream(65_536):
        *ended, rest = (rest + part).split(b"\n")
        yield from (line for line in ended if line.strip())
        if len(rest) > LONGEST_EVENT:
            raise ValueError("an event is too long")
