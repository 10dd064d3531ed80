"""Questions to the deliveries: pages newest first, one with its headers and body, counts. `receipts.py` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    TextClause,
    exists,
    func,
    literal,
    select,
    union_all,
)

from workers.store import search
from workers.store.engine import Store
from workers.store.events import spell
from workers.store.history import arrived, few
from workers.store.receipts import State
from workers.store.tables import UNPROVED, UNSETTLED, bodies, events, receipts, webhooks

#: deliveries read at once by `export`
_EXPORT_PAGE = 500
#: no webhook's id
_NOBODY = UUID(int=0)
#: what a delivery is shown with; the webhook's name and the event are looked up for the rows shown only
_READ = (
    select(
        receipts,
        func.coalesce(webhooks.c.name, "").label("webhook"),
        webhooks.c.connection.label("pcid"),
        events.c.id.label("event_id"),
    )
    .outerjoin(webhooks, webhooks.c.id == receipts.c.webhook_id)
    .outerjoin(events, events.c.id == receipts.c.id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries are asked for; conditions are ANDed, the values of one ORed. `triggers` are those of the events
    that deliveries became; `webhook` is a name; `since` <= received_at < `until`. `BadInput` for too many triggers.
    """

    state: State | None = None
    verdict: str | None = None
    webhook: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    triggers: tuple[str, ...] = ()
    connection: str | None = None

    def __post_init__(self) -> None:
        few("trigger", self.triggers)


