"""A history to search in: years of an organization's events in seconds, written by the store's own statements.

Who is in an event and which words its title has are dealt out so that every filter has something common and
something rare to find; the same history each time. What else there is by then is in `records.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, func, insert, literal, select
from uuid_utils.compat import uuid7

from workers.catalogue.event import Booking, Event, EventType, Person
from workers.catalogue.triggers import TRIGGERS
from workers.store import bulk, events
from workers.store.engine import Store
from workers.store.receipts import Arrived, State
from workers.store.tables import events as events_table
from workers.store.tables import receipts, runs

#: an event with what it is written from
Happened = tuple[Arrived, Event]

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=300)
#: by which all of it came
WEBHOOK = "org"
#: in most titles, in one of a hundred, and in each ten thousandth
COMMON_WORD, SELDOM_WORD, RARE_WORD = "call", "quarterly", "zephyrine"
PEOPLE = 5_000
#: of one person, who is in about one event of five thousand
EMAIL = "person.17@example.net"
#: of one host, who is in about one event of fifty
HOST = "host.3@harbourlight.example"
_HOSTS = 50
#: (trigger, how often): most of a real history is bookings
_TRIGGERS = (
    ("BOOKING_CREATED", 45),
    ("MEETING_STARTED", 15),
    ("MEETING_ENDED", 15),
    ("BOOKING_RESCHEDULED", 10),
    ("BOOKING_CANCELLED", 10),
    ("FORM_SUBMITTED", 4),
    ("OOO_CREATED", 1),
)
_KINDS_OF_CALL = ("Intake", "Review", "Follow-up", "Demo", "Interview", "Coaching", "Onboarding", "Check-in")
#: event types, the first of most bookings, the last of each ten thousandth event: slug and id
TYPES = (("intake-call", 7), ("follow-up", 8), ("house-visit", 9))
COMMON_TYPE, SELDOM_TYPE, RARE_TYPE = (slug for slug, _ in TYPES)
#: of each ten thousandth event
RARE_STATUS = "REJECTED"
#: a rule that has a run for each created booking, and one that has it for each thousandth of them
COMMON_RULE, RARE_RULE = "tell-the-crm", "call-back"
#: of the delivery of each two thousandth event, which was released
RARE_VERDICT = "mismatch"
#: events of one booking that follow each other
_PER_BOOKING = 3
_BATCH = 2_000
#: events whose receipts are written by one statement
_PART = 10_000
_NOBODY = UUID(int=0)


def fill(
    store: Store,
    wanted: int,
    written: Callable[[int], object],
    *,
    began: datetime = BEGAN,
    follow: Callable[[Sequence[Happened]], object] | None = None,
) -> None:
    """Write `wanted` events spread evenly over the `SPAN` from `began` on; `written` hears of each batch how many it
    held. What goes with a batch is written by `follow`; without it, the runs and receipts that a filter looks for."""
    made = _events(wanted, began)
    for start in range(0, wanted, _BATCH):
        batch = [next(made) for _ in range(min(_BATCH, wanted - start))]
        spelt = events.spelt(batch, sqlite=store.sqlite)
        aside = _aside(start, batch, sqlite=store.sqlite) if follow is None else []
        with store.write() as connection:
            events.write(connection, spelt)
            for rows in aside:
                bulk.insert_many(connection, rows)
        if follow is not None:
            follow(batch)
        written(len(batch))


def receive(store: Store, webhook: UUID, received: Callable[[int], object]) -> None:
    """Write the receipts that the events of a history came by, without bodies: a delivery of that webhook that is kept
    is told from each of them. `received` hears of each part how many events it was of."""
    known = select(receipts.c.id).where(receipts.c.id == events_table.c.id).exists()
    digest = func.randomblob(32) if store.sqlite else func.sha256(func.uuid_send(events_table.c.id))
    at = events_table.c.received_at
    values = (events_table.c.id, literal(webhook, Uuid), digest, 0, at, 4_400, "signed", State.PERSISTED.value, 1, at)
    with store.read() as connection:
        last = connection.execute(select(func.max(events_table.c.seq))).scalar_one() or 0
    for start in range(0, last, _PART):
        part = events_table.c.seq.between(start + 1, start + _PART)
        chosen = select(*(value if isinstance(value, ColumnElement) else literal(value) for value in values))
        with store.write() as connection:
            connection.execute(insert(receipts).from_select(_RECEIPT, chosen.where(part, ~known)))
        received(min(_PART, last - start))


def _aside(start: int, batch: Sequence[Happened], *, sqlite: bool) -> list[bulk.Rows]:
    numbered = [(start + place, *each) for place, each in enumerate(batch)]
    return [
        bulk.spell(runs, _RUN, _runs(numbered), sqlite=sqlite),
        bulk.spell(receipts, _RECEIPT, _receipts(numbered), sqlite=sqlite),
    ]


_RUN = (
    "id", "rule", "version_id", "act", "event_id", "connection", "trigger", "entity", "once", "key", "depth", "state",
    "step", "attempt", "happened_at", "holds", "created_at",
)  # fmt: skip
_RECEIPT = (
    "id", "webhook_id", "sha256", "era", "received_at", "bytes", "verdict", "state", "seen", "last_seen_at"
)  # fmt: skip


def _runs(batch: Sequence[tuple[int, Arrived, Event]]) -> Iterator[tuple[Any, ...]]:
    """The runs that the events of a batch caused."""
    for number, arrived, event in batch:
        if event.trigger != "BOOKING_CREATED":
            continue
        for rule in (COMMON_RULE, RARE_RULE) if number % 1_000 == 3 else (COMMON_RULE,):
            at, key = arrived.received_at, uid(number // _PER_BOOKING)
            yield (
                uuid7(nanoseconds=int(at.timestamp() * 1000) * 1_000_000), rule, _NOBODY, "do", arrived.id,
                arrived.connection, event.trigger, key, f"do|{rule}|{number}", key, 0, "done", 1, 0, at, False, at,
            )  # fmt: skip


def _receipts(batch: Sequence[tuple[int, Arrived, Event]]) -> Iterator[tuple[Any, ...]]:
    """The receipts of the deliveries that were released; no filter asks for those of the others."""
    for number, arrived, _event in batch:
        if number % 2_000 == 5:
            at = arrived.received_at
            yield (arrived.id, _NOBODY, arrived.id.bytes, 0, at, 4_400, RARE_VERDICT, "persisted", 1, at)


def uid(number: int) -> str:
    """The uid of one of the bookings; they are numbered from 0 on."""
    return f"booking{number:015d}"


def _events(wanted: int, began: datetime) -> Iterator[Happened]:
    dice = random.Random(7)
    triggers, weights = zip(*_TRIGGERS, strict=True)
    for number in range(wanted):
        at = began + SPAN * (number / wanted)
        trigger = dice.choices(triggers, weights)[0]
        guest, host = dice.randrange(PEOPLE), dice.randrange(_HOSTS)
        booking = number // _PER_BOOKING
        yield (
            Arrived(
                id=uuid7(nanoseconds=int(at.timestamp() * 1000) * 1_000_000),
                received_at=at,
                headers=[],
                body=b"",
                webhook=WEBHOOK,
                connection="acme" if booking % 10 else "beta",
                has_event=False,
            ),
            _event(trigger, at, number, guest, host, dice),
        )


def _event(trigger: str, at: datetime, number: int, guest: int, host: int, dice: random.Random) -> Event:
    organizer = Person(
        id=host, name=f"Host Number{host}", email=f"host.{host}@harbourlight.example", time_zone="Europe/London"
    )
    attendee = Person(name=f"Person Number{guest}", email=f"person.{guest}@example.net", time_zone="America/New_York")
    slug, type_id = TYPES[2 if number % 10_000 == 29 else number % 50 == 1]
    return Event(
        kind=TRIGGERS[trigger].kind,
        trigger=trigger,
        webhook_version="2026-07-27",
        occurred_at=at,
        title=_title(number, dice),
        status=_status(trigger, number),
        type=slug,
        start=at + timedelta(days=3),
        end=at + timedelta(days=3, minutes=30),
        booking=Booking(uid=uid(number // _PER_BOOKING), id=number // _PER_BOOKING),
        event_type=EventType(id=type_id, slug=slug),
        organizer=organizer,
        hosts=(organizer,),
        attendees=(attendee,),
        notes="First visit, please ring from reception.",
    )


def _status(trigger: str, number: int) -> str:
    if number % 10_000 == 31:
        return RARE_STATUS
    return "CANCELLED" if trigger == "BOOKING_CANCELLED" else "ACCEPTED"


def _title(number: int, dice: random.Random) -> str:
    words = [dice.choice(_KINDS_OF_CALL)]
    if dice.random() < 0.7:
        words.append(COMMON_WORD)
    if dice.random() < 0.01:
        words.append(SELDOM_WORD)
    if number % 10_000 == 17:
        words.append(RARE_WORD)
    return " ".join([*words, f"number {dice.randrange(1000)}"])
