from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from ingest.draining import Draining
from ingest.intake import Intake
from ingest.spool import Spool
from workers.errors import StoreUnavailable
from workers.store import receipts, spools
from workers.store.engine import Store
from workers.store.receipts import Receipt
from workers.store.spools import RECENT, Held

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def a_receipt(body: bytes) -> Receipt:
    return Receipt(
        id=uuid7(), webhook_id=UUID(int=1), sha256=hashlib.sha256(body).digest(), window=0, received_at=NOW,
        verdict="signed", secret_id=None, state="received", headers=b"[]", body=body,
    )  # fmt: skip


class Machine:
    """A web process's spool and what drains it, on a clock of its own."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.now = NOW
        self.spool = Spool(folder / "spool", 10**6)
        self.intake = Intake(store, self.spool, lambda ids: None)
        self.draining = Draining(store, self.intake, self.spool, lambda: self.now)

    def told(self) -> list[Held]:
        with self.store.read() as sql:
            return spools.every(sql)

    def waiting(self) -> int:
        with self.store.read() as sql:
            return receipts.count_waiting(sql)


@pytest.fixture
def machine(store: Store, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(store, tmp_path)
    yield made
    made.spool.close()


def test_a_machine_tells_what_its_journal_held_once_it_is_in_sql(machine: Machine) -> None:
    machine.draining.look()
    machine.spool.append([a_receipt(b"1"), a_receipt(b"2")])
    machine.draining.look()
    machine.spool.append([a_receipt(b"3")])
    machine.draining.look()

    (held,) = machine.told()
    assert (held.bytes, held.aside, held.drained, held.drained_at) == (0, 0, 3, NOW)
    assert held.place.endswith(f":{machine.spool.folder.resolve()}")
    assert machine.waiting() == 3


def test_another_outage_later_is_counted_by_itself(machine: Machine) -> None:
    machine.spool.append([a_receipt(b"1"), a_receipt(b"2")])
    machine.draining.look()
    machine.now += RECENT + timedelta(seconds=1)
    machine.spool.append([a_receipt(b"3")])
    machine.draining.look()

    (held,) = machine.told()
    assert (held.drained, held.drained_at) == (1, machine.now)


def test_what_was_set_aside_is_told_and_what_is_told_already_is_not_written_again(machine: Machine) -> None:
    machine.spool.set_aside(a_receipt(b"poison"))
    machine.draining.look()
    machine.now += timedelta(minutes=1)
    machine.draining.look()

    (held,) = machine.told()
    assert (held.aside, held.at) == (1, NOW)


def test_while_sql_is_away_nothing_is_told_and_nothing_is_lost(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.spool.append([a_receipt(b"1")])

    def away() -> None:
        raise StoreUnavailable("SQL is away.")

    with monkeypatch.context() as patch:
        patch.setattr(machine.store, "ping", away)
        with pytest.raises(StoreUnavailable):
            machine.draining.look()
    assert machine.told() == []
    machine.draining.look()
    assert [held.drained for held in machine.told()] == [1]
