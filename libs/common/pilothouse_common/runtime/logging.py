"""Logging of every process: stdlib loggers, one line per record, plain or JSON, on stderr."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
LogFormat = Literal["plain", "json"]


class _Formatter(logging.Formatter):
    def __init__(self, style: LogFormat, service: str) -> None:
        super().__init__()
        self._json = style == "json"
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return (
            self._as_json(record, time, fields)
            if self._json
            else self._as_plain(record, time, fields)
        )

    def _as_json(self, record: logging.LogRecord, time: str, fields: dict[str, Any]) -> str:
        entry = {
            "time": time,
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)

    def _as_plain(self, record: logging.LogRecord, time: str, fields: dict[str, Any]) -> str:
        tail = "".join(f" {key}={value}" for key, value in fields.items())
        text = f"{time} {record.levelname.lower():7} {self._service}: {record.getMessage()}{tail}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure_logging(
    service: str, *, level: str = "info", style: LogFormat = "plain", stream: TextIO | None = None
) -> None:
    """Set up the root logger of this process."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(style, service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # our adapter reports what matters, once
