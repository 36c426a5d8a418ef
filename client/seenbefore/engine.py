"""One event loop in a background thread, in which all talk with the service happens.

The sync client waits for it with a timeout that holds in total (a socket's own holds for each read only, and a service
that drips bytes beats it); the async client awaits it, from whichever loop, so one connection pool serves both.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from seenbefore import quiet
from seenbefore.breaker import Breaker
from seenbefore.plain import is_cancelled
from seenbefore.settings import Target
from seenbefore.wire import MOST_BYTES, OF_THE_SENDER, REFUSED_SENDER, Answer, Request, entity_tag

if TYPE_CHECKING:
    import httpx

#: Of a timeout so much (at most 50 ms) is kept for noting that it has passed.
MARGIN, MOST_MARGIN_S = 0.05, 0.05
STOP_S = 0.5
#: What anybody may ask, and what says nothing of who does.
OPEN = "/health/"
log = logging.getLogger("seenbefore")
#: Services that have refused a key of this process, which is told once.
_refusing: set[str] = set()


class Engine:
    """Asks the service and never raises: what goes wrong is None. Safe to use from several threads.

    `start` may be called often; nothing is started before its first call. After a fork a new engine is needed.
    `accepted`: the service has shown that it knows whoever asks here, by doing something or by saying why it does not.
    `threads` are for work of ours that blocks: those of the pipeline's own loop may all be busy for hours.
    """

    def __init__(self, target: Target, *, timeout_s: float, breaker: Breaker) -> None:
        self.target = target
        self.timeout_s = timeout_s
        self.breaker = breaker
        self.accepted = False
        self.threads = _DaemonThreads()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._http: httpx.AsyncClient | None = None

    def start(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs when this returns. httpx is imported in its thread, not on the pipeline's time."""
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                loop.set_default_executor(self.threads)
                self._thread = threading.Thread(target=self._run, args=(loop,), name="seenbefore", daemon=True)
                self._thread.start()
                self._loop = loop
            return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        trouble = self.target.trouble
        try:
            self._http = self._make_client() if trouble is None else None
        except Exception as error:  # noqa: BLE001,RUF100 - an address or header that cannot be: every answer is None
            trouble = type(error).__name__
        if trouble is not None and self.breaker.failed():
            log.warning("Seen Before cannot be asked: %s. The pipeline goes on without it.", trouble)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def _make_client(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - a tenth of a second that an import of this package must not take

        quiet.install()
        return httpx.AsyncClient(
            base_url=self.target.url,
            headers=self.target.headers | {"Accept-Encoding": "identity"},
            # Ours holds in total; but a host that drops packets is given up after the time that any call may take, also
            # where an answer may take longer.
            timeout=httpx.Timeout(None, connect=self.timeout_s),
            trust_env=not self.target.is_local,
            limits=httpx.Limits(max_connections=32, keepalive_expiry=30.0),
        )

    def spawn(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        """Run in the loop. Raises `RuntimeError` when no thread can be started, or the interpreter ends."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self.start())
        except RuntimeError:
            work.close()
            raise

    def ask(self, request: Request, *, timeout_s: float | None = None) -> Answer | None:
        """The answer, or None when there is none within the timeout; at once while the breaker is open."""
        if not self.breaker.closed:
            return None
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        try:
            waiting = self.spawn(self._asked(request, deadline=deadline))
        except RuntimeError:
            return None
        try:
            answer: Answer | None = waiting.result(max(0.0, deadline - time.monotonic()))
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            waiting.cancel()
            return None
        return answer

    async def ask_async(self, request: Request, *, timeout_s: float | None = None) -> Answer | None:
        """The same, for those who wait in an event loop of their own."""
        if not self.breaker.closed:
            return None
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        if asyncio.get_running_loop() is self._loop:
            return await self._asked(request, deadline=deadline)
        try:
            waiting = asyncio.wrap_future(self.spawn(self._asked(request, deadline=deadline)))
        except RuntimeError:
            return None
        try:
            return await asyncio.wait_for(waiting, max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return None
        except asyncio.CancelledError:  # the pipeline's own, or what the end of the engine drops
            if is_cancelled():
                raise
            return None

    async def _asked(self, request: Request, *, deadline: float) -> Answer | None:
        began = time.monotonic()
        left = deadline - began
        answer = await self.exchange(request, timeout_s=left - min(MOST_MARGIN_S, left * MARGIN))
        # Whoever may wait longer than a pipeline has not shown that a pipeline would be answered.
        if answer is None or time.monotonic() - began <= self.timeout_s:
            self.note(answer)
        return answer

    def note(self, answer: Answer | None) -> None:
        """Tell the breaker. A refusal or an error of the service is an answer; silence and nonsense are none."""
        if answer is not None and answer.is_understood:
            self.breaker.answered()
        elif self.breaker.failed():
            log.warning("%s does not answer as Seen Before does; the pipeline goes on without it.", self.target.shown)

    async def exchange(self, request: Request, *, timeout_s: float) -> Answer | None:
        """One call, in the loop, whatever the breaker says; None when there is no whole answer in so many seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                with quiet.quiet():
                    answer = await self._exchange(request)
        except Exception as error:  # noqa: BLE001,RUF100 - whatever it is, a pipeline must not see it
            log.debug("%s %s: %s", request.method, request.path, type(error).__name__)
            return None
        if answer is not None and not request.path.startswith(OPEN):
            self._hear(answer)
        return answer

    def _hear(self, answer: Answer) -> None:
        """What an answer says of who asks. A key is not mended by asking again, so that is told, and told once."""
        refused = answer.problem is not None and answer.status not in OF_THE_SENDER
        self.accepted = self.accepted or answer.ok or refused
        if answer.status in REFUSED_SENDER and self.target.shown not in _refusing:
            _refusing.add(self.target.shown)
            log.warning(
                "%s refuses %s (%d); the pipeline goes on without it, and what is to be written waits on this machine.",
                self.target.shown,
                "this API key" if self.target.api_key else "calls without an API key (SEENBEFORE_API_KEY)",
                answer.status,
            )

    async def _exchange(self, request: Request) -> Answer | None:
        if self._http is None:
            return None
        sent = {"content": request.body, "headers": request.headers}
        async with self._http.stream(request.method, request.path, **sent) as response:  # type: ignore[arg-type]
            if response.headers.get("content-encoding", "identity") != "identity":
                return None
            parts, size = [], 0
            async for part in response.aiter_raw():
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    return None
        named = response.headers.get
        return Answer(
            status=response.status_code,
            body=b"".join(parts),
            kind=named("content-type", ""),
            etag=entity_tag(named("etag")),
            retry_after=named("retry-after"),
            date=named("date"),
        )

    def close(self) -> None:
        """End the thread, within half a second."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._end(), loop)
            thread.join(STOP_S)
        except RuntimeError:
            return

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._http is not None:
            with quiet.quiet():
                await self._http.aclose()
        loop.stop()


class _DaemonThreads(concurrent.futures.ThreadPoolExecutor):
    """A thread for each call (they look names up, hash, keep), which the end of the pipeline does not wait for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """Start it."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001,RUF100 - whoever awaits it gets it
                future.set_exception(error)

        threading.Thread(target=work, name="seenbefore-work", daemon=True).start()
        return future
