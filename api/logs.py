"""The service's log: lines for people, or JSON for what collects logs. No line carries the text of a failure."""

from __future__ import annotations

import logging
from enum import StrEnum
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

#: They log what is theirs to know.
NOISY = ("alembic", "httpx", "httpcore", "sentence_transformers", "psycopg.pool", "openvino", "slack_bolt", "mcp")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFormat(StrEnum):
    """`text` tells what happens to the service; `json` each request as well."""

    TEXT = "text"
    JSON = "json"


class Bare(logging.Filter):
    """Tracebacks without their messages: those of an error of our own may quote the failure that was sent.

    For the server's own log, to which Starlette hands every unexpected error once more.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, by the class of the exception and where it was raised alone."""
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_info = bare(record.exc_info[1])
            record.exc_text = None
        return True


def bare(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """What to log of an exception: its class as the message, and its traceback; what it was raised from is left out."""
    told = RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
    return RuntimeError, told, error.__traceback__


def install(*, level: str, format: LogFormat) -> None:
    """Set the root logger up."""
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if format is LogFormat.JSON else logging.Formatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn.error").addFilter(Bare())
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if format is LogFormat.TEXT and level != "debug":  # on a laptop they would drown what there is to read
        logging.getLogger("api.requests").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message"], rename_fields={"levelname": "level", "name": "logger"}, timestamp="time"
    )
