"""Which events are asked for: the filter, and the same as conditions on `events`. In which order they are read is
`walk.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select, true

from workers.errors import BadInput
from workers.store import bookings, search
from workers.store.tables import OTHER_TYPE, UNPROVED, UNUSUAL, event_people, events, receipts, runs

#: how far an id may lie from its `received_at`: a delivery that is not signed gets its id only after SQL was asked
#: whether quarantine has room, and clocks are set back at times
_SLACK = timedelta(seconds=60)
#: names of triggers, or of kinds, in one filter: Cal.com has 28 triggers, and each one is a part of the statement
MOST_NAMES = 50
#: the verdict that proves a delivery, and the status that has no index
SIGNED, USUAL = "signed", "ACCEPTED"
#: fields of the filter that other tables know the answer to, by the column that holds the event's id; those first that
#: lead to few events most likely
KEYS: dict[str, ColumnElement[UUID]] = {
    "verdict": receipts.c.id,
    "host": event_people.c.event_id,
    "email": event_people.c.event_id,
    "rule": runs.c.event_id,
}
#: the largest id that a database takes
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for. Conditions are ANDed, the values of one condition ORed; empty means any.

    `booking` is a uid and stands for its whole lineage; `email` is of any person in the event, `host` of its organizer
    or a host; `text` is words as typed, looked for in title, names and notes; `since` <= received_at < `until`;
    `event_types` are slugs or ids; `statuses` are Cal.com's, in any case; `verdict` is of the delivery that an event
    came by; `rule` has a run for it. `BadInput` for too many names.
    """

    triggers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    booking: str | None = None
    email: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    connection: str | None = None
    host: str | None = None
    event_types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    verdict: str | None = None
    rule: str | None = None

    def __post_init__(self) -> None:
        few("trigger", self.triggers)
        few("kind", self.kinds)
        few("event_type", self.event_types)
        few("status", self.statuses)


def few(name: str, given: Sequence[str]) -> None:
    """Raises BadInput for more names than a statement may have."""
    if len(given) > MOST_NAMES:
        raise BadInput(f"{name} may be given at most {MOST_NAMES} times; it was given {len(given)} times.")


def where(
    connection: Connection, wanted: Filter, *, after: int = 0, but: Collection[str] = (), aside: bool = False
) -> list[search.Condition]:
    """The filter as conditions on `events`, the fields in `but` left out; `after` is a `seq` that all are above.

    `aside`: something else leads to the events, and each of them is asked these. Without statistics SQLite would
    prefer any index that it could use, so they are said in ways that have none.
    """
    hidden = aside and connection.dialect.name == "sqlite"
    found: list[search.Condition] = []
    named = (("triggers", events.c.trigger), ("kinds", events.c.kind), ("statuses", events.c.status))
    for name, column in named:
        if (names := getattr(wanted, name)) and name not in but:
            among = statuses(names) if name == "statuses" else plain(names)
            found.append(_text(column, hidden=hidden).in_(among))
    if wanted.event_types and "event_types" not in but:
        found.append(_of_types(wanted.event_types, hidden=hidden))
    if wanted.booking is not None and "booking" not in but:
        found.append(lineage(connection, search.plain(wanted.booking)))
    if wanted.connection is not None and "connection" not in but:
        found.append(_text(events.c.connection, hidden=hidden) == search.plain(wanted.connection))
    found += arrived(events.c.id, events.c.received_at, wanted.since, wanted.until)
    found += _elsewhere(wanted, but, one_by_one=aside)
    if wanted.text is not None and "text" not in but:
        found.append(search.matching(connection, wanted.text, after=after)[0])
    return found


def _text(column: ColumnElement[str], *, hidden: bool) -> ColumnElement[str]:
    return column.concat("") if hidden else column


