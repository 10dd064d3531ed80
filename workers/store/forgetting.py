"""Statements that delete what is past its age, a small batch in each call: the caller's transaction is short.

What is not an event yet stays, and so do an event one of whose runs is under way, its delivery and its body. Of runs
that go, `once` is remembered. What is deleted is never asked for again by Cal.com, which sends within minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, func, or_, select, tuple_

from workers.store import spent
from workers.store.filters import lowest_id
from workers.store.months import Month
from workers.store.receipts import State
from workers.store.runs import APART
from workers.store.tables import (
    UNSETTLED,
    actions,
    audit,
    backtests,
    bodies,
    bookings,
    event_people,
    events,
    receipts,
    runs,
)

Counts = dict[str, int]
_START = UUID(int=0)
_QUARANTINE = (State.QUARANTINED, State.DISCARDED)


def bodies_past(connection: Connection, before: datetime, *, after: UUID = _START, limit: int) -> list[UUID]:
    """Bodies that came before an instant, beyond one of them, the oldest first; whatever they belong to."""
    key = bodies.c.receipt_id
    query = select(key).where(key > after, key < lowest_id(before)).order_by(key).limit(limit)
    return list(connection.execute(query).scalars())


def events_past(connection: Connection, kind: str, before: datetime, *, after: UUID = _START, limit: int) -> list[UUID]:
    """Events of a kind that came before an instant, beyond one of them, the oldest first."""
    key = events.c.id
    where = (events.c.kind == kind, key > after, key < lowest_id(before))
    return list(connection.execute(select(key).where(*where).order_by(key).limit(limit)).scalars())


def quarantined_past(connection: Connection, before: datetime, *, after: UUID = _START, limit: int) -> list[UUID]:
    """Deliveries in quarantine or discarded that came before an instant, beyond one of them, the oldest first."""
    key = receipts.c.id
    where = (UNSETTLED, receipts.c.state.in_(_QUARANTINE), key > after, key < lowest_id(before))
    return list(connection.execute(select(key).where(*where).order_by(key).limit(limit)).scalars())


def forget_bodies(connection: Connection, ids: Collection[UUID]) -> Counts:
    """Delete those of these bodies whose events are in the history and have no run under way."""
    going = set(ids) - _in_use(connection, ids) - _unsettled(connection, ids)
    return {"bodies": _gone(connection, bodies.c.receipt_id, going)}


def forget_events(connection: Connection, ids: Collection[UUID], now: datetime) -> Counts:
    """Delete those of these events that have no run under way, with all that hangs on them."""
    going = set(ids) - _in_use(connection, ids) - _waiting(connection, ids)
    if not going:
        return {}
    rows = connection.execute(
        select(events.c.connection, events.c.booking_uid, events.c.organizer, events.c.hosts, events.c.attendees)
        .where(events.c.id.in_(going))
    ).all()  # fmt: skip
    held = connection.execute(select(runs.c.id, runs.c.once).where(runs.c.event_id.in_(going))).all()
    spent.keep(connection, (row.once for row in held if row.once and not row.once.startswith(APART)), now)
    over = [row.id for row in held]
    counts = {
        "actions": _gone(connection, actions.c.run_id, over),
        "runs": _gone(connection, runs.c.id, over),
        "event_people": _people_gone(connection, rows, going),
        "events": _gone(connection, events.c.id, going),
        "bodies": _gone(connection, bodies.c.receipt_id, going),
        "receipts": _gone(connection, receipts.c.id, going),
    }
    told_of = {(row.booking_uid, row.connection) for row in rows if row.booking_uid is not None}
    return {**counts, "bookings": _lineages_gone(connection, told_of)}


def forget_quarantined(connection: Connection, ids: Collection[UUID]) -> Counts:
    """Delete those of these deliveries that are still in quarantine or discarded."""
    query = select(receipts.c.id).where(receipts.c.id.in_(ids), receipts.c.state.in_(_QUARANTINE))
    if connection.dialect.name != "sqlite":
        query = query.with_for_update(skip_locked=True)
    going = set(connection.execute(query).scalars())
    # One that was an event before keeps its event, which then says what it said without a delivery.
    return {
        "bodies": _gone(connection, bodies.c.receipt_id, going),
        "receipts": _gone(connection, receipts.c.id, going),
    }


def forget_audit(connection: Connection, before: datetime, *, limit: int) -> Counts:
    """Delete entries of the audit log and finished back-tests from before an instant."""
    low = lowest_id(before)
    entries = select(audit.c.id).where(audit.c.id < low).order_by(audit.c.id).limit(limit)
    tried = select(backtests.c.id).where(backtests.c.id < low, backtests.c.ended_at.is_not(None)).limit(limit)
    return {
        "audit": _gone(connection, audit.c.id, list(connection.execute(entries).scalars())),
        "backtests": _gone(connection, backtests.c.id, list(connection.execute(tried).scalars())),
    }


def may_drop(connection: Connection, month: Month, quarantined: datetime | None) -> bool:
    """Whether no body of a month, and of none before it, has to be kept though it is past: its delivery waits, is in
    quarantine, or has a run under way."""
    below = receipts.c.id < month.end
    in_quarantine: ColumnElement[bool] = receipts.c.state.in_(_QUARANTINE)
    if quarantined is not None:
        in_quarantine = and_(in_quarantine, receipts.c.id >= lowest_id(quarantined))
    waits = exists().where(UNSETTLED, below, or_(receipts.c.state == State.RECEIVED, in_quarantine))
    acts = exists().where(runs.c.event_id < month.end, runs.c.due_at.is_not(None))
    held: bool = connection.execute(select(or_(waits, acts))).scalar_one()
    return not held


def count(connection: Connection, kind: str, before: datetime) -> int:
    """How many events of a kind came before an instant."""
    query = select(func.count()).select_from(events).where(events.c.kind == kind, events.c.id < lowest_id(before))
    return int(connection.execute(query).scalar_one())


def count_bodies(connection: Connection, before: datetime) -> int:
    """How many bodies came before an instant."""
    query = select(func.count()).select_from(bodies).where(bodies.c.receipt_id < lowest_id(before))
    return int(connection.execute(query).scalar_one())


def count_quarantined(connection: Connection, before: datetime) -> int:
    """How many deliveries in quarantine or discarded came before an instant."""
    where = (UNSETTLED, receipts.c.state.in_(_QUARANTINE), receipts.c.id < lowest_id(before))
    return int(connection.execute(select(func.count()).select_from(receipts).where(*where)).scalar_one())


def count_audit(connection: Connection, before: datetime) -> int:
    """How many entries of the audit log are from before an instant."""
    query = select(func.count()).select_from(audit).where(audit.c.id < lowest_id(before))
    return int(connection.execute(query).scalar_one())


def _in_use(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """The events with a run under way: it reads its event until it is over."""
    query = select(runs.c.event_id).where(runs.c.event_id.in_(ids), runs.c.due_at.is_not(None))
    return set(connection.execute(query).scalars())


def _waiting(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """The deliveries that are to become an event, again or for the first time. Those that are not are locked: nobody
    replays one that goes."""
    query = select(receipts.c.id, receipts.c.state).where(receipts.c.id.in_(ids)).order_by(receipts.c.id)
    return {row.id for row in connection.execute(query.with_for_update()) if row.state == State.RECEIVED}


def _unsettled(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """The deliveries whose body is all there is of them."""
    query = select(receipts.c.id, receipts.c.state).where(receipts.c.id.in_(ids)).order_by(receipts.c.id)
    return {row.id for row in connection.execute(query.with_for_update()) if row.state != State.PERSISTED}


def _gone(connection: Connection, key: Column[UUID], ids: Collection[UUID]) -> int:
    if not ids:
        return 0
    return connection.execute(delete(key.table).where(key.in_(list(ids)))).rowcount


def _people_gone(connection: Connection, rows: Sequence[Any], ids: Collection[UUID]) -> int:
    """They are found by their addresses: there is no index by event."""
    people = (person for row in rows for person in (row.organizer, *row.hosts, *row.attendees))
    named = {person["email"].lower() for person in people if person and person["email"]}
    if not named:
        return 0
    where = (event_people.c.email.in_(named), event_people.c.event_id.in_(list(ids)))
    return connection.execute(delete(event_people).where(*where)).rowcount


def _lineages_gone(connection: Connection, told_of: Collection[tuple[str, str]]) -> int:
    """Where no event tells of a booking any more, what it was strung together with says nothing."""
    if not told_of:
        return 0
    told = and_(events.c.booking_uid == bookings.c.uid, events.c.connection == bookings.c.connection)
    where = (tuple_(bookings.c.uid, bookings.c.connection).in_(list(told_of)), ~exists().where(told))
    return connection.execute(delete(bookings).where(*where)).rowcount
