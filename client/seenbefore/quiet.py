"""Calls of ours leave no line in a pipeline's own log; those that the pipeline makes with httpx itself do as ever."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar

#: Who logs each request (httpx, as INFO) and each of its parts (httpcore, as DEBUG).
LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")
_is_ours: ContextVar[bool] = ContextVar("seenbefore_quiet", default=False)


def install() -> None:
    """See to it that `quiet` is heeded. May be called often."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_is_not_ours)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is done within is ours."""
    before = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(before)


def _is_not_ours(_: logging.LogRecord) -> bool:
    return not _is_ours.get()
