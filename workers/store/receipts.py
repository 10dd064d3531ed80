"""Statements about receipts: keeping deliveries, settling those that became events, and moving their state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Update,
    Uuid,
    any_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from workers.store import bulk, repeats
from workers.store.bulk import Rows, insert_many
from workers.store.engine import Store
from workers.store.tables import UNSETTLED, bodies, events, receipts, webhooks


class State(StrEnum):
    """Where a delivery is on its way."""

    RECEIVED = "received"  #: durable, not an event yet
    PERSISTED = "persisted"  #: its event is in the history
    QUARANTINED = "quarantined"  #: kept, but its signature was not good; a person decides
    DISCARDED = "discarded"  #: a person decided against it


class Receipt(msgspec.Struct, frozen=True):
    """One delivery on its way into SQL. `headers` is JSON, `[[name, value], …]`.

    `window`: the seconds within which the same bytes are this delivery again; 0: for ever. See `repeats.py`.
    """

    id: UUID
    webhook_id: UUID
    sha256: bytes
    window: int
    received_at: datetime
    verdict: str
    secret_id: UUID | None
    state: str
    headers: bytes
    body: bytes

    @property
    def era(self) -> int:
        """What tells its row from others of the same bytes: when it came, in Unix milliseconds; 0 for a dated body."""
        return int(self.received_at.timestamp() * 1000) if self.window else 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a receipt: the id it is kept under, and whether it had come before."""

    id: UUID
    repeated: bool
    waiting: bool  #: True where it still has to become an event


#: bytes of a body that is read by itself: the 256 others of a worker's message have 32 MB at the most
LARGE = 128 * 1024
_ANY_SIZE = 2**31 - 1

_RECEIPT = tuple(column.name for column in receipts.columns)
_BODY = tuple(column.name for column in bodies.columns)


def keep(store: Store, batch: Sequence[Receipt]) -> list[Kept]:
    """Make `batch` durable in one transaction; answers in its order.

    Nearly always all of it is new, so it is written at once; where something came before, the batch is written
    again row by row, counting what repeats. Raises `StoreUnavailable` when SQL is away: then nothing was kept.
    """
    undated = [receipt for receipt in batch if receipt.window]
    spelt = _spelt(batch, sqlite=store.sqlite)
    try:
        with store.write() as connection:
            if not undated or repeats.none(connection, undated):
                _insert(connection, spelt)
                return [Kept(receipt.id, False, receipt.state == State.RECEIVED) for receipt in batch]
    except IntegrityError:
        pass
    with store.write() as connection:
        repeats.hold(connection, undated)
        return [_keep_one(connection, receipt) for receipt in batch]


def _spelt(batch: Sequence[Receipt], *, sqlite: bool) -> list[Rows]:
    rows = (
        (r.id, r.webhook_id, r.sha256, r.era, r.received_at, len(r.body))
        + (r.verdict, r.secret_id, r.state, 1, r.received_at)
        for r in batch
    )
    return [
        bulk.spell(receipts, _RECEIPT, rows, sqlite=sqlite),
        bulk.spell(bodies, _BODY, ((r.id, r.headers, r.body) for r in batch), sqlite=sqlite),
    ]


def _insert(connection: Connection, spelt: Sequence[Rows]) -> None:
    for rows in spelt:
        insert_many(connection, rows)


def _keep_one(connection: Connection, receipt: Receipt) -> Kept:
    near = repeats.near(connection, [receipt]) if receipt.window else None
    if near is None:
        try:
            with connection.begin_nested():
                _insert(connection, _spelt([receipt], sqlite=_on_sqlite(connection)))
            return Kept(receipt.id, False, receipt.state == State.RECEIVED)
        except IntegrityError:
            pass
    same = (
        receipts.c.id == near if near is not None else receipts.c.era == receipt.era,
        receipts.c.webhook_id == receipt.webhook_id,
        receipts.c.sha256 == receipt.sha256,
    )
    counted = connection.execute(
        update(receipts)
        .where(*same)
        .values(seen=receipts.c.seen + 1, last_seen_at=receipt.received_at)
        .returning(receipts.c.id, receipts.c.state)
    ).one()
    unsettled = counted.state in (State.QUARANTINED, State.DISCARDED)
    if receipt.state == State.RECEIVED and unsettled:
        # The same bytes came unsigned or badly signed before; now they are proved to be Cal.com's.
        connection.execute(
            update(receipts)
            .where(receipts.c.id == counted.id)
            .values(state=State.RECEIVED, verdict=receipt.verdict, secret_id=receipt.secret_id)
        )
        connection.execute(update(bodies).where(bodies.c.receipt_id == counted.id).values(headers=receipt.headers))
        return Kept(counted.id, True, True)
    return Kept(counted.id, True, counted.state == State.RECEIVED)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A receipt with its body, ready to be made an event."""

    id: UUID
    received_at: datetime
    headers: list[tuple[str, str]]
    body: bytes
    webhook: str
    connection: str
    has_event: bool  #: it was persisted before: this is a replay
    delivered: bool = True  #: False: there is no receipt, for it was found by ourselves


def arrived(connection: Connection, ids: Sequence[UUID]) -> list[Arrived]:
    """The receipts among `ids` that still wait, with all that is needed to read them. It takes no lock.

    Of several, those with a large body are left out: a message of them would not fit into memory. See `large`.
    """
    wanted = {"ids": list(ids), "most": LARGE if len(ids) > 1 else _ANY_SIZE}
    rows = connection.execute(
        _ARRIVED[_on_sqlite(connection)], wanted, execution_options={"daybook_binary": True}
    ).all()
    return [
        Arrived(
            row.id,
            row.received_at,
            msgspec.json.decode(row.headers, type=list[tuple[str, str]]),
            row.body,
            row.name,
            row.connection,
            row.event_id is not None,
        )
        for row in rows
    ]


def large(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Those of `ids` that still wait and have a body so large that it is read by itself."""
    query = select(receipts.c.id).where(
        _AMONG[_on_sqlite(connection)], receipts.c.state == State.RECEIVED, receipts.c.bytes > LARGE
    )
    return list(connection.execute(query.order_by(receipts.c.id), {"ids": list(ids)}).scalars())


