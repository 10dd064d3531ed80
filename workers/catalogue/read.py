"""From a delivery's bytes to one event. Pure and total: any body and any headers give an event, no error.

What it does not do: check signatures (the door did), look at other events, or hide secrets (`mask.py` does,
for whoever shows a payload).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workers.catalogue.bodies import decode
from workers.catalogue.bookings import booking, event_type
from workers.catalogue.event import Event, Kind
from workers.catalogue.fields import header, label, mapping
from workers.catalogue.people import attendees, hosts, organizer
from workers.catalogue.subjects import notes, subject, title, type_of
from workers.catalogue.times import instant, utc
from workers.catalogue.triggers import TRIGGERS, Place, Trigger


def read(
    body: bytes, *, content_type: str | None, version: str | None, received_at: datetime, payload: bool = True
) -> Event:
    """The event a delivery says.

    `content_type` and `version` are the request's headers, decoded as Latin-1; `received_at` is the
    receipt's. The content type decides nothing (Cal.com sends JSON under a form content type too); it only
    names a body that is not a JSON object. `occurred_at` is when Cal.com says it happened, else
    `received_at`; every instant is aware and in UTC. `payload` can be stored as JSON as it is; a payload
    that is no object becomes `{"value": payload}`, and null becomes `{}`. Where `payload` is False the event's is
    left empty, which is faster.
    """
    document = decode(body, whole=payload)
    if document is None:
        return _unparsed(body, content_type, version, received_at)
    trigger, known, flat = _trigger(document)
    kind = known.kind if known is not None else Kind.UNKNOWN
    content = _payload(document, trigger, flat=flat)
    # A template's author may have kept the envelope and dropped its trigger.
    said = content if trigger is not None else mapping(document.get("payload")) or content

    about = subject(said)
    guests = attendees(said, kind)
    owner = organizer(said, trigger=trigger)
    return Event(
        kind=kind,
        trigger=trigger,
        webhook_version=header(version),
        occurred_at=_occurred_at(document, known if flat else None) or utc(received_at),
        title=title(said, about),
        status=label(about.get("status")),
        type=type_of(said, about, kind),
        start=instant(about.get("startTime")) or instant(about.get("start")),
        end=instant(about.get("endTime")) or instant(about.get("end")),
        booking=booking(said, guests, flat=flat),
        event_type=event_type(said, kind),
        organizer=owner,
        hosts=hosts(said, owner),
        attendees=guests,
        notes=notes(said, about),
        payload=content if payload else {},
    )


def payload_of(body: bytes) -> dict[str, Any]:
    """The payload that `read` finds in a body, and nothing else of it, which takes a third of the time."""
    document = decode(body)
    if document is None:
        return {}
    trigger, _, flat = _trigger(document)
    return _payload(document, trigger, flat=flat)


def _trigger(document: dict[str, Any]) -> tuple[str | None, Trigger | None, bool]:
    """The trigger a body names, what is known of it, and whether what it tells of lies at the root."""
    trigger = label(document.get("triggerEvent"))
    known = TRIGGERS.get(trigger) if trigger is not None else None
    flat = known is not None and known.place is Place.ROOT and type(document.get("payload")) is not dict
    return trigger, known, flat


def _payload(document: dict[str, Any], trigger: str | None, *, flat: bool) -> dict[str, Any]:
    """The part of the body to keep as the event's payload.

    The envelope's `payload` and nothing beside it: FORM_SUBMITTED copies every answer to the root, under
    keys that the form's author chose. A flat row without its trigger. Else (a template's own shape) the
    whole body.
    """
    if flat:
        return {key: value for key, value in document.items() if key != "triggerEvent"}
    if trigger is None or "payload" not in document:
        return document
    payload = document["payload"]
    if payload is None:
        return {}
    return payload if type(payload) is dict else {"value": payload}


def _occurred_at(document: dict[str, Any], meeting: Trigger | None) -> datetime | None:
    """When it happened: the envelope's `createdAt`; for a meeting's flat row its start or end, for there
    `createdAt` is the booking's."""
    return instant(document.get(meeting.moment if meeting is not None else "createdAt"))


def _unparsed(body: bytes, content_type: str | None, version: str | None, received_at: datetime) -> Event:
    """An event that says only what came: a failed template sends the five bytes `false`, others form text."""
    media_type = header((content_type or "").partition(";")[0]) or "no content type"
    return Event(
        kind=Kind.UNPARSED,
        trigger=None,
        webhook_version=header(version),
        occurred_at=utc(received_at),
        title=f"{media_type}, {len(body)} bytes",
    )
