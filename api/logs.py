"""The service's log: lines for people, or JSON for what collects logs. No line carries the text of a failure."""

from __future__ import annotations

import logging
from enum import StrEnum

from pythonjsonlogger.json import JsonFormatter

#: They log what is theirs to know.
NOISY = ("alembic", "httpx", "httpcore", "sentence_transformers", "psycopg.pool", "openvino", "slack_bolt", "mcp")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogFormat(StrEnum):
    """`text` tells what happens to the service; `json` each request as well."""

    TEXT = "text"
    JSON = "json"


def install(*, level: str, format: LogFormat) -> None:
    """Set the root logger up."""
    handler = logging.StreamHandler()
    handler.setFormatter(_json() if format is LogFormat.JSON else logging.Formatter(TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if format is LogFormat.TEXT and level != "debug":  # on a laptop they would drown what there is to read
        logging.getLogger("api.requests").setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message"], rename_fields={"levelname": "level", "name": "logger"}, timestamp="time"
    )
