"""Compare a list of Cal.com's with the picture that the last look took of it, and take the next one.

The picture, the events and the runs they cause are one transaction. The first look at a list only takes its picture.
A list counts only where it was read to its end; rows without sense are passed over, and then none is taken for gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Sql

from workers.actions import echo
from workers.calcom import options
from workers.catalogue.event import Event
from workers.catalogue.times import instant
from workers.gaps import telling
from workers.gaps.compare import Change, Compared, Kind, Row, Verdict, compare, first
from workers.gaps.parts import ABSENCES, ATTRIBUTES, MEMBERSHIPS, USERS, Document, Part, storable
from workers.gaps.telling import Looked
from workers.looking import GRACE, Around, Caller, Report, Unreadable, begin, pictured_at
from workers.record import Found, record
from workers.store import heard, pictures
from workers.store.connections import Connection
from workers.store.pictures import Look, Pictured

#: rows asked for at a time, and rows of a list that is compared
_TAKE, _MOST_ROWS = 250, 50_000
#: changes told in one transaction: nobody else writes to SQLite meanwhile
_AT_ONCE = 100
#: attributes whose options are read
_MOST_ATTRIBUTES = 200
#: how long before it was first seen a change may have happened: looks may be so far apart
_BEFORE = timedelta(days=1)


@dataclass(slots=True)
class _Read:
    """A list that was read to its end."""

    documents: dict[str, Document] = field(default_factory=dict)
    rows: int = 0
    skipped: int = 0
    pages: int = 0


def look(around: Around, connection: Connection, client: Caller, part: Part, seen: Look | None) -> Report:
    """Read a list, tell what changed since its last picture, and keep it as the next one."""
    begun = around.now()
    read = _read(around, client, part)
    since = pictured_at(connection, seen)
    events: list[Event] = []
    while True:
        if around.dry_run:
            with around.store.read() as sql:
                compared = _compared(sql, connection.pcid, part, since, read, begun)
                events = _told(sql, connection.pcid, part, since, compared, begun)
            break
        live = around.live()
        with around.store.write() as sql:
            held = begin(sql, connection, part.name, seen)
            compared = _compared(sql, connection.pcid, part, since, read, begun)
            more = compared.cut(_AT_ONCE)
            some = _told(sql, connection.pcid, part, since, compared, begun)
            if since is None:
                pictures.clear(sql, connection.pcid, part.name)
                held = replace(held, since=begun)
            pictures.forget(sql, connection.pcid, part.name, compared.forget)
            kept = {key: Pictured(row.document, row.waits_since) for key, row in compared.keep.items()}
            pictures.put(sql, connection.pcid, part.name, kept)
            seen = replace(held, at=held.at if more else begun, problem=None)
            pictures.keep(sql, seen)
            record(sql, live, [Found(event, connection.pcid) for event in some], now=begun)
        events += some
        if not more:
            break
        around.goes_on()
    return Report(
        connection.pcid, part.name, read.rows, read.skipped, first=since is None, events=events,
        waiting=compared.waiting,
    )  # fmt: skip


def _read(around: Around, client: Caller, part: Part) -> _Read:
    """The whole list. Raises Unreadable where it is none, and what the client raises."""
    read = _Read()
    while True:
        if read.pages:
            around.goes_on()
        reply = client.call(part.tool, {"take": _TAKE, "skip": read.rows})
        if not isinstance(reply.data, list):
            raise Unreadable(f"{part.tool}: the answer holds no list.")
        if part is ATTRIBUTES:
            _add_options(around, client, reply.data)
        known = len(read.documents)
        for row in storable(reply.data):
            fact = part.fact(row) if isinstance(row, dict) else None
            if fact is None:
                read.skipped += 1
            else:
                read.documents[fact.key] = fact.document
        read.rows += len(reply.data)
        read.pages += 1
        if len(reply.data) < _TAKE or len(read.documents) == known:
            return read
        if read.rows > _MOST_ROWS:
            raise Unreadable(f"{part.tool}: the list has more than {_MOST_ROWS:,} rows, which is not compared.")


def _add_options(around: Around, client: Caller, rows: list[Any]) -> None:
    """Read the options of the attributes that have some, each by a call of its own."""
    choosing = [
        row
        for row in rows[:_MOST_ATTRIBUTES]
        if isinstance(row, dict) and row.get("type") in ("SINGLE_SELECT", "MULTI_SELECT")
    ]
    for row in choosing:
        if not isinstance(row.get("id"), str) or not row["id"]:
            continue
        around.goes_on()
        reply = client.call(f"{options.PREFIX}get_organization_attribute_options", {"attributeId": row["id"]})
        if not isinstance(reply.data, list):
            raise Unreadable("the options of an attribute are no list.")
        row["options"] = reply.data


def _compared(sql: Sql, pcid: str, part: Part, since: datetime | None, read: _Read, begun: datetime) -> Compared:
    """What is otherwise than in the picture taken at `since`."""
    if since is None:
        return first(read.documents)
    return compare(
        {key: Row(_plain(row.document), row.waits_since) for key, row in pictures.rows(sql, pcid, part.name).items()},
        read.documents,
        now=begun,
        grace=GRACE,
        verdict=_of_absences(sql, pcid, since, begun) if part is ABSENCES else lambda change: Verdict.TELL,
        unsaid=part.unsaid,
        whole=not read.skipped,
        at_once=read.pages == 1,
    )


def _told(sql: Sql, pcid: str, part: Part, since: datetime | None, compared: Compared, begun: datetime) -> list[Event]:
    """The events that say so. What waited may have happened before the last look."""
    people = _people(sql, pcid, part, compared.changes)
    events = [
        telling.event(part, change, people, Looked(_earliest(change.waited_since, since), begun))
        for change in compared.changes
    ]
    return _with_memberships(sql, pcid, events) if part is USERS else events


def _earliest(waited_since: datetime | None, since: datetime | None) -> datetime | None:
    return since if waited_since is None or since is None else min(since, waited_since - _BEFORE)


def _plain(document: Mapping[str, Any] | None) -> Document | None:
    return dict(document) if document is not None else None


def _of_absences(sql: Sql, pcid: str, since: datetime, now: datetime) -> Callable[[Change], Verdict]:
    """Cal.com tells of a new entry, and may tell of one that was edited; nobody misses one that is over."""
    told = [set(echo.of_event(event)) for event in heard.absences(sql, pcid, since - 3 * GRACE)]

    def verdict(change: Change) -> Verdict:
        if change.kind is Kind.REMOVED:
            ended = instant((change.before or {}).get("end"))
            return Verdict.HEARD if ended is not None and ended < now else Verdict.TELL
        payload = telling.event(ABSENCES, change, lambda user: {}, Looked(None, now)).payload
        mine = set(echo.of_event({"trigger": "OOO_CREATED", "connection": pcid, "payload": payload}))
        return Verdict.HEARD if mine and any(mine <= names for names in told) else Verdict.WAIT

    return verdict


def _people(sql: Sql, pcid: str, part: Part, changes: Sequence[Change]) -> telling.People:
    """The users that these changes name, from the picture of the users."""
    if part not in (ABSENCES, MEMBERSHIPS):
        return lambda user: {}
    said = [document for change in changes for document in (change.before, change.now) if document is not None]
    named = {document.get(name) for document in said for name in ("userId", "toUserId")}
    known = pictures.documents(sql, pcid, USERS.name, sorted(str(one) for one in named if one is not None))
    return lambda user: known.get(str(user), {})


def _with_memberships(sql: Sql, pcid: str, events: list[Event]) -> list[Event]:
    """Beside a user who is gone the membership, where its picture is there: who takes a membership away takes the user
    out too."""
    if not any(event.trigger == USERS.removed for event in events):
        return events
    kept = pictures.rows(sql, pcid, MEMBERSHIPS.name)
    of_user = {row.document.get("userId"): key for key, row in kept.items() if row.document is not None}

    def beside(event: Event) -> Event:
        key = of_user.get(event.organizer.id) if event.organizer is not None else None
        if key is None or event.trigger != USERS.removed:
            return event
        return replace(event, payload={**event.payload, "membership": {"id": telling.identity(key)}})

    return [beside(event) for event in events]
