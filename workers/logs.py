"""How a process logs: structlog, JSON a line or colours on a terminal. Never bodies, secrets or e-mail addresses."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

from workers.settings import Settings

_EMAIL = re.compile(r"[^\s@<>()\[\]{}\"'=,;:]+@[^\s@<>()\[\]{}\"'=,;:]+")
#: the part in which PostgreSQL repeats the values it refused, over several lines where they hold newlines
_VALUES = re.compile(
    r"^\s*(?:DETAIL|CONTEXT|HINT|LINE \d+|QUERY|WHERE):.*?(?=^\[SQL|^\(Background|^Traceback|^The above|\Z)",
    re.MULTILINE | re.DOTALL,
)


def scrub(_logger: Any, _method: str, record: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Take out of a record what a library's own message may carry: e-mail addresses, and the values of a row."""
    for key, value in record.items():
        if isinstance(value, str):
            record[key] = _EMAIL.sub("(e-mail)", _VALUES.sub("", value))
    return record


def set_up(settings: Settings) -> None:
    """Send structlog's and the libraries' records to stderr, in the one format that the settings choose."""
    level = getattr(logging, settings.log_level.upper())
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if console:
        # No local variables in tracebacks: they hold bodies and secrets.
        rest: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            scrub,
            structlog.dev.ConsoleRenderer(),
        ]
    else:
        rest = [structlog.processors.format_exc_info, scrub, structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rest],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These speak of every request or message at `info`, URLs with their tokens included.
    for name in ("httpx2", "httpcore2", "mcp", "uvicorn.access", "dramatiq", "alembic", "urllib3", "pika"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