def _elsewhere(wanted: Filter, but: Collection[str], *, one_by_one: bool) -> list[ColumnElement[bool]]:
    """What other tables know of an event: looked up for each event, or all of them at once."""
    found: list[ColumnElement[bool]] = []
    for field, key in KEYS.items():
        if getattr(wanted, field) is None or field in but:
            continue
        if field == "verdict" and wanted.verdict == SIGNED:
            # Those that are not signed are few, and have an index; every other delivery is.
            found += [events.c.delivery_id.is_not(None), events.c.id.not_in(select(receipts.c.id).where(UNPROVED))]
            continue
        known = select(key).where(*elsewhere(wanted, field))
        one = known.where(key == events.c.id).correlate(events).exists()
        found.append(one if one_by_one else events.c.id.in_(known))
    return found


def elsewhere(wanted: Filter, field: str) -> list[search.Condition]:
    """A field of the filter as conditions on the rows of the table that knows it."""
    if field == "rule":
        return [runs.c.rule == search.plain(wanted.rule or "")]
    if field == "verdict":
        return [receipts.c.verdict == search.plain(wanted.verdict or ""), UNPROVED]
    email = event_people.c.email == search.plain(getattr(wanted, field)).lower()
    return [email, event_people.c.host == true()] if field == "host" else [email]


def lineage(connection: Connection, uid: str) -> ColumnElement[bool]:
    """The condition that an event is of the booking with this uid, or of one it was rescheduled from or to."""
    uids: dict[str, list[str]] = {}
    for pcid, each in bookings.uids_with(connection, uid):
        uids.setdefault(pcid, []).append(each)
    if not uids:
        return events.c.booking_uid == uid
    # Said as an expression, the connection has no index: without statistics SQLite would prefer it to the uids'.
    mine = events.c.connection.concat("")
    chains = (and_(mine == pcid, events.c.booking_uid.in_(each)) for pcid, each in uids.items())
    return or_(events.c.booking_uid == uid, *chains)


def of_status(status: str) -> ColumnElement[bool]:
    """The condition that an event has this status, which its index is for."""
    return and_(events.c.status == status, UNUSUAL) if status != USUAL else events.c.status == status


def of_type(name: str) -> list[ColumnElement[bool]]:
    """Conditions, each with an index, one of which an event of this type meets: by slug, by what `type` says instead,
    by id."""
    found = [events.c.event_type_slug == name, and_(events.c.type == name, OTHER_TYPE)]
    number = _number(name)
    return found if number is None else [*found, events.c.event_type_id == number]


def _of_types(names: Iterable[str], *, hidden: bool) -> ColumnElement[bool]:
    slugs = plain(names)
    ids = [number for number in map(_number, slugs) if number is not None]
    id_: ColumnElement[int] = events.c.event_type_id + 0 if hidden else events.c.event_type_id
    spelt = [_text(column, hidden=hidden).in_(slugs) for column in (events.c.event_type_slug, events.c.type)]
    return or_(*spelt, id_.in_(ids) if ids else false())


def _number(name: str) -> int | None:
    """The id that a name is."""
    return int(name) if name.isascii() and name.isdecimal() and len(name) <= 19 and int(name) <= _LARGEST else None


def statuses(typed: Iterable[str]) -> list[str]:
    """What is looked for: Cal.com spells its statuses in upper case in one place and in lower case in another."""
    return list(dict.fromkeys(way for each in plain(typed) for way in (each.upper(), each, each.lower())))


def plain(names: Iterable[str]) -> list[str]:
    """Names as a database takes them, each once."""
    return list(dict.fromkeys(map(search.plain, names)))


def lowest_id(instant: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond."""
    milliseconds = int(instant.astimezone(UTC).timestamp() * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)


def arrived(
    ids: ColumnElement[UUID], received_at: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """`since` <= received_at < `until`, said as bounds on ids too, which have the index."""
    found = around(ids, since, until)
    if since is not None:
        found.append(received_at >= since)
    if until is not None:
        found.append(received_at < until)
    return found


def around(ids: ColumnElement[UUID], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Bounds on the ids of what was received then, somewhat wider than that time."""
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(ids >= lowest_id(_shifted(since, -_SLACK)))
    if until is not None:
        found.append(ids < lowest_id(_shifted(until, _SLACK)))
    return found


def _shifted(instant: datetime, by: timedelta) -> datetime:
    try:
        return instant + by
    except OverflowError:  # the year 1 or 9999
        return instant
