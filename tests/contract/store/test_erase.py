from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, Table, insert, select, text, update
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled
from workers.erase import Report, erase
from workers.persist import persist
from workers.replay import replay
from workers.scrub import Person
from workers.store import audit, deliveries, history, keys, runs, sessions
from workers.store.engine import Store
from workers.store.history import Filter
from workers.store.tables import actions, metadata
from workers.store.tables import audit as audit_table
from workers.store.tables import runs as runs_table
from workers.store.tables import sessions as sessions_table
from workers.vault import Vault

JON = "jon@client.example"


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


def gone(store: Store, email: str = JON, *, dry_run: bool = False) -> Report:
    return erase(store, Person(email), START, dry_run=dry_run)


def everything(store: Store) -> str:
    """Every value of every table, as text."""
    found: list[str] = []
    with store.read() as connection:
        for table in metadata.tables.values():
            found.extend(_texts(connection.execute(select(table)).all(), table))
    return "\n".join(found)


def _texts(rows: Any, table: Table) -> list[str]:
    binary = {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
    return [
        bytes(value).decode("latin-1") if name in binary and value is not None else json.dumps(value, default=str)
        for row in rows
        for name, value in row._mapping.items()
    ]


def run_of(store: Store, event_id: UUID, key: str, *, over: bool = True) -> UUID:
    once = runs.once("do", "greet", key)
    with store.write() as connection:
        runs.plan(
            connection,
            [runs.Planned("greet", uuid7(), "do", event_id, "acme", "X", f"greet|{key}", once, key, 0, START)],
            START,
        )
        run_id: UUID = connection.execute(select(runs_table.c.id).where(runs_table.c.once == once)).scalar_one()
        connection.execute(
            insert(actions).values(
                id=uuid7(), run_id=run_id, step="s", place=0, kind="http", state="done", attempts=1, ours=True,
                request={"to": JON, "text": "Hello Jon Doe"}, answer={"said": ["Jon Doe"]}, begun_at=START,
            )
        )  # fmt: skip
        if over:
            connection.execute(
                update(runs_table).where(runs_table.c.id == run_id).values(state="done", **runs.over(START))
            )
    return run_id


def test_a_person_is_in_no_table_any_more_and_what_happened_is(store: Store, filled: Filled) -> None:
    event = filled.event(uid="one", title="Intro between Ada Berg and Jon Doe", additionalNotes=f"I am {JON.upper()}")
    later = filled.event(uid="one", trigger="MEETING_ENDED", attendees=[], title="Intro with Jon Doe", at=START)
    other = filled.event(uid="two", attendees=[{"name": "Eve Doe", "email": "eve@client.example"}])
    quarantined = filled.keep(b'{"email": "Jon@client.example", "name": "Jon Doe"}', verdict="unsigned")
    run_of(store, event, JON)
    with store.write() as connection:
        who = audit.Who(JON, keys.Role.ADMIN, None)
        audit.begin(
            connection, who, door="api", what="x", connection=None, arguments={"email": JON}, now=START
        )  # fmt: skip
        sessions.begin(
            connection, name=JON, role=keys.Role.VIEWER, key_digest=None, now=START, lives=timedelta(hours=1)
        )

    report = gone(store)

    said = everything(store).lower()
    assert JON not in said
    assert "jon doe" not in said
    assert "ada berg" in said
    assert "eve doe" in said
    assert report.left == 0
    assert {name: number for name, number in report.rows.items() if number} == {
        "deliveries": 3, "events": 2, "search": 1, "runs": 1, "actions": 1, "audit": 1, "sessions": 1,
    }  # fmt: skip
    mark = Person(JON).mark
    with store.read() as connection:
        assert history.count(connection, Filter()) == 3
        row = history.one(connection, event)
        assert [found.id for found in history.page(connection, Filter(email=mark), limit=9)] == [event]
        assert history.page(connection, Filter(text="jon"), limit=9) == []
        found = {one.id for one in history.page(connection, Filter(text="intro"), limit=9)}
        assert ("daybook-erased", "2026-11-01") in deliveries.headers(connection, quarantined)
        assert deliveries.headers(connection, other) == [("content-type", "application/json")]
    assert row is not None
    assert row.title == "Intro between Ada Berg and Erased"
    assert row.attendees[0]["email"] == mark
    assert found == {event, later, other}


def test_a_second_time_there_is_nothing_to_do(store: Store, filled: Filled) -> None:
    run_of(store, filled.event(), JON)
    gone(store)

    assert not any(gone(store).rows.values())


def test_a_dry_run_counts_and_changes_nothing(store: Store, filled: Filled) -> None:
    run_of(store, filled.event(), JON)
    before = everything(store)

    counted = gone(store, dry_run=True)

    assert everything(store) == before
    assert counted.rows == gone(store).rows


def test_what_was_done_once_for_the_person_stays_done_once(store: Store, filled: Filled) -> None:
    event = filled.event()
    run_of(store, event, JON)
    again = filled.event(uid="again")
    mark = Person(JON).mark
    gone(store)

    with store.write() as connection:
        for key in (JON, mark):  # a new event with the address, and the old one read anew
            once = runs.once("do", "greet", key)
            assert runs.plan(
                connection, [runs.Planned("greet", uuid7(), "do", again, "acme", "X", "e", once, key, 0, START)], START
            ) == 0  # fmt: skip


def test_two_spellings_of_an_address_may_both_have_had_their_run(store: Store, filled: Filled) -> None:
    event = filled.event()
    run_of(store, event, JON)
    run_of(store, event, "jon+a@client.example")

    assert gone(store).rows["runs"] == 2
    assert "client.example" not in everything(store)


def test_an_erased_delivery_can_be_replayed_and_names_nobody(store: Store, filled: Filled) -> None:
    event = filled.event()
    gone(store)

    assert replay(store, [event]) == [event]
    persist(store, [event])

    assert JON not in everything(store)
    with store.read() as connection:
        assert len(history.page(connection, Filter(email=Person(JON).mark), limit=9)) == 1


def test_an_event_with_a_run_under_way_is_left_and_told(store: Store, filled: Filled) -> None:
    event = filled.event()
    run = run_of(store, event, JON, over=False)

    assert gone(store).left == 1
    with store.write() as connection:
        assert runs.cancel(connection, run, reason="because", now=START)

    assert gone(store).left == 0
    assert JON not in everything(store)


def test_a_host_goes_like_a_guest(store: Store, filled: Filled) -> None:
    filled.events(3)

    report = gone(store, "ADA@acme.example")

    assert report.rows["events"] == report.rows["search"] == 3
    said = everything(store).lower()
    assert "ada@acme.example" not in said
    assert "ada berg" not in said
    assert "jon doe" in said


def test_on_sqlite_nothing_is_left_in_the_file(store: Store, filled: Filled) -> None:
    if not store.sqlite:
        return
    for number in range(30):
        filled.event(uid=f"u{number}", title="Zebulon meets", at=START + timedelta(minutes=number), attendees=[
            {"name": "Zebulon", "email": "zeb@client.example"}])  # fmt: skip
    gone(store, "zeb@client.example")
    file = Path(str(store.engine.url.database))

    for path in (file, file.with_name(f"{file.name}-wal")):
        content = path.read_bytes().lower() if path.exists() else b""
        assert b"zeb@client.example" not in content
        assert b"zebulon" not in content


def test_nothing_else_is_touched(store: Store, filled: Filled) -> None:
    filled.event()
    with store.write() as connection:
        who = audit.Who("someone", keys.Role.ADMIN, None)
        audit.begin(connection, who, door="api", what="x", connection=None, arguments=None, now=START)
    before = everything(store)

    assert not any(gone(store, "nobody@client.example").rows.values())

    assert everything(store) == before
    with store.read() as connection:
        assert connection.execute(select(audit_table.c.name)).scalars().all() == ["someone"]
        assert connection.execute(select(sessions_table)).all() == []
        assert connection.execute(text("SELECT count(*) FROM spent_keys")).scalar_one() == 0
