from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from workers import logs
from workers.settings import Settings


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged as JSON, with the libraries' records."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    logs.set_up(Settings(log_format="json"))
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_records_are_one_json_object_a_line_whoever_writes_them(written: io.StringIO) -> None:
    structlog.get_logger("a").info("spool.drained", deliveries=3)
    logging.getLogger("uvicorn.error").warning("something %s", "happened")

    first, second = map(json.loads, written.getvalue().splitlines())
    assert (first["event"], first["deliveries"], first["level"]) == ("spool.drained", 3, "info")
    assert (second["event"], second["level"], second["logger"]) == ("something happened", "warning", "uvicorn.error")


def test_what_a_driver_says_of_a_refused_row_is_logged_without_its_values(written: io.StringIO) -> None:
    try:
        raise ValueError("duplicate key\nDETAIL:  Key (email)=(ada@example.com) exists\nfor <ada.l@example.com>")
    except ValueError:
        structlog.get_logger("a").exception("persist.batch_refused")

    (record,) = map(json.loads, written.getvalue().splitlines())
    assert "duplicate key" in record["exception"]
    assert "ada" not in record["exception"]


def test_tracebacks_show_no_local_variables(written: io.StringIO) -> None:
    def fails(secret: str) -> None:
        raise ValueError("no")

    try:
        fails("hunter2")
    except ValueError:
        structlog.get_logger("a").exception("bug")

    assert "hunter2'" not in written.getvalue()


@pytest.mark.parametrize("library", ["httpx2", "dramatiq", "uvicorn.access", "alembic"])
def test_libraries_that_speak_of_every_request_are_quiet(written: io.StringIO, library: str) -> None:
    logging.getLogger(library).info("POST /in/token")

    assert written.getvalue() == ""
