from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from dramatiq import Broker
from sqlalchemy import insert, text, update
from uuid_utils.compat import uuid7

from tests.conftest import Valkey
from workers import queue
from workers.actors import WorkerProcess
from workers.settings import load
from workers.store import receipts, runs, webhooks
from workers.store.engine import Store
from workers.store.receipts import Receipt
from workers.store.tables import connections, leases
from workers.sweep import GRACE, sweep, sweep_runs
from workers.vault import Vault


@pytest.fixture
def broker(broker_server: Valkey) -> Iterator[Broker]:
    opened = queue.open_broker(broker_server.url)
    yield opened
    opened.close()


@pytest.fixture
def webhook_id(store: Store, vault: Vault) -> UUID:
    now = datetime.now(UTC)
    with store.write() as connection:
        connection.execute(
            insert(connections).values(
                pcid="acme", kind="calcom", base_url="", org_id=1, credential="", per_minute=90, created_at=now
            )
        )
        return webhooks.add(
            connection, vault, name="org", pcid="acme", token="t", secret="s", origin="adopted", now=now
        )


def keep(store: Store, webhook_id: UUID, count: int, *, age: float = GRACE + 1) -> list[UUID]:
    """Receipts that came `age` seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=age)
    bodies = [b'{"createdAt":"%d"}' % n for n in range(count)]
    batch = [
        Receipt(
            id=uuid7(),
            webhook_id=webhook_id,
            sha256=hashlib.sha256(body).digest(),
            window=0,
            received_at=at,
            verdict="signed",
            secret_id=None,
            state="received",
            headers=b"[]",
            body=body,
        )
        for body in bodies
    ]
    return [one.id for one in receipts.keep(store, batch)]


def test_what_the_bell_missed_is_rung_for_again(store: Store, broker: Broker, webhook_id: UUID) -> None:
    keep(store, webhook_id, 300)

    assert sweep(store, broker, holder="a", lease=60) == 300
    assert queue.depth(broker) == 2


def test_a_receipt_that_just_came_is_left_to_its_own_bell(store: Store, broker: Broker, webhook_id: UUID) -> None:
    keep(store, webhook_id, 3, age=0)

    assert sweep(store, broker, holder="a", lease=60) == 0


def test_only_the_leader_sweeps_and_another_follows_when_its_lease_ends(
    store: Store, broker: Broker, webhook_id: UUID
) -> None:
    keep(store, webhook_id, 3)

    assert sweep(store, broker, holder="a", lease=60) == 3
    assert sweep(store, broker, holder="b", lease=60) == 0
    with store.write() as connection:
        connection.execute(update(leases).values(expires_at=leases.c.expires_at - 61))  # a minute later
    assert sweep(store, broker, holder="b", lease=60) == 3
    assert sweep(store, broker, holder="a", lease=60) == 0


def test_a_queue_that_is_deep_is_not_made_deeper(store: Store, broker: Broker, webhook_id: UUID) -> None:
    keep(store, webhook_id, 3)
    for _ in range(40):
        queue.ring(broker, [uuid7()])

    assert sweep(store, broker, holder="a", lease=60) == 0


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The folder of the rules of `process`, with one that hears PING."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "one.yaml").write_text(RULE)
    return folder


@pytest.fixture
def process(
    database_url: str, broker_server: Valkey, tmp_path: Path, rules: Path, request: pytest.FixtureRequest
) -> Iterator[WorkerProcess]:
    environ = {
        "DAYBOOK_DATABASE_URL": database_url,
        "DAYBOOK_BROKER_URL": broker_server.url,
        "DAYBOOK_DATA_DIR": str(tmp_path),
        "DAYBOOK_SWEEP_INTERVAL": "0.2",
        "DAYBOOK_RULES": str(rules),
    }
    with contextlib.closing(_Closing(WorkerProcess(load(environ, cwd=tmp_path)))) as running:
        yield running.process


class _Closing:
    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        process.start()

    def close(self) -> None:
        self.process.stop()


def states(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(text("SELECT state FROM receipts")).scalars())


def test_a_worker_makes_events_of_what_is_rung_for(
    store: Store, process: WorkerProcess, broker: Broker, webhook_id: UUID, eventually: Callable[..., None]
) -> None:
    queue.ring(broker, keep(store, webhook_id, 50, age=0))

    eventually(lambda: states(store) == {"persisted"}, what="persisting")


def test_a_flushed_broker_loses_nothing(
    store: Store,
    process: WorkerProcess,
    broker_server: Valkey,
    webhook_id: UUID,
    eventually: Callable[..., None],
) -> None:
    keep(store, webhook_id, 50)
    broker_server.client.flushall()

    eventually(lambda: states(store) == {"persisted"}, what="the sweep's work")


def test_a_broker_that_was_away_is_found_again(
    store: Store,
    process: WorkerProcess,
    broker_server: Valkey,
    webhook_id: UUID,
    eventually: Callable[..., None],
) -> None:
    broker_server.kill()
    keep(store, webhook_id, 20)
    broker_server.start()

    eventually(lambda: states(store) == {"persisted"}, what="the sweep's work")


RULE = """
rules:
  - name: says-so
    on: [PING]
    do: [{stop: "it came"}]
"""


def a_run(store: Store, *, due: datetime) -> None:
    with store.write() as connection:
        one = runs.Planned(
            rule="says-so",
            version_id=uuid7(),
            act="do",
            event_id=uuid7(),
            connection="acme",
            trigger="PING",
            entity=str(uuid7()),
            once=str(uuid7()),
            key="k",
            depth=0,
            happened_at=due,
        )
        runs.plan(connection, [one], due)


def test_runs_that_are_due_are_rung_for_once_for_each_thread(store: Store, broker: Broker) -> None:
    now = datetime.now(UTC)
    for _ in range(5):
        a_run(store, due=now - timedelta(minutes=1))
    a_run(store, due=now + timedelta(hours=1))

    assert sweep_runs(store, broker, holder="a", threads=3) == 0  # it does not lead
    sweep(store, broker, holder="a", lease=60)
    assert sweep_runs(store, broker, holder="a", threads=3) == 3
    assert sweep_runs(store, broker, holder="a", threads=3) == 0  # the bells still ring
    assert queue.depth(broker, queue.ACT) == 3


def test_a_worker_carries_out_what_its_rules_make_of_an_event(
    store: Store, process: WorkerProcess, broker: Broker, webhook_id: UUID, eventually: Callable[..., None]
) -> None:
    body = b'{"triggerEvent":"PING","createdAt":"2026-11-23T10:00:00Z","payload":{}}'
    one = Receipt(
        uuid7(),
        webhook_id,
        hashlib.sha256(body).digest(),
        0,
        datetime.now(UTC),
        "signed",
        None,
        "received",
        b"[]",
        body,
    )
    receipts.keep(store, [one])
    queue.ring(broker, [one.id])

    def is_done() -> bool:
        with store.read() as connection:
            return [(row.state, row.reason) for row in runs.of_events(connection, [one.id])] == [("done", "it came")]

    eventually(is_done, what="the run")
