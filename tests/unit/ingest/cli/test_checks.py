"""Tests for the pure parts of `daybook doctor`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cli import machine_checks, outside_checks
from ingest.cli.verdicts import State
from workers.errors import (
    CalcomUnavailable,
    DaybookError,
    Forbidden,
    Misconfigured,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
)

GIB = 1024**3
NOW = datetime(2027, 1, 4, 9, 30, tzinfo=UTC)
URL = "https://daybook.acme.com/health/live"


@pytest.mark.parametrize(
    ("free", "spool", "state"),
    [
        (100 * GIB, GIB, State.OK),
        (3 * GIB, 4 * GIB, State.WARN),
        (GIB, 0, State.WARN),
        (GIB // 8, 0, State.FAIL),
    ],
)
def test_a_disk_has_room_for_the_database_and_the_spool(free: int, spool: int, state: State) -> None:
    assert machine_checks.room(Path("/data"), free, spool).state is state


@pytest.mark.parametrize(
    ("mode", "level", "state"), [("wal", 2, State.OK), ("wal", 1, State.FAIL), ("delete", 2, State.WARN)]
)
def test_sqlite_has_to_survive_a_power_cut(mode: str, level: int, state: State) -> None:
    assert machine_checks.sqlite_durability(mode, level).state is state


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes"])
def test_postgresql_has_to_survive_a_power_cut(name: str) -> None:
    good = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}

    assert machine_checks.postgres_durability(good).state is State.OK
    assert machine_checks.postgres_durability({**good, name: "off"}).state is State.FAIL


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        ({"appendonly": "yes", "maxmemory-policy": "noeviction"}, State.OK),
        ({"appendonly": "no", "maxmemory-policy": "noeviction"}, State.WARN),
        ({"appendonly": "yes", "maxmemory-policy": "allkeys-lru"}, State.WARN),
        ({}, State.WARN),
    ],
)
def test_a_broker_that_forgets_is_only_a_warning(asked: dict[str, str], state: State) -> None:
    assert machine_checks.keeping(asked).state is state


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (Unauthorized(status=401), State.FAIL, "refuses the key"),
        (Forbidden(status=403), State.FAIL, "4821 is not an organization"),
        (RateLimited(after=42.0), State.WARN, "42 s"),
        (CalcomUnavailable("no answer", sent=False), State.FAIL, "no answer"),
        (Rejected("no such path", status=404), State.FAIL, "no such path"),
        (Misconfigured("the key is gone"), State.FAIL, "the key is gone"),
    ],
)
def test_each_error_of_a_connection_has_its_own_remedy(error: DaybookError, state: State, said: str) -> None:
    verdict = outside_checks.meaning("connection acme", error, 4821)

    assert verdict.state is state
    assert said in verdict.detail
    assert verdict.remedy


@pytest.mark.parametrize(
    ("error", "state", "said", "remedy"),
    [
        (Unauthorized("the MCP server answered 401", status=401), State.FAIL, "MCP server", "--kind mcp --replace"),
        (Forbidden("Cal.com answered 403", status=403), State.FAIL, "Cal.com answered", "mended there"),
        (RateLimited(after=42.0), State.WARN, "42 s", "--per-minute"),
        (NotFound("There is no connection 'acme'"), State.FAIL, "no connection", "--remote-pcid"),
        (CalcomUnavailable("no token", sent=False), State.FAIL, "no token", "file or command"),
        (Rejected("no such path", status=404), State.FAIL, "no such path", "before /cal-organizations"),
        (Misconfigured("the key is gone"), State.FAIL, "the key is gone", "Mend"),
    ],
)
def test_each_error_of_a_connection_by_way_of_an_mcp_server_has_its_own_remedy(
    error: DaybookError, state: State, said: str, remedy: str
) -> None:
    verdict = outside_checks.through("connection acme", error)

    assert verdict.state is state
    assert said in verdict.detail
    assert remedy in verdict.remedy


def test_a_redirect_would_lose_every_event() -> None:
    verdict = outside_checks.answered(URL, 301, "https://www.acme.com/health/live")

    assert verdict.state is State.FAIL
    assert "https://www.acme.com/health/live" in verdict.detail


@pytest.mark.parametrize(("status", "state"), [(200, State.OK), (404, State.FAIL), (502, State.FAIL)])
def test_the_public_answer_has_to_be_daybooks(status: int, state: State) -> None:
    assert outside_checks.answered(URL, status, None).state is state


@pytest.mark.parametrize(
    ("found", "hosted", "state"),
    [
        ([], True, State.FAIL),
        (["10.0.0.4"], True, State.WARN),
        (["10.0.0.4"], False, State.OK),
        (["93.184.216.34", "10.0.0.4"], True, State.OK),
    ],
)
def test_a_public_name_needs_an_address(found: list[str], hosted: bool, state: State) -> None:
    assert outside_checks.resolved(URL, found, hosted=hosted).state is state


@pytest.mark.parametrize(
    ("theirs", "state", "said"),
    [
        (NOW, State.OK, "agrees"),
        (NOW - timedelta(seconds=1), State.OK, "agrees"),
        (NOW + timedelta(seconds=30), State.WARN, "30 s behind"),
        (NOW - timedelta(seconds=31), State.WARN, "30 s ahead of"),
        (NOW + timedelta(hours=1), State.FAIL, "behind"),
    ],
)
def test_the_clock_is_compared_to_the_second(theirs: datetime, state: State, said: str) -> None:
    verdict = outside_checks.clock("api.cal.com", format_datetime(theirs, usegmt=True), NOW, NOW)

    assert verdict.state is state
    assert said in verdict.detail


@given(st.none() | st.text())
def test_any_date_header_gives_a_verdict(date: str | None) -> None:
    assert outside_checks.clock("api.cal.com", date, NOW, NOW).check == "clock"
