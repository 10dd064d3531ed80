from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary, Uuid, insert, select, update
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled, bare
from workers.copy_over import copy_over, rows_in
from workers.errors import Conflict, Misconfigured
from workers.store import copying, history, leases, tables, webhooks
from workers.store.engine import Store, open_store
from workers.store.history import Filter
from workers.store.tables import Document, Instant, metadata
from workers.vault import Vault

DIRECTIONS = ["sqlite to postgresql", "postgresql to sqlite"]


@pytest.fixture(params=DIRECTIONS)
def stores(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Store]]:
    """A source and a target, both migrated and empty, in both directions."""
    urls = [request.getfixturevalue(f"{name.replace('postgresql', 'postgres')}_database")
            for name in request.param.split(" to ")]  # fmt: skip
    with contextlib.closing(open_store(urls[0])) as source, contextlib.closing(open_store(urls[1])) as target:
        yield source, target


def a_value(column: Column[Any], number: int) -> Any:
    """Some value of the column's type, another one for each number."""
    kinds: list[tuple[type, Any]] = [
        (Uuid, UUID(int=uuid7().int + number)),
        (LargeBinary, bytes([0, 255, number % 256])),
        (Boolean, number % 2 == 0),
        (BigInteger, number + 1),
        (Integer, number + 1),
        (Float, number + 0.1),
        (Instant, START + datetime.timedelta(milliseconds=number)),
    ]
    if column.type is Document:
        return {"z": [1.0, 1e2, -0.5, 12345678901234567890], "a": None, "Ł": "ü\n"} if number % 2 else []
    found = [value for kind, value in kinds if isinstance(column.type, kind)]
    return found[0] if found else f"{column.name} {number} ß"


def fill(store: Store) -> None:
    """Two rows of every table, one of them with every value that may be missing missing."""
    with store.write() as connection:
        for table in metadata.sorted_tables:
            for number in (1, 2):
                row = {
                    column.name: f"pcid {number} ß" if column.foreign_keys else a_value(column, number)
                    for column in table.c
                    if column.name != "seq" and not (number == 2 and column.nullable)
                }
                if table is tables.webhook_secrets:
                    row["webhook_id"] = connection.execute(select(tables.webhooks.c.id)).scalars().first()
                connection.execute(insert(table).values(row))


def test_every_table_is_copied_and_proved_equal(stores: tuple[Store, Store]) -> None:
    source, target = stores
    fill(source)
    told: list[int] = []

    copied = copy_over(source, target, told.append)

    assert [(one.table, one.rows) for one in copied] == [(table.name, 2) for table in metadata.sorted_tables]
    assert told[-1] == rows_in(source) == rows_in(target) == 4 * len(metadata.tables)
    assert told == sorted(told)
    for table in metadata.sorted_tables:
        key = list(table.primary_key)
        with source.read() as one, target.read() as other:
            ours, theirs = (each.execute(select(table).order_by(*key)).all() for each in (one, other))
        assert ours == theirs


def test_more_rows_than_a_page_are_all_copied(stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PAGE", 3)
    source, target = stores
    with source.write() as connection:
        connection.execute(insert(tables.events), [bare(uuid7()) for _ in range(10)])
        people = [{"email": f"{number % 3}@x", "event_id": uuid7(), "host": False} for number in range(10)]
        connection.execute(insert(tables.event_people), people)
    copying._first.cache_clear()
    copying._page.cache_clear()

    copied = {one.table: one.rows for one in copy_over(source, target)}

    copying._first.cache_clear()
    copying._page.cache_clear()
    assert (copied["events"], copied["event_people"]) == (10, 10)


def test_after_a_copy_events_are_found_numbered_on_and_secrets_open_with_the_same_key(
    stores: tuple[Store, Store], vault: Vault
) -> None:
    source, target = stores
    Filled(source, vault).events(3, title="Kickoff Łukasz")
    with source.read() as connection:
        highest = history.newest_seq(connection)
        secrets = webhooks.every(connection, vault)

    copy_over(source, target)

    with target.read() as connection:
        assert webhooks.every(connection, vault) == secrets
    new = Filled(target, vault)
    new._pcids, new._webhooks = {"acme"}, {"org": secrets[0].id}
    new.event(uid="later", title="Kickoff of another")
    with target.read() as connection:
        assert history.newest_seq(connection) == highest + 1
        found = history.page(connection, Filter(text="kickoff lukasz"), limit=10)
        everything = history.page(connection, Filter(text="kickoff"), limit=10)
    assert (len(found), len(everything)) == (3, 4)


def test_an_empty_history_begins_with_number_one(stores: tuple[Store, Store]) -> None:
    source, target = stores

    copy_over(source, target)

    with target.write() as connection:
        connection.execute(insert(tables.events).values(bare(uuid7())))
        assert history.newest_seq(connection) == 1


def test_what_the_target_keeps_differently_is_found_and_nothing_of_it_stays(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = stores
    fill(source)

    def careless(connection: Any, table: Any) -> None:
        if table is tables.runs:
            connection.execute(update(tables.runs).values(reason="another"))

    monkeypatch.setattr(copying, "settle", careless)

    with pytest.raises(Conflict, match="runs is not the same in both"):
        copy_over(source, target)

    assert rows_in(target) == 0


def test_a_target_that_holds_something_is_refused(stores: tuple[Store, Store], vault: Vault) -> None:
    source, target = stores
    Filled(target, vault).event()

    with pytest.raises(Conflict, match=r"not empty: there are rows in bodies, connections, .*CREATE DATABASE"):
        copy_over(source, target)


def test_a_source_with_a_worker_at_work_is_refused(stores: tuple[Store, Store]) -> None:
    source, target = stores
    with source.write() as connection:
        leases.take(connection, "sweep", "somebody", 14)

    with pytest.raises(Conflict, match="a worker process runs on the source"):
        copy_over(source, target)


def test_deliveries_that_come_meanwhile_are_not_left_behind(stores: tuple[Store, Store], vault: Vault) -> None:
    source, target = stores
    filled = Filled(source, vault)
    filled.event()

    def tell(done: int) -> None:
        if done == 1:
            filled.keep(b"late")

    with pytest.raises(Conflict, match=r"still writes to the source \(bodies, receipts\)"):
        copy_over(source, target, tell)

    assert rows_in(target) == 0


def test_a_source_without_this_versions_tables_is_refused(stores: tuple[Store, Store]) -> None:
    source, target = stores
    with source.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")

    with pytest.raises(Misconfigured, match=r"at revision 0001.*run `daybook migrate` on it first"):
        copy_over(source, target)


def test_json_null_and_no_value_stay_two_things(stores: tuple[Store, Store]) -> None:
    source, target = stores
    fill(source)
    with source.write() as connection:
        null = "'null'" if source.sqlite else "'null'::jsonb"
        connection.exec_driver_sql(f"UPDATE events SET payload = {null} WHERE seq = 1")
        connection.exec_driver_sql("UPDATE events SET payload = NULL WHERE seq = 2")

    copy_over(source, target)

    with target.read() as connection:
        pages = list(copying.pages(connection, tables.events))
        assert connection.exec_driver_sql("SELECT count(*) FROM events WHERE payload IS NULL").scalar() == 1
    place = list(tables.events.c).index(tables.events.c.payload)
    assert [row[place] for page in pages for row in page] == [msgspec.Raw(b"null"), None]
