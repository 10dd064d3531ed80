from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text

from tests.contract.store.filled import Filled
from workers.errors import Misconfigured
from workers.store.engine import Store, open_store
from workers.store.migrate import _config, migrate, newest, pending, revision
from workers.store.tables import event_people, metadata
from workers.vault import Vault

#: made by the migrations, for full text and as partitions of bodies, and not SQLAlchemy's to know
UNKNOWN = ("events_text", "ix_events_text", "bodies_")


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_object": lambda _object, name, *_: not str(name).startswith(UNKNOWN),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_the_files_of_migrations_are_named_by_their_revisions(store: Store) -> None:
    assert newest() == revision(store)


def test_a_second_run_changes_nothing(store: Store) -> None:
    assert pending(store) == []
    before, after = migrate(store)
    assert before == after


def test_ten_processes_may_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    failures: list[Exception] = []

    def run() -> None:
        with contextlib.closing(open_store(url)) as mine:
            try:
                migrate(mine)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_people_of_events_that_were_there_before_hosts_were_told_apart_are_told_apart(
    store: Store, vault: Vault
) -> None:
    filled = Filled(store, vault)
    member = {"name": "Önne", "email": "ÖNNE@acme.example"}
    ids = filled.events(3, team={"members": [member]})
    filled.event(uid="alone", trigger="PING", organizer=None, attendees=[])
    with store.read() as connection:
        before = connection.execute(select(event_people).order_by(*event_people.c)).all()
    assert sum(row.host for row in before) == 2 * len(ids)
    with store.write() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    assert "host" not in {column["name"] for column in inspect(store.engine).get_columns("event_people")}

    migrate(store)

    with store.read() as connection:
        assert connection.execute(select(event_people).order_by(*event_people.c)).all() == before


def test_a_database_of_a_newer_daybook_is_refused(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Misconfigured, match="newer than this Daybook"):
        migrate(store)
