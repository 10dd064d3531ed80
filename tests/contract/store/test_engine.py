"""What a transaction promises of the disk."""

from __future__ import annotations

import contextlib

from workers.store.engine import Store, open_store

_FULL, _NORMAL = 2, 1


def _synchronous(store: Store, *, durable: bool) -> int:
    with store.write(durable=durable) as connection:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())


def test_a_durable_write_waits_for_the_disk_whatever_its_connection_wrote_before(sqlite_database: str) -> None:
    with contextlib.closing(open_store(sqlite_database)) as store:
        found = [_synchronous(store, durable=durable) for durable in (True, False, False, True, True)]

        store.engine.dispose()
        found += [_synchronous(store, durable=durable) for durable in (False, True)]

    assert found == [_FULL, _NORMAL, _NORMAL, _FULL, _FULL, _NORMAL, _FULL]
