"""What `daybook doctor` sees of a database, on each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text
from uuid_utils.compat import uuid7

from ingest.cli import machine_checks
from ingest.cli.verdicts import State
from workers.settings import Settings
from workers.store import claims, receipts, runs
from workers.store.engine import Store, open_store
from workers.store.quick import enter
from workers.store.receipts import Receipt
from workers.store.runs import RunState
from workers.vault import Vault


def test_a_good_database_has_nothing_to_complain_of(store: Store) -> None:
    verdicts = [
        machine_checks.reach_database(store),
        machine_checks.durability(store),
        machine_checks.migrations(store),
    ]

    assert [(one.check, one.state) for one in verdicts] == [
        ("database", State.OK),
        ("durability", State.OK),
        ("migrations", State.OK),
    ]


def test_a_database_without_tables_is_told_from_one_that_is_behind(store: Store) -> None:
    with store.write() as sql:
        sql.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = machine_checks.migrations(store)
    with store.write() as sql:
        sql.execute(text("DELETE FROM alembic_version"))
    empty = machine_checks.migrations(store)

    assert newer.state is State.FAIL
    assert "newer than this Daybook" in newer.detail
    assert empty.state is State.WARN


def test_deliveries_that_wait_for_a_minute_have_no_worker(store: Store, a_receipt: Callable[..., Receipt]) -> None:
    now = datetime.now(UTC)
    receipts.keep(store, [msgspec.structs.replace(a_receipt(b"{}"), received_at=now)])

    assert machine_checks.workers(store, now).state is State.OK
    asleep = machine_checks.workers(store, now + timedelta(minutes=2))
    assert asleep.state is State.FAIL
    assert asleep.detail.endswith(": 1")


def test_a_key_that_opens_nothing_is_a_failure(
    store: Store, vault: Vault, a_receipt: Callable[..., Receipt], tmp_path: Path
) -> None:
    other = Settings(data_dir=tmp_path, secret_key=SecretStr(Fernet.generate_key().decode()))

    assert machine_checks.sealed(other, store).state is State.FAIL


def test_a_database_that_is_away_is_a_failure_with_a_remedy(tmp_path: Path) -> None:
    with contextlib.closing(open_store("postgresql+psycopg://nobody@127.0.0.1:9/none")) as away:
        verdict = machine_checks.reach_database(away)

    assert verdict.state is State.FAIL
    assert "DAYBOOK_DATABASE_URL" in verdict.remedy


def test_a_rule_file_that_cannot_be_read_is_a_failure_that_names_the_place(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, rules=tmp_path / "rules")
    assert machine_checks.rules(settings).detail.startswith("none in")
    settings.rules.mkdir()
    file = settings.rules / "one.yaml"
    file.write_text("rules: [{name: one, on: [BOOKING_CREATED], do: [{stop: enough}]}]")
    assert machine_checks.rules(settings).detail.startswith("1 in")
    file.write_text("rules: [{name: one, on: [BOOKING_CREATED], do: [{stp: enough}]}]")

    broken = machine_checks.rules(settings)
    assert broken.state is State.FAIL
    assert "one.yaml:1:" in broken.detail


def test_a_dead_run_is_told(store: Store) -> None:
    assert machine_checks.dead(store).state is State.OK
    now = datetime.now(UTC)
    with store.write() as sql:
        one = runs.Planned("r", uuid7(), "do", uuid7(), "acme", "PING", "e", "once", "key", 0, now)
        runs.plan(sql, [one], now)
        (taken,) = claims.claim(sql, holders=["me"], now=now, seconds=9)
        assert enter(sql, [claims.finishing(taken.id, "me", state=RunState.DEAD, reason="403", now=now)])

    told = machine_checks.dead(store)
    assert (told.state, told.detail) == (State.WARN, "1 dead")
