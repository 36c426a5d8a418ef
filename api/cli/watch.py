"""`seenbefore watch`: failures as a cluster tells of them, recorded as they happen."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from api.cli.asking import NoService, Service, ServiceAway, ServiceTrouble, Target, connect, target_options
from api.cli.output import json_option, say, show_fields, show_json
from api.untrusted import one_line

if TYPE_CHECKING:
    from ingest.items import Item
    from ingest.kubernetes.failures import Labels
    from ingest.kubernetes.telling import Teller
    from ingest.kubernetes.watching import Cluster, Stream

EPILOG = (
    "Ends with Ctrl-C or SIGTERM. Exit codes: 0 stopped, or all was listed (--once), 2 wrong usage, 3 the service "
    "refuses, or the cluster does."
)
#: Events of the type that is trouble; the normal ones are most of them.
WARNINGS = "type=Warning"
#: Failures that wait to be sent; whoever finds more waits too.
MOST_WAITING = 10_000
#: Failures that this process knows it has sent, so that a list is not sent again and again.
MOST_KNOWN = 100_000
#: Seconds that a failure waits for others to be sent with it.
GATHER_S = 0.5
#: Seconds between attempts to reach a service that is away: the first, and the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0


@click.group("watch")
def command() -> None:
    """Record what fails in a cluster, as it happens."""


@command.command("kubernetes", epilog=EPILOG)
@click.option(
    "--namespace", "namespaces", multiple=True, help="Watch this namespace alone. Repeatable.  [default: all]"
)
@click.option("--selector", help="Watch what has these labels alone, as kubectl -l takes them.")
@click.option("--pipeline-label", "pipelines", multiple=True, metavar="LABEL", help="Label that names the pipeline.")
@click.option("--step-label", "steps", multiple=True, metavar="LABEL", help="Label that names the step.")
@click.option(
    "--kubeconfig", metavar="FILE", help="How to reach the cluster.  [default: as kubectl; in a pod, its own]"
)
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option("--once", is_flag=True, help="Record what there is now, and end.")
@json_option
@target_options
def kubernetes(
    *,
    namespaces: tuple[str, ...],
    selector: str | None,
    pipelines: tuple[str, ...],
    steps: tuple[str, ...],
    kubeconfig: str | None,
    context: str | None,
    once: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Record pods and jobs of Kubernetes that fail, and warning events that say why they do not start.

    Out of memory, evicted, preempted, past their deadline, without a node, a volume or their image, on a node that
    shuts down, or with what a container leaves as its termination message; jobs past their backoff limit, or whose pods
    are refused. Needs the extra `kubernetes`.
    """
    from ingest.kubernetes.cluster import NoCluster, RealCluster  # noqa: PLC0415 - not needed for help
    from ingest.kubernetes.failures import Labels  # noqa: PLC0415
    from ingest.kubernetes.watching import Stream  # noqa: PLC0415

    places = namespaces or (None,)
    streams = [Stream(kind, place, selector) for place in places for kind in ("Pod", "Job")]
    # Events have no labels of their own: whether they match is seen by the pods and jobs that they are about.
    streams += [Stream("Event", place, fields=WARNINGS) for place in places]
    if any(not _is_name(place) for place in namespaces):
        raise click.UsageError("--namespace takes the name of a namespace")
    try:
        cluster = RealCluster(kubeconfig=kubeconfig, context=context)
    except NoCluster as problem:
        raise click.UsageError(one_line(str(problem))) from None
    watch = Watch(cluster, Labels(pipelines, steps), selector=selector)
    with connect(target) as service, contextlib.closing(cluster), _stopped_by_signals(watch.stop):
        recorder = Recorder(service, stop=watch.stop)
        (watch.once if once else watch.follow)(streams, recorder=recorder)
    counts = {"recorded": recorder.accepted, "known": recorder.duplicates, "rejected": recorder.rejected}
    if as_json:
        show_json(counts)
    else:
        show_fields([(name, str(count)) for name, count in counts.items()], title="Kubernetes")


def _is_name(place: str) -> bool:
    """As Kubernetes has them: it becomes part of an address."""
    return len(place) <= 63 and place.isascii() and place.replace("-", "").isalnum()


