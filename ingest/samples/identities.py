"""Who and what a captured body is about, and who and what it is to be about instead. Pure values.

Identities that are not asked for are drawn from the uid, so that all events of one booking agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from ingest.samples.changes import Changes


@dataclass(frozen=True, slots=True)
class Cast:
    """A person of the captured bodies."""

    id: int
    name: str
    email: str
    username: str


MAYA = Cast(90211, "Maya Okonkwo", "maya.okonkwo@harbourlight.example", "maya-harbourlight")
TOMAS = Cast(90212, "Tomás Rivera", "tomas.rivera@harbourlight.example", "tomas-harbourlight")
SOFIA = Cast(90213, "Sofia Lindqvist", "sofia.lindqvist@harbourlight.example", "sofia-harbourlight")
GUEST_NAME, GUEST_EMAIL = "Priya Raman", "priya.raman@example.net"
#: whose event each captured body is; everything else is Maya's
_HOSTS = {"INSTANT_MEETING_ACCEPTED": TOMAS, "DELEGATION_CREDENTIAL_ERROR": SOFIA}
_ORGANIZATION_ID = 4821
_ATTENDEE_ROW = 7719930


def number_from(uid: str, label: str) -> int:
    """A positive integer (below 2**31, as Cal.com's ids) that `uid` and `label` always give."""
    return 10_000_000 + int.from_bytes(sha256(f"{label}:{uid}".encode()).digest()[:4], "big") % 2_000_000_000


def uuid_from(uid: str, label: str) -> UUID:
    """A UUID that `uid` and `label` always give."""
    return uuid5(NAMESPACE_URL, f"{label}:{uid}")


@dataclass(frozen=True, slots=True)
class Identities:
    """The replacements: `texts` inside any text, `numbers` where an integer is equal, `words` as a whole value."""

    uid: str
    host: Cast
    host_email: str
    guest_email: str
    texts: dict[str, str]
    numbers: dict[int, int]
    slugs: dict[str, str]


def identities_of(trigger: str, inner: dict[str, Any], uid: str, changes: Changes) -> Identities:
    """Compare what the captured payload `inner` of `trigger` says with what `changes` ask for."""
    host = _HOSTS.get(trigger, MAYA)
    booking = inner.get("booking", inner)
    organizer, guest = changes.organizer, changes.attendee
    previous_uid = changes.previous_uid or str(uuid_from(uid, "previous"))
    booking_id = changes.booking_id or number_from(uid, "booking")
    pairs = [
        (booking.get("uid") or booking.get("bookingUid"), uid),
        (inner.get("rescheduleUid"), previous_uid),
        (booking.get("title"), changes.title),
        (host.name, organizer.name),
        (host.email, organizer.email),
        (host.username, organizer.username),
        (GUEST_NAME, guest.name),
        (GUEST_EMAIL, guest.email),
    ]
    numbers = [
        (booking.get("bookingId") or _row_id(booking), booking_id),
        (inner.get("rescheduleId"), changes.previous_booking_id or number_from(previous_uid, "booking")),
        (inner.get("eventTypeId") or booking.get("eventType", {}).get("id"), changes.event_type_id),
        (inner.get("oooEntry", {}).get("id"), number_from(uid, "ooo")),
        (host.id, organizer.id),
        (_ORGANIZATION_ID, changes.organization_id),
        (_ATTENDEE_ROW, guest.id or number_from(uid, "attendee")),
    ]
    slug = booking.get("eventType", {}).get("slug") or inner.get("type")
    return Identities(
        uid=uid,
        host=host,
        host_email=organizer.email or host.email,
        guest_email=guest.email or GUEST_EMAIL,
        texts={old: new for old, new in pairs if old is not None and new is not None},
        numbers={old: new for old, new in numbers if old is not None and new is not None},
        slugs={slug: changes.type} if slug and changes.type and slug != inner.get("title") else {},
    )


def _row_id(booking: dict[str, Any]) -> int | None:
    """The booking's own id where the body is a booking's row: MEETING_* and WRONG_ASSIGNMENT_REPORT."""
    return booking.get("id") if "uid" in booking else None
