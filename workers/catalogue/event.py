"""The event: what a delivery says, normalised. Values only; `read.py` makes them from bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What an event is about. Triggers stay Cal.com's own strings; kinds are ours."""

    BOOKING = "booking"
    MEETING = "meeting"
    RECORDING = "recording"
    FORM = "form"
    OOO = "ooo"
    NO_SHOW = "no_show"
    INSTANT = "instant"
    DELEGATION = "delegation"
    ASSIGNMENT = "assignment"
    PING = "ping"  #: the test button of Cal.com's pages
    SYNTHETIC = "synthetic"  #: made by Daybook from what the tools can tell, not sent by Cal.com
    UNKNOWN = "unknown"  #: parsed JSON whose trigger is not known, or that has none
    UNPARSED = "unparsed"  #: not a JSON object


@dataclass(frozen=True, slots=True)
class Person:
    """Someone an event names. Every field may be missing: Cal.com's shapes differ by path."""

    id: int | None = None
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    username: str | None = None
    no_show: bool | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """Which booking an event is about."""

    uid: str
    id: int | None = None
    #: the uid it was rescheduled from; None for a first booking
    previous_uid: str | None = None
    #: tells the seats of one uid apart: `attendeeSeatId`, else the lone attendee's e-mail where seats are on
    seat: str | None = None
    #: the recurring series this occurrence belongs to; None for a single booking
    series: str | None = None

    @property
    def replaces(self) -> str | None:
        """The uid whose place this booking takes: the two are one lineage.

        None where one seat moved: the other seats stay behind, and the booking it came to may have seats of its own.
        """
        return self.previous_uid if self.seat is None else None


@dataclass(frozen=True, slots=True)
class EventType:
    """The event type booked."""

    id: int | None = None
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One normalised event. Instants are aware, in UTC."""

    kind: Kind
    trigger: str | None
    webhook_version: str | None = None
    occurred_at: datetime | None = None
    title: str | None = None
    status: str | None = None
    type: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    booking: Booking | None = None
    event_type: EventType | None = None
    organizer: Person | None = None
    #: everyone on the inviting side, the organizer first
    hosts: tuple[Person, ...] = ()
    attendees: tuple[Person, ...] = ()
    #: free text a person would search by: notes, messages, reasons (never secrets)
    notes: str | None = None
    payload: dict[str, Any] = field(default_factory=dict)
