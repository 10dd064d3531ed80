"""A history to search in: years of an organization's events in seconds, written by the store's own statements.

Who is in an event and which words its title has are dealt out so that every filter has something common and
something rare to find; the same history each time. What else there is by then is in `records.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

from workers.catalogue.event import Booking, Event, EventType, Person
from workers.catalogue.triggers import TRIGGERS
from workers.store import events
from workers.store.engine import Store
from workers.store.receipts import Arrived

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
#: events of one booking that follow each other
_PER_BOOKING = 3
_BATCH = 2_000


def fill(
    store: Store,
    wanted: int,
    written: Callable[[int], object],
    *,
    began: datetime = BEGAN,
    follow: Callable[[Sequence[Happened]], object] = lambda _: None,
) -> None:
    """Write `wanted` events spread evenly over the `SPAN` from `began` on; `written` hears of each batch how many it
    held, and `follow` is given the batch."""
    made = _events(wanted, began)
    for start in range(0, wanted, _BATCH):
        batch = [next(made) for _ in range(min(_BATCH, wanted - start))]
        with store.write() as connection:
            events.write(connection, events.spelt(batch, sqlite=store.sqlite))
        follow(batch)
        written(len(batch))


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
    return Event(
        kind=TRIGGERS[trigger].kind,
        trigger=trigger,
        webhook_version="2026-07-27",
        occurred_at=at,
        title=_title(number, dice),
        status="ACCEPTED",
        type="intake-call",
        start=at + timedelta(days=3),
        end=at + timedelta(days=3, minutes=30),
        booking=Booking(uid=uid(number // _PER_BOOKING), id=number // _PER_BOOKING),
        event_type=EventType(id=7, slug="intake-call"),
        organizer=organizer,
        hosts=(organizer,),
        attendees=(attendee,),
        notes="First visit, please ring from reception.",
    )


def _title(number: int, dice: random.Random) -> str:
    words = [dice.choice(_KINDS_OF_CALL)]
    if dice.random() < 0.7:
        words.append(COMMON_WORD)
    if dice.random() < 0.01:
        words.append(SELDOM_WORD)
    if number % 10_000 == 17:
        words.append(RARE_WORD)
    return " ".join([*words, f"number {dice.randrange(1000)}"])
