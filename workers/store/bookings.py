"""Statements about bookings: which uids a reschedule strings together, whatever order their events come in.

Only these have rows. A booking that was never rescheduled, as nearly all are, is its own lineage and has none.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select, text, tuple_, update

from workers.store.tables import bookings, events

#: any number, the same in every process: who joins lineages on PostgreSQL holds this lock until it commits
_LOCK = 4_821_878
_KNOW_SQLITE = "INSERT INTO bookings (connection, uid, lineage) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_KNOW_POSTGRESQL = text(
    "INSERT INTO bookings (connection, uid, lineage) "
    "SELECT pcid, uid, uid FROM unnest(CAST(:pcids AS text[]), CAST(:uids AS text[])) AS new (pcid, uid) "
    "ON CONFLICT DO NOTHING"
)


def tell(connection: Connection, said: Iterable[tuple[str, str, str]], *, on_sqlite: bool) -> None:
    """What reschedules say of bookings: (connection, uid, the uid it replaces).

    All rows are made first and in one order, then the lock for joining is taken: two transactions that did either in
    another order would wait for each other.
    """
    said = list(said)
    know(connection, ((pcid, uid) for pcid, *both in said for uid in both), on_sqlite=on_sqlite)
    join(connection, said, on_sqlite=on_sqlite)


def know(connection: Connection, found: Iterable[tuple[str, str]], *, on_sqlite: bool) -> None:
    """Make sure that each (connection, uid) has a row; a new one is its own lineage."""
    rows = sorted(set(found))  # in one order everywhere, so that two transactions cannot wait for each other
    if not rows:
        return
    if on_sqlite:
        # Straight to the driver, as in bulk.py; conflicts are the rule here, a booking has several events.
        connection.exec_driver_sql(_KNOW_SQLITE, [(pcid, uid, uid) for pcid, uid in rows])
    else:
        pcids, uids = [pcid for pcid, _ in rows], [uid for _, uid in rows]
        connection.execute(_KNOW_POSTGRESQL, {"pcids": pcids, "uids": uids})


def join(connection: Connection, links: Iterable[tuple[str, str, str]], *, on_sqlite: bool) -> None:
    """Each (connection, uid, previous uid), all known, makes one booking of two: the earlier uid's lineage wins.

    Joins are one at a time over all processes: two that ran together could each rename what the other adds.
    Reschedules are few, so nobody waits long.
    """
    links = sorted({link for link in links if link[1] != link[2]})
    if not links:
        return
    if not on_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    for pcid, uid, previous in links:
        names = lineages(connection, [(pcid, uid), (pcid, previous)])
        mine, theirs = names[pcid, uid], names[pcid, previous]
        if mine != theirs:
            connection.execute(
                update(bookings).where(bookings.c.connection == pcid, bookings.c.lineage == mine).values(lineage=theirs)
            )


def lineages(connection: Connection, uids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The lineage of each (connection, uid) that a reschedule told of; any other is its own."""
    rows = connection.execute(
        select(bookings.c.connection, bookings.c.uid, bookings.c.lineage).where(
            tuple_(bookings.c.connection, bookings.c.uid).in_(sorted(set(uids)))
        )
    )
    return {(row.connection, row.uid): row.lineage for row in rows}


def uids_with(connection: Connection, uid: str) -> list[tuple[str, str]]:
    """Every (connection, uid) of the lineages that `uid` belongs to; empty where no reschedule told of it."""
    mine = select(bookings.c.connection, bookings.c.lineage).where(bookings.c.uid == uid).subquery()
    rows = connection.execute(
        select(bookings.c.connection, bookings.c.uid)
        .join(mine, (mine.c.connection == bookings.c.connection) & (mine.c.lineage == bookings.c.lineage))
        .order_by(bookings.c.connection, bookings.c.uid)
    )
    return [(row.connection, row.uid) for row in rows]


def pcids(connection: Connection, uid: str) -> list[str]:
    """The connections whose events told of a booking with this uid, in order."""
    query = select(events.c.connection).where(events.c.booking_uid == uid).distinct()
    return sorted(connection.execute(query).scalars())


def uids_of(connection: Connection, found: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The uids of each (connection, lineage), the lineage's own first."""
    uids = {each: [each[1]] for each in found}
    rows = connection.execute(
        select(bookings.c.connection, bookings.c.lineage, bookings.c.uid)
        .where(tuple_(bookings.c.connection, bookings.c.lineage).in_(sorted(uids)))
        .where(bookings.c.uid != bookings.c.lineage)
        .order_by(bookings.c.uid)
    )
    for pcid, lineage, uid in rows:
        uids[pcid, lineage].append(uid)
    return uids
