"""Erasing a person: deliveries, events, search, runs, actions, audit and the rest name nobody any more; what happened,
and that it happened once, stays. The spool is not SQL's, and `ingest` does it.

First everything is looked through for the address and the names beside it; then the events that name the person only
by name are put right, then those with the address. So it may end anywhere, and a second time goes on. An event with a
run under way is left alone and told: the run would act on a person that there is not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row

from workers.scrub import Person, parsed
from workers.store import pictures, scrubbing, spent
from workers.store.engine import Store
from workers.store.pictures import Pictured
from workers.store.runs import APART

#: rows read at once, and events put right in one transaction
_PAGE = 500
_BODIES = 20
_BATCH = 20
#: fields of a picture that are a person's where the address stands beside them
_BESIDE_AN_ADDRESS = frozenset({"name", "username"})
Tell = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """What was done: rows by table, and how many events are left because a run of theirs is under way."""

    rows: Counter[str] = field(default_factory=Counter)
    left: int = 0


@dataclass(slots=True)
class _Found:
    """The deliveries and events with the address, those of the same bookings, and the bookings."""

    named: set[UUID] = field(default_factory=set)
    told_of: set[tuple[str, str]] = field(default_factory=set)
    beside: set[UUID] = field(default_factory=set)


def erase(store: Store, person: Person, now: datetime, *, dry_run: bool, tell: Tell = lambda _: None) -> Report:
    """Erase `person`; with `dry_run` only count. `tell` is told how many rows were looked at."""
    report, found = Report(), _Found()
    looked = _look(store, person, found, tell)
    with store.read() as sql:
        found.beside = scrubbing.of_bookings(sql, found.told_of) - found.named
        of_runs: set[UUID] = set()
        for ids in _parts(found.named | found.beside, _PAGE):
            of_runs |= scrubbing.runs_of(sql, ids)
    for ids in (*_parts(found.beside, _BATCH), *_parts(found.named, _BATCH)):
        _put_right(store, person, ids, report, now, dry_run=dry_run)
    for named in scrubbing.ELSEWHERE:
        after: Any = None
        while True:
            with store.read() as sql:
                some = scrubbing.rows(sql, named, after, _PAGE)
            about = [row.at for row in some if _without(person, named, row, found, of_runs)]
            if about:  # read again where nobody changes them meanwhile
                with _open(store, dry_run=dry_run) as sql:
                    for row in scrubbing.rows_of(sql, named, about):
                        changed = _without(person, named, row, found, of_runs)
                        _elsewhere(sql, named, row, changed, found, report, now, dry_run=dry_run)
            if len(some) < _PAGE:
                break
            after = some[-1].at
            tell(looked := looked + len(some))
    _sessions(store, person, report, dry_run=dry_run)
    _pictures(store, person, report, dry_run=dry_run)
    if not dry_run:
        scrubbing.settle(store)
    return report


def _look(store: Store, person: Person, found: _Found, tell: Tell) -> int:
    looked, last = 0, UUID(int=0)
    while True:
        with store.read() as sql:
            held = scrubbing.some_bodies(sql, last, _BODIES)
        for row in held:
            if person.likely(row.body) or person.likely(row.headers):
                said = parsed(row.body)
                if person.is_in(said if said is not None else row.body.decode("utf-8", "replace")):
                    found.named.add(row.receipt_id)
                    person.learn(said)
                elif person.is_in(row.headers.decode("utf-8", "replace")):
                    found.named.add(row.receipt_id)
        tell(looked := looked + len(held))
        if len(held) < _BODIES:
            break
        last = held[-1].receipt_id
    seq = 0
    while True:
        with store.read() as sql:
            some = scrubbing.some_events(sql, seq, _PAGE)
        for event in some:
            said = [getattr(event, name) for name in scrubbing.OF_EVENTS]
            if person.likely(msgspec.json.encode(said)) and person.is_in(said):
                found.named.add(event.id)
                person.learn(said)
            if event.id in found.named and event.booking_uid is not None:
                found.told_of.add((event.connection, event.booking_uid))
        tell(looked := looked + len(some))
        if len(some) < _PAGE:
            return looked
        seq = some[-1].seq


def _put_right(
    store: Store, person: Person, ids: Collection[UUID], report: Report, now: datetime, *, dry_run: bool
) -> None:
    with _open(store, dry_run=dry_run) as sql:
        acting = scrubbing.acting(sql, ids)
        report.left += len(acting)
        going = set(ids) - acting
        for row in scrubbing.bodies_of(sql, going):
            body, headers = person.body(row.body, person.names), person.headers(row.headers)
            if (body, headers) != (row.body, row.headers):
                report.rows["deliveries"] += 1
                if not dry_run:
                    scrubbing.put_body(sql, row.receipt_id, marked(headers, now), body)
        for row in scrubbing.events_of(sql, going):
            _event(sql, person, row, report, dry_run=dry_run)


def _event(sql: Connection, person: Person, row: Row[Any], report: Report, *, dry_run: bool) -> None:
    before = {name: getattr(row, name) for name in scrubbing.OF_EVENTS}
    after = {name: person.value(value, person.names) for name, value in before.items()}
    changed = {name: value for name, value in after.items() if value != before[name]}
    people = [one for one in (row.organizer, *row.hosts, *row.attendees) if one]
    addresses = {one["email"].lower() for one in people if person.is_address(one["email"])}
    if changed:
        report.rows["events"] += 1
    if dry_run:
        report.rows["search"] += len(addresses)
        return
    if changed:
        scrubbing.put_event(sql, row.id, changed)
    if addresses:
        report.rows["search"] += scrubbing.put_people(sql, row.id, addresses, person.mark)


def _without(
    person: Person, named: scrubbing.Named, row: Row[Any], found: _Found, of_runs: Collection[UUID]
) -> dict[str, Any]:
    """What of a row of another table is to be another. Names go where a run is about the person's bookings, and where
    the address stands too."""
    table = named.table.name
    before = {name: getattr(row, name) for name in named.columns}
    about = (table == "runs" and (row.event_id in found.named or row.event_id in found.beside)) or (
        table == "actions" and row.run_id in of_runs
    )
    names = person.names if about or person.is_in(list(before.values())) else ()
    after = {name: person.value(value, names) for name, value in before.items()}
    return {name: value for name, value in after.items() if value != before[name]}


def _elsewhere(
    sql: Connection, named: scrubbing.Named, row: Row[Any], changed: dict[str, Any], found: _Found, report: Report,
    now: datetime, *, dry_run: bool,
) -> None:  # fmt: skip
    table = named.table.name
    if not changed:
        return
    if table == "runs" and row.due_at is not None:
        report.left += row.event_id not in found.named
        return
    report.rows[table] += 1
    if dry_run:
        return
    if "once" in changed:
        if not row.once.startswith(APART):
            spent.keep(sql, [row.once], now)
        if scrubbing.taken(sql, changed["once"]):  # two spellings of the address, each with a run of its own
            changed["once"] = None
    scrubbing.put(sql, named, row.at, changed)


def _sessions(store: Store, person: Person, report: Report, *, dry_run: bool) -> None:
    with _open(store, dry_run=dry_run) as sql:
        for digest, name in scrubbing.some_sessions(sql):
            if person.is_in(name):
                report.rows["sessions"] += 1
                if not dry_run:
                    scrubbing.end_session(sql, digest)


def _pictures(store: Store, person: Person, report: Report, *, dry_run: bool) -> None:
    """Of what Cal.com had at the last look, the fields that name the person: what is not in a picture is not compared,
    so that nothing is found of it. Who is still there is in the next picture again."""
    with store.read() as sql:
        kept = pictures.parts(sql)
    for pcid, part in kept:
        with _open(store, dry_run=dry_run) as sql:
            for key, row in pictures.rows(sql, pcid, part).items():
                if row.document is None or not person.is_in(row.document):
                    continue
                report.rows["pictures"] += 1
                if not dry_run:
                    left = {name: value for name, value in row.document.items() if not _of(person, name, row.document)}
                    pictures.put(sql, pcid, part, {key: Pictured(left, row.waits_since)})


def _of(person: Person, name: str, document: Mapping[str, Any]) -> bool:
    """Whether a field says who the person is: it has the address, or stands beside it as a name."""
    return person.is_in(document[name]) or (name in _BESIDE_AN_ADDRESS and person.is_in(document.get("email")))


@contextmanager
def _open(store: Store, *, dry_run: bool) -> Iterator[Connection]:
    """A transaction: one that reads where only is counted, else one that writes for good."""
    with store.read() if dry_run else store.write() as sql:
        if not dry_run:
            scrubbing.for_good(sql)
        yield sql


def marked(headers: bytes, now: datetime) -> bytes:
    """Headers that say that the body is not what came: its signature and SHA-256 are those of what did."""
    pairs = [pair for pair in json.loads(headers) if pair[0] != "daybook-erased"]
    return json.dumps([*pairs, ["daybook-erased", f"{now:%Y-%m-%d}"]]).encode()


def _parts(ids: Collection[UUID], size: int) -> Iterator[list[UUID]]:
    ordered = sorted(ids)
    return (ordered[start : start + size] for start in range(0, len(ordered), size))
