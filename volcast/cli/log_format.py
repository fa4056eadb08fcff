"""Logging on stderr, with secrets masked: our own events, those of uvicorn and aiokafka, and Python's warnings.

As JSON lines for programs, and as text for a person at a terminal:

    {"time": "2024-01-01T00:00:00.000Z", "level": "info", "logger": "consumer.worker", "message": "restored", "partition": 0}
    00:00:00Z info consumer.worker: restored (partition 0)
"""

import json
import logging
import math
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from volcast.metrics.request_id import LOG_FIELDS
from volcast.settings.schema import MASK
from volcast.settings.sources import Loaded

from .tables import printable

LIBRARY_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "aiokafka", "asyncio", "py.warnings")
"""Loggers to which libraries may have added handlers. Run uvicorn with `log_config=None`, or it adds its own again."""

VERBOSE_LOGGERS = ("httpx", "httpcore", "websockets")
"""Loggers with a line for each request and connection; below `debug` only their warnings are kept, as we log what matters."""


def configure(level: str, *, secrets: Iterable[str] = (), log_format: str = "auto") -> None:
    """Log events of at least `level` (debug, info, warning, error) to stderr, as `text` or `json`; `auto`: text on a terminal.

    Another call replaces the earlier configuration.
    """
    as_text = sys.stderr.isatty() if log_format == "auto" else log_format == "text"
    handler = logging.StreamHandler()
    handler.setFormatter(TextLines(secrets) if as_text else JsonLines(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in LIBRARY_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)
    logging.captureWarnings(capture=True)


def configure_quietly(loaded: Loaded) -> None:
    """Configure logging for a command whose output a person reads: warnings and errors only, unless a level was set."""
    settings = loaded.settings
    level = "warning" if loaded.origins["log_level"] == "default" else settings.log_level
    configure(level, secrets=settings.secrets(), log_format=settings.log_format)


class JsonLines(JsonFormatter):
    """Formats an event as one JSON object. Masking is the last step, when message, arguments, extras and traceback are text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(reserved_attrs=[*RESERVED_ATTRS, "color_message"])  # uvicorn repeats its message with colours
        spellings = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first))) if spellings else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON line, also if message and arguments do not match: logging would print both unmasked."""
        try:
            record.getMessage()
        except (TypeError, ValueError, KeyError):
            record.msg, record.args = f"{record.msg} {record.args!r}", None
        return super().format(record)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Add our fields first, and those of the request or trace last; an extra of the same name does not replace them."""
        ours = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.message,
        }
        log_data.update(ours)
        super().add_fields(log_data, record, message_dict)
        log_data.update({**ours, **LOG_FIELDS.get()})

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Return the event as plain JSON values, masked."""
        return {self._masked(str(key)): self._plain(value) for key, value in log_data.items()}

    def _plain(self, value: object) -> object:
        match value:
            case None | bool():
                return value
            case int() | float():
                finite = isinstance(value, int) or math.isfinite(value)
                return value if finite and self._masked(str(value)) != MASK else self._masked(str(value))
            case Mapping():
                return {self._masked(str(key)): self._plain(part) for key, part in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._plain(part) for part in value]
            case bytes():
                return self._masked(value.decode(errors="backslashreplace"))
        return self._masked(str(value))

    def _masked(self, text: str) -> str:
        return self._secret.sub(MASK, text) if self._secret else text


class TextLines(JsonLines):
    """Formats an event as a line of text for a terminal; a traceback follows on lines of its own."""

    def serialize_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the text of the event; control characters in it are escaped."""
        time, level, logger, message = (str(log_data.pop(name)) for name in ("time", "level", "logger", "message"))
        traceback = [str(text) for name in ("exc_info", "stack_info") if (text := log_data.pop(name, None))]
        extras = ", ".join(f"{name} {value}" for name, value in log_data.items() if value is not None)
        line = f"{time[11:19]}Z {level} {logger}: {message}" + (f" ({extras})" if extras else "")
        return "\n".join((printable(line), *traceback))


def _spellings(secret: str) -> set[str]:
    """Return the secret as it is, and as it is written in a repr, in JSON and in a URL."""
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, ""),
        quote_plus(secret),
    }