@dataclass
class Recorder:
    """Sends failures once each, and waits for a service that is away."""

    service: Service
    stop: threading.Event
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    known: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def record(self, items: Iterable[Item]) -> None:
        """Send those that were not sent yet; raises `ServiceTrouble` where the service refuses."""
        from api.cli.sending import MOST_BYTES, MOST_LINES, send  # noqa: PLC0415 - not needed for help
        from api.cli.source import chunks, read_items  # noqa: PLC0415

        for chunk in chunks(read_items(self._new(items)), most=MOST_LINES, most_bytes=MOST_BYTES):
            sent = self._patiently(partial(send, chunk, service=self.service, repeatable=True))
            if sent is None:
                return
            self.accepted, self.duplicates = self.accepted + sent.accepted, self.duplicates + sent.duplicates
            self.rejected += len(sent.rejected)
            for _, problem in sent.rejected:
                say(f"not taken: {one_line(problem)}", err=True)
            if sent.accepted:
                say(f"{sent.accepted} recorded", err=True)

    def _new(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            id = str((item.value or {}).get("external_id"))
            if id not in self.known:
                self.known[id] = None
                if len(self.known) > MOST_KNOWN:
                    self.known.popitem(last=False)
                yield item

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """What it gives; None when it is stopped meanwhile."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                return call()
            except (NoService, ServiceAway) as trouble:
                say(f"{one_line(trouble.message)} It is tried again in {pause:.0f} s.", err=True)
            if self.stop.wait(pause):
                return None
            pause = min(2 * pause, LONGEST_PAUSE_S)


class Watch:
    """Pods, jobs and events of a cluster, each stream in a thread of its own; sent by the thread that calls."""

    def __init__(self, cluster: Cluster, labels: Labels, *, selector: str | None = None) -> None:
        self._cluster = cluster
        self._labels = labels
        self._selector = selector
        self._found: queue.Queue[Item | Exception] = queue.Queue(MOST_WAITING)
        self.stop = threading.Event()

    def once(self, streams: Iterable[Stream], *, recorder: Recorder) -> None:
        """Record what there is now; raises `ServiceTrouble`."""
        from ingest.kubernetes.watching import Away, ClusterRefused, Gone, everything  # noqa: PLC0415 - not needed for help

        teller = self._teller()
        try:
            for stream in streams:
                things = everything(self._cluster, stream)
                recorder.record(item for thing in things for item in teller.failures(thing))
        except (Away, Gone, ClusterRefused) as trouble:
            raise ServiceTrouble(_of_cluster(trouble)) from None

    def follow(self, streams: Iterable[Stream], *, recorder: Recorder) -> None:
        """Record whatever fails, until `stop` is set; raises `ServiceTrouble`."""
        for stream in streams:
            threading.Thread(target=self._follow, args=(stream,), daemon=True, name=stream.shown).start()
            say(f"watching {stream.shown}", err=True)
        while not self.stop.is_set():
            recorder.record(self._gathered())

    def _gathered(self) -> list[Item]:
        """What is found now, and within a moment; raises what a stream ended with."""
        items: list[Item] = []
        until = time.monotonic() + GATHER_S
        while (left := until - time.monotonic()) > 0 and len(items) < MOST_WAITING:
            try:
                found = self._found.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(found, Exception):
                self.stop.set()
                raise ServiceTrouble(_of_cluster(found))
            items.append(found)
        return items

    def _teller(self) -> Teller:
        from ingest.kubernetes.telling import Teller  # noqa: PLC0415 - not needed for help

        return Teller(self._cluster, labels=self._labels, selector=self._selector)

    def _follow(self, stream: Stream) -> None:
        from ingest.kubernetes.watching import follow, patiently  # noqa: PLC0415 - not needed for help

        teller, tell = self._teller(), partial(say, err=True)
        try:
            for thing in follow(self._cluster, stream, stop=self.stop, say=tell):
                failures = partial(teller.failures, thing)
                for item in patiently(failures, stream=stream, stop=self.stop, say=tell) or ():
                    self._found.put(item)
        except Exception as trouble:
            self._found.put(trouble)


def _of_cluster(trouble: Exception) -> str:
    """In words, with what to do about it."""
    problem = one_line(str(trouble)) or type(trouble).__name__
    return f"The cluster refuses, or is away: {problem}. docs/integrations/kubernetes.md has the role that is needed."


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C end it in order. The first process of a container gets no signal that nobody handles."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
