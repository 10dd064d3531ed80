"""Runs for tests of the store: planned for events that are nowhere, taken, ended and waited for as workers do."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE
from workers.store import claims, runs
from workers.store.claims import Claimed
from workers.store.engine import Store
from workers.store.quick import enter
from workers.store.runs import Planned, RunState

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def planned(key: str, *, entity: str = "e", at: datetime = NOW, event_id: UUID | None = None, **more: str) -> Planned:
    return Planned(
        rule="rule",
        version_id=uuid7(),
        act="do",
        event_id=event_id or uuid7(),
        connection="acme",
        trigger="BOOKING_CREATED",
        entity=entity,
        once=f"do|rule|{key}",
        key=key,
        depth=0,
        happened_at=at,
        **more,
    )


def plan(store: Store, *wanted: Planned) -> int:
    with store.write() as connection:
        return runs.plan(connection, wanted, NOW)


def claim(store: Store, holder: str = "me", *, limit: int = 10, at: datetime = NOW) -> list[Claimed]:
    with store.write() as connection:
        return claims.claim(connection, holders=[holder] * limit, now=at, seconds=60)


def end(store: Store, run: Claimed, holder: str = "me", *, state: RunState = RunState.DONE) -> bool:
    with store.write() as connection:
        return enter(connection, [claims.finishing(run.id, holder, state=state, reason=None, now=NOW)])


def keys(found: list[Claimed]) -> list[str]:
    return sorted(run.key for run in found)


def waiting_for_locks(store: Store, number: int) -> None:
    """Until so many transactions of PostgreSQL wait for others."""
    until = time.monotonic() + PATIENCE
    count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while time.monotonic() < until:
        with store.read() as connection:
            if connection.exec_driver_sql(count).scalar_one() >= number:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
