"""What a caller may want different in a sample: whose booking, when, which uid. Values only.

Everything left out keeps the sample's own people, or is made fresh.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from workers.errors import BadInput

#: an instant with its zone; a naive one is refused rather than guessed at
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Someone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An organizer or an attendee; what is None stays as the sample has it. `time_zone` is an IANA name."""

    id: int | None = None
    name: str | None = None
    email: str | None = None
    username: str | None = None
    time_zone: str | None = None


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The differences from the sample. In JSON the names are camelCase: `bookingId`, `previousUid`.

    `uid` decides every other identity that is not given (booking id, OOO entry, form response), so two samples
    with one uid are two events of one booking. `previous_*` is what a reschedule replaces. `payload` is laid
    over the payload at the very end, objects merged (over the root for MEETING_STARTED and MEETING_ENDED, which
    have no payload).
    """

    uid: str | None = None
    booking_id: int | None = None
    previous_uid: str | None = None
    previous_booking_id: int | None = None
    previous_start: Instant | None = None
    previous_end: Instant | None = None
    start: Instant | None = None
    end: Instant | None = None
    title: str | None = None
    type: str | None = None
    event_type_id: int | None = None
    organization_id: int | None = None
    organizer: Someone = Someone()
    attendee: Someone = Someone()
    payload: dict[str, Any] | None = None


def changes_from(document: object) -> Changes:
    """Read `document` (parsed JSON). Raises `BadInput`, naming the key that is wrong."""
    try:
        return msgspec.convert(document, Changes)
    except msgspec.ValidationError as error:
        names = ", ".join(Changes.__struct_encode_fields__)
        raise BadInput(f"changes: {error}. They may be: {names}.") from None
