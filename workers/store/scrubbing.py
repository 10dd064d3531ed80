"""Statements that read whatever may name a person, page by page, and put back what names nobody. What is taken out is
`workers/scrub.py`'s. Where SQLite is the database, what is overwritten is so on the disk too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Row, Select, Table, delete, insert, select, text, update

from workers.store import search
from workers.store.engine import Store
from workers.store.tables import (
    actions,
    audit,
    backtests,
    bodies,
    drift,
    event_people,
    events,
    keys,
    rule_switches,
    runs,
    sessions,
)

#: columns of an event that say something of people
OF_EVENTS = ("title", "seat", "organizer", "hosts", "attendees", "notes", "payload")
#: steps of a merge of SQLite's full text in one transaction
_MERGED = 500


@dataclass(frozen=True, slots=True)
class Named:
    """A table of which some columns may name a person, and the key it is walked along."""

    table: Table
    key: Column[Any]
    columns: tuple[str, ...]


#: every table but those of deliveries and events, and those that hold nothing of people
ELSEWHERE = (
    Named(runs, runs.c.id, ("entity", "once", "key", "reason")),
    Named(actions, actions.c.id, ("request", "answer", "reason", "effect")),
    Named(audit, audit.c.id, ("name", "arguments", "detail")),
    Named(backtests, backtests.c.id, ("asked_by", "source", "reason", "result")),
    Named(rule_switches, rule_switches.c.rule, ("set_by",)),
    Named(keys, keys.c.id, ("name",)),
    Named(drift, drift.c.connection, ("differences", "problem")),
)


def rows(connection: Connection, named: Named, after: Any, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` rows beyond a key."""
    query = _read(named)
    if after is not None:
        query = query.where(named.key > after)
    return connection.execute(query.order_by(named.key).limit(limit)).all()


def rows_of(connection: Connection, named: Named, keys: Sequence[Any]) -> Sequence[Row[Any]]:
    """The rows with these keys."""
    return connection.execute(_read(named).where(named.key.in_(keys)).order_by(named.key)).all()


def _read(named: Named) -> Select[Any]:
    also = {actions: ("run_id",), runs: ("event_id", "due_at")}.get(named.table, ())
    return select(named.key.label("at"), *(named.table.c[name] for name in (*named.columns, *also)))


def put(connection: Connection, named: Named, key: Any, values: Mapping[str, Any]) -> None:
    """Put values into one row."""
    connection.execute(update(named.table).where(named.key == key).values(dict(values)))


def taken(connection: Connection, once: str) -> bool:
    """Whether a run has this already."""
    return connection.execute(select(runs.c.id).where(runs.c.once == once)).first() is not None


def some_bodies(connection: Connection, after: UUID, limit: int) -> Sequence[Row[Any]]:
    """Bodies beyond one, in order."""
    key = bodies.c.receipt_id
    return connection.execute(
        select(bodies).where(key > after).order_by(key).limit(limit), execution_options={"daybook_binary": True}
    ).all()


def some_events(connection: Connection, after: int, limit: int) -> Sequence[Row[Any]]:
    """Events beyond one, in the order they were written, with what they say of people."""
    return _events(connection, events.c.seq > after, limit)


def events_of(connection: Connection, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """The same of these events."""
    return _events(connection, events.c.id.in_(list(ids)), len(ids))


def _events(connection: Connection, which: Any, limit: int) -> Sequence[Row[Any]]:
    columns = (events.c[name] for name in ("seq", "id", "connection", "booking_uid", *OF_EVENTS))
    return connection.execute(select(*columns).where(which).order_by(events.c.seq).limit(limit)).all()


def bodies_of(connection: Connection, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """The bodies of these deliveries."""
    return connection.execute(select(bodies).where(bodies.c.receipt_id.in_(list(ids)))).all()


def of_bookings(connection: Connection, told_of: Collection[tuple[str, str]]) -> set[UUID]:
    """The events of these bookings, each a connection and a uid."""
    found: set[UUID] = set()
    for pcid, uid in told_of:
        query = select(events.c.id).where(events.c.booking_uid == uid, events.c.connection == pcid)
        found.update(connection.execute(query).scalars())
    return found


def acting(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these events that have a run under way."""
    query = select(runs.c.event_id).where(runs.c.event_id.in_(list(ids)), runs.c.due_at.is_not(None))
    return set(connection.execute(query).scalars())


def runs_of(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """The runs of these events."""
    return set(connection.execute(select(runs.c.id).where(runs.c.event_id.in_(list(ids)))).scalars())


def put_body(connection: Connection, receipt_id: UUID, headers: bytes, body: bytes) -> None:
    """Put another body and headers in place of a delivery's."""
    of = bodies.c.receipt_id == receipt_id
    connection.execute(update(bodies).where(of).values(headers=headers, body=body))


def put_event(connection: Connection, event_id: UUID, values: Mapping[str, Any]) -> None:
    """Put values into an event, and what search looks at anew."""
    connection.execute(update(events).where(events.c.id == event_id).values(dict(values)))
    row = connection.execute(select(events).where(events.c.id == event_id)).one()
    people = [row.organizer, *row.hosts, *row.attendees]
    names = dict.fromkeys(person["name"] for person in people if person is not None)
    words = search.text_of((row.title, *names, row.notes))
    connection.execute(update(events).where(events.c.id == event_id).values(words=words))


def put_people(connection: Connection, event_id: UUID, addresses: Iterable[str], mark: str) -> int:
    """Let an event be found by the mark, and no more by these addresses; returns how many those were."""
    where = (event_people.c.email.in_(sorted(set(addresses))), event_people.c.event_id == event_id)
    hosts = connection.execute(delete(event_people).where(*where).returning(event_people.c.host)).scalars().all()
    if hosts:
        marked = (event_people.c.email == mark, event_people.c.event_id == event_id)
        before = connection.execute(delete(event_people).where(*marked).returning(event_people.c.host)).scalars().all()
        host = any(hosts) or any(before)
        connection.execute(insert(event_people).values(email=mark, event_id=event_id, host=host))
    return len(hosts)


def some_sessions(connection: Connection) -> list[tuple[bytes, str]]:
    """Who is signed in on the pages, by name."""
    rows = connection.execute(select(sessions.c.digest, sessions.c.name))
    return [(row.digest, row.name) for row in rows]


def end_session(connection: Connection, digest: bytes) -> None:
    """Sign somebody out."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest))


def for_good(connection: Connection) -> None:
    """From here on this connection overwrites what it deletes. PostgreSQL has no such thing: VACUUM does it there."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def settle(store: Store) -> None:
    """On SQLite, leave no old word in the index of full text and no old page in the write-ahead log."""
    if not store.sqlite:
        return
    steps = -_MERGED  # the first one begins to merge all there is
    while True:
        with store.write() as connection:
            for_good(connection)
            before = _changes(connection)
            connection.execute(
                text("INSERT INTO events_text (events_text, rank) VALUES ('merge', :steps)"), {"steps": steps}
            )
            if _changes(connection) - before < 2:
                break
        steps = _MERGED
    with store.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("ROLLBACK") if driver.in_transaction else None
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _changes(connection: Connection) -> int:
    driver: Any = connection.connection.driver_connection
    return int(driver.total_changes)
