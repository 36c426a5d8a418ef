"""The service's log: lines for people, or JSON for what collects logs. No line has the text of a failure."""

from __future__ import annotations

import logging
from enum import StrEnum
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

#: They log what is theirs to know.
NOISY = ("alembic", "httpx", "httpcore", "sentence_transformers", "psycopg.pool", "openvino", "slack_bolt", "mcp")
#: Why PostgreSQL takes no connection (a wrong password, an unknown name) says nothing of a failure.
CONNECTING = "psycopg.pool"
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFormat(StrEnum):
    """`text` tells what happens to the service; `json` each request as well."""

    TEXT = "text"
    JSON = "json"


class Bare(logging.Filter):
    """Errors without their words, whoever logs them: those of an error of our own may quote the failure that was sent.

    For a handler, which sees the lines of libraries and of the event loop too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass: of an exception its class, and where it was raised."""
        record.exc_text = None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_info = bare(record.exc_info[1])
        if record.name == "asyncio" and record.levelno >= logging.ERROR:
            record.msg, record.args = _without_arguments(record.getMessage()), None
        elif isinstance(record.args, tuple) and record.name != CONNECTING:
            record.args = tuple(_named(each) for each in record.args)
        return True


class Bared(RuntimeError):
    """Stands for an exception in the log, whose class is its message."""


def bare(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """What to log of an exception: its class as the message, and its traceback; what it was raised from is left out."""
    told = error if isinstance(error, Bared) else Bared(type(error).__name__).with_traceback(error.__traceback__)
    return Bared, told, error.__traceback__


def _named(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


def _without_arguments(message: str) -> str:
    """What the event loop has met, without the task or the call that it quotes: their values are in it."""
    return message.partition("\n")[0].partition("(")[0].partition("<")[0].rstrip()


def install(*, level: str, format: LogFormat) -> None:
    """Set the root logger up."""
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if format is LogFormat.JSON else logging.Formatter(TEXT))
    handler.addFilter(Bare())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if format is LogFormat.TEXT and level != "debug":  # on a laptop they would drown what there is to read
        logging.getLogger("api.requests").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message"], rename_fields={"levelname": "level", "name": "logger"}, timestamp="time"
    )