def settle(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Take those of `ids` that still wait and call them persisted; returns which.

    Their events are written in this same transaction, by whoever took them: nobody else can take them any more.
    """
    return set(connection.execute(_SETTLE[_on_sqlite(connection)], {"ids": list(ids)}).scalars().all())


#: whether a receipt is among the ids given, by dialect: one array is a third of the work of a hundred parameters
_AMONG: dict[bool, ColumnElement[bool]] = {
    True: receipts.c.id.in_(bindparam("ids", expanding=True)),
    False: receipts.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
}


def _arrived(among: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            receipts.c.id,
            receipts.c.received_at,
            bodies.c.headers,
            bodies.c.body,
            func.coalesce(webhooks.c.name, "").label("name"),  # a webhook removed meanwhile
            func.coalesce(webhooks.c.connection, "").label("connection"),
            events.c.id.label("event_id"),
        )
        .join(bodies, bodies.c.receipt_id == receipts.c.id)
        .outerjoin(webhooks, webhooks.c.id == receipts.c.webhook_id)
        .outerjoin(events, events.c.id == receipts.c.id)
        .where(among, receipts.c.state == State.RECEIVED, receipts.c.bytes <= bindparam("most"))
        .order_by(receipts.c.id)
    )


def _settle(among: ColumnElement[bool], *, sqlite: bool) -> Update:
    wait = select(receipts.c.id).where(among, receipts.c.state == State.RECEIVED)
    if not sqlite:
        # Locked in one order, and what another worker holds is left to it: two workers never wait for each other.
        wait = wait.order_by(receipts.c.id).with_for_update(skip_locked=True)
    return update(receipts).where(receipts.c.id.in_(wait)).values(state=State.PERSISTED).returning(receipts.c.id)


_ARRIVED = {sqlite: _arrived(among) for sqlite, among in _AMONG.items()}
_SETTLE = {sqlite: _settle(among, sqlite=sqlite) for sqlite, among in _AMONG.items()}


def _on_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def waiting(connection: Connection, *, before: datetime, limit: int) -> list[UUID]:
    """Receipts that came before an instant and are no event yet, oldest first."""
    rows = connection.execute(
        select(receipts.c.id)
        .where(
            UNSETTLED,
            receipts.c.state == State.RECEIVED,
            # One from the future came by a machine whose clock is ahead; it has waited long enough, too.
            or_(receipts.c.received_at < before, receipts.c.received_at > before + timedelta(minutes=1)),
        )
        .order_by(receipts.c.id)
        .limit(limit)
    )
    return list(rows.scalars())


def count_waiting(connection: Connection) -> int:
    """How many receipts are no event yet."""
    query = select(func.count()).select_from(receipts).where(UNSETTLED, receipts.c.state == literal(State.RECEIVED))
    return int(connection.execute(query).scalar_one())


def quarantined(connection: Connection, webhook_id: UUID) -> tuple[int, int]:
    """How many deliveries of a webhook are in quarantine, and their bytes."""
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(receipts.c.bytes), 0)).where(
            UNSETTLED, receipts.c.state == State.QUARANTINED, receipts.c.webhook_id == webhook_id
        )
    ).one()
    return int(row[0]), int(row[1])


def move(connection: Connection, ids: Sequence[UUID], *, source: Iterable[State], target: State) -> list[UUID]:
    """Change the state of those of `ids` that are in one of `source`; returns which were.

    One whose body is forgotten stays as it is: nothing could be made of it any more.
    """
    if not _on_sqlite(connection):  # so that the next statement sees what whoever had them in hand did to their bodies
        held = select(receipts.c.id).where(receipts.c.id.in_(ids)).order_by(receipts.c.id).with_for_update()
        connection.execute(held).all()
    rows = connection.execute(
        update(receipts)
        .where(
            receipts.c.id.in_(ids),
            receipts.c.state.in_(list(source)),
            exists().where(bodies.c.receipt_id == receipts.c.id),
        )
        .values(state=target)
        .returning(receipts.c.id)
    )
    return list(rows.scalars())