def page(connection: Connection, wanted: Filter, *, before: UUID | None = None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` deliveries newest first, those older than the delivery `before`."""
    return some(connection, ids(connection, wanted, before=before, limit=limit))


def ids(connection: Connection, wanted: Filter, *, before: UUID | None = None, limit: int) -> list[UUID]:
    """The ids alone of such a page."""
    return list(connection.execute(_ids(wanted, _of_connection(connection, wanted), before, limit)).scalars())


def export(store: Store, wanted: Filter) -> Iterator[Row[Any]]:
    """Every delivery of these newest first, at flat memory: one short transaction a page."""
    before: UUID | None = None
    while True:
        with store.read() as connection:
            rows = page(connection, wanted, before=before, limit=_EXPORT_PAGE)
        yield from rows
        if len(rows) < _EXPORT_PAGE:
            return
        before = rows[-1].id


def _of_connection(connection: Connection, wanted: Filter) -> list[UUID] | None:
    """The webhooks of the connection that is asked for, if one is and its name leads to deliveries soonest."""
    if wanted.connection is None or _by_event(wanted):
        return None
    its = select(webhooks.c.id).where(webhooks.c.connection == search.plain(wanted.connection))
    return list(connection.execute(its.order_by(webhooks.c.id)).scalars())


def _ids(wanted: Filter, its: list[UUID] | None, before: UUID | None, limit: int) -> Select[Any]:
    # One walk for each name, in order already, and merged: `trigger IN (…)` would sort all it finds.
    if _by_event(wanted):
        key: ColumnElement[UUID] = events.c.id
        walks = [select(key).where(events.c.trigger == name, *_of_events(wanted)) for name in _triggers(wanted)]
    else:
        key = receipts.c.id
        walk = select(key).where(*_where(wanted, but_connection=its is not None))
        walks = [walk] if its is None else [walk.where(receipts.c.webhook_id == one) for one in its or [_NOBODY]]
    if before is not None:
        walks = [walk.where(key < before) for walk in walks]
    if len(walks) == 1:
        return _newest(walks[0], key, limit)
    parts = [select(_newest(walk, key, limit).subquery().c.id) for walk in walks]
    merged = union_all(*parts).subquery()
    return _newest(select(merged.c.id), merged.c.id, limit)


def _newest(query: Select[Any], key: ColumnElement[UUID], limit: int) -> Select[Any]:
    return query.order_by(key.desc()).limit(limit)


def some(connection: Connection, wanted: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The deliveries with these ids, newest first."""
    if not wanted:
        return []
    query = _READ.where(receipts.c.id.in_(wanted)).order_by(receipts.c.id.desc())
    return connection.execute(query).all()


def one(connection: Connection, delivery_id: UUID) -> Row[Any] | None:
    """One delivery."""
    return next(iter(some(connection, [delivery_id])), None)


def headers(connection: Connection, delivery_id: UUID) -> list[tuple[str, str]]:
    """The headers of the request in their order, latin-1; empty where they are gone."""
    held = connection.execute(select(bodies.c.headers).where(bodies.c.receipt_id == delivery_id)).scalar_one_or_none()
    return msgspec.json.decode(held, type=list[tuple[str, str]]) if held is not None else []


def body(connection: Connection, delivery_id: UUID) -> bytes | None:
    """The body byte for byte; None where there is none by that id, or it is forgotten."""
    return connection.execute(select(bodies.c.body).where(bodies.c.receipt_id == delivery_id)).scalar_one_or_none()


def bodiless(connection: Connection, among: Sequence[UUID]) -> set[UUID]:
    """Those of these deliveries whose body and headers are forgotten already."""
    if not among:
        return set()
    there = exists().where(bodies.c.receipt_id == receipts.c.id)
    return set(connection.execute(select(receipts.c.id).where(receipts.c.id.in_(among), ~there)).scalars())


def openings(connection: Connection, among: Sequence[UUID], length: int) -> dict[UUID, bytes]:
    """The first bytes of the bodies of these deliveries; no more of them is read."""
    opening = func.substr(bodies.c.body, 1, length).label("opening")
    rows = connection.execute(select(bodies.c.receipt_id, opening).where(bodies.c.receipt_id.in_(among)))
    return {row.receipt_id: bytes(row.opening or b"") for row in rows}  # of an empty one SQLite gives NULL


def mentioning(connection: Connection, among: Sequence[UUID], text: str) -> set[UUID]:
    """Those of these deliveries in whose body the text stands. No index knows: each body is read, so name few."""
    sought = literal(text.encode("utf-8", "replace"), LargeBinary)
    if connection.dialect.name == "sqlite":
        place = func.instr(bodies.c.body, sought)
    else:
        place = func.position(sought.op("IN")(bodies.c.body))
    return set(
        connection.execute(select(bodies.c.receipt_id).where(bodies.c.receipt_id.in_(among), place > 0)).scalars()
    )


def count(connection: Connection, wanted: Filter) -> int:
    """How many deliveries there are of these."""
    if _by_event(wanted):
        named = events.c.trigger.in_(_triggers(wanted))
        query = select(func.count()).select_from(events).where(named, *_of_events(wanted))
    else:
        query = select(func.count()).select_from(receipts).where(*_where(wanted))
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class Held:
    """What of one webhook is in quarantine; `verdicts` counts deliveries by why."""

    webhook: str
    verdicts: dict[str, int]
    bytes: int

    @property
    def count(self) -> int:
        """All of them."""
        return sum(self.verdicts.values())


def held(connection: Connection) -> list[Held]:
    """What is in quarantine, by webhook."""
    query = (
        select(
            func.coalesce(webhooks.c.name, "").label("webhook"),
            receipts.c.verdict,
            func.count().label("number"),
            func.sum(receipts.c.bytes).label("bytes"),
        )
        .outerjoin(webhooks, webhooks.c.id == receipts.c.webhook_id)
        .where(UNSETTLED, receipts.c.state == State.QUARANTINED)
        .group_by(webhooks.c.name, receipts.c.verdict)
        .order_by(webhooks.c.name, receipts.c.verdict)
    )
    found: dict[str, Held] = {}
    for row in connection.execute(query):
        before = found.get(row.webhook, Held(row.webhook, {}, 0))
        found[row.webhook] = Held(
            row.webhook, {**before.verdicts, row.verdict: int(row.number)}, before.bytes + int(row.bytes)
        )
    return list(found.values())


def stats(connection: Connection, wanted: Filter) -> dict[str, Any]:
    """Counts: `{"deliveries": n, "states": {state: n}, "verdicts": {verdict: n}}`."""
    groups = select(receipts.c.state, receipts.c.verdict, func.count()).where(*_where(wanted))
    states: dict[str, int] = {}
    verdicts: dict[str, int] = {}
    for state, verdict, number in connection.execute(groups.group_by(receipts.c.state, receipts.c.verdict)):
        states[state] = states.get(state, 0) + number
        verdicts[verdict] = verdicts.get(verdict, 0) + number
    return {"deliveries": sum(states.values()), "states": states, "verdicts": verdicts}


def shape(row: Row[Any]) -> dict[str, Any]:
    """A delivery as the command line and the API show it. Instants are ISO text ending in Z."""
    return {
        "id": str(row.id),
        "webhook": row.webhook or str(row.webhook_id),
        "received_at": spell(row.received_at),
        "verdict": row.verdict,
        "state": row.state,
        "bytes": row.bytes,
        "sha256": row.sha256.hex(),
        "seen": row.seen,
        "event_id": str(row.event_id) if row.event_id else None,
    }


def _by_event(wanted: Filter) -> bool:
    """Whether the index of the triggers leads to them soonest. Deliveries that wait, or that nothing proved, are few,
    and have indexes of their own."""
    return bool(wanted.triggers) and wanted.state in (None, State.PERSISTED) and wanted.verdict in (None, "signed")


def _triggers(wanted: Filter) -> list[str]:
    return list(dict.fromkeys(map(search.plain, wanted.triggers)))


def _of_events(wanted: Filter) -> list[ColumnElement[bool]]:
    """The filter, but for its triggers, as conditions on `events`: an event has its delivery's id and time."""
    its = select(receipts.c.id).where(receipts.c.id == events.c.id, *_of_receipts(wanted)).correlate(events)
    found = [*arrived(events.c.id, events.c.received_at, wanted.since, wanted.until), its.exists()]
    # Said as an expression, it has no index: without statistics SQLite would prefer that to the trigger's.
    mine = events.c.connection.concat("")
    return found if wanted.connection is None else [*found, mine == search.plain(wanted.connection)]


def _where(wanted: Filter, *, but_connection: bool = False) -> list[ColumnElement[bool] | TextClause]:
    found = [*_of_receipts(wanted), *arrived(receipts.c.id, receipts.c.received_at, wanted.since, wanted.until)]
    if wanted.connection is not None and not but_connection:
        known = select(webhooks.c.id).where(webhooks.c.connection == search.plain(wanted.connection))
        found.append(receipts.c.webhook_id.in_(known))
    if wanted.triggers:
        its = select(events.c.id).where(events.c.id == receipts.c.id, events.c.trigger.in_(_triggers(wanted)))
        found.append(its.correlate(receipts).exists())
    return found


def _of_receipts(wanted: Filter) -> list[ColumnElement[bool] | TextClause]:
    found: list[ColumnElement[bool] | TextClause] = []
    if wanted.state is not None:
        found.append(receipts.c.state == wanted.state.value)
        if wanted.state is not State.PERSISTED:
            found.append(UNSETTLED)
    if wanted.verdict is not None:
        found.append(receipts.c.verdict == search.plain(wanted.verdict))
        if wanted.verdict != "signed":
            found.append(UNPROVED)
    if wanted.webhook is not None:
        named = select(webhooks.c.id).where(webhooks.c.name == search.plain(wanted.webhook))
        found.append(receipts.c.webhook_id == named.scalar_subquery())
    return found
