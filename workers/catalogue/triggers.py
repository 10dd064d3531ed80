"""The triggers Cal.com's live API accepts, plus PING, as one table. Facts only; `read.py` uses them.

Triggers are Cal.com's own strings and not an enum of ours: a trigger missing here is stored and shown as
kind `unknown`, so that a new one costs no release.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workers.catalogue.event import Kind

#: The values Cal.com's API accepts as a webhook's version. Which one applies is only said in the
#: `X-Cal-Webhook-Version` header, never in the body.
WEBHOOK_VERSIONS = ("2021-10-20", "2026-07-27")


class Place(StrEnum):
    """Where a body keeps what it says."""

    ENVELOPE = "envelope"  #: `{triggerEvent, createdAt, payload}`
    ROOT = "root"  #: the booking's row lies flat beside `triggerEvent`, and `createdAt` is the booking's


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger of Cal.com."""

    name: str
    kind: Kind
    #: one line for people
    about: str
    place: Place = Place.ENVELOPE
    #: the key that says when it happened
    moment: str = "createdAt"
    #: the versions in which this trigger's body has a form of its own; any other version sends the form of
    #: the latest one before it
    versions: tuple[str, ...] = WEBHOOK_VERSIONS[:1]
    #: False: the API refuses it in a webhook's list of triggers
    subscribable: bool = True


#: `2026-07-27` adds optional `attendeeIcsContent` and `organizerIcsContent` to five triggers and changes no
#: other
_WITH_CALENDAR_FILES = WEBHOOK_VERSIONS

TRIGGERS: dict[str, Trigger] = {
    trigger.name: trigger
    for trigger in (
        Trigger(
            "BOOKING_CREATED",
            Kind.BOOKING,
            "A booking was made, or a requested one confirmed",
            versions=_WITH_CALENDAR_FILES,
        ),
        Trigger("BOOKING_REQUESTED", Kind.BOOKING, "A booking waits for the host's confirmation"),
        Trigger(
            "BOOKING_RESCHEDULED",
            Kind.BOOKING,
            "A booking was replaced by one at another time, with a new uid",
            versions=_WITH_CALENDAR_FILES,
        ),
        Trigger(
            "BOOKING_CANCELLED",
            Kind.BOOKING,
            "A booking, or one seat of it, was cancelled",
            versions=_WITH_CALENDAR_FILES,
        ),
        Trigger("BOOKING_REJECTED", Kind.BOOKING, "The host refused a requested booking"),
        Trigger("BOOKING_PAYMENT_INITIATED", Kind.BOOKING, "A payment was begun; the booking is not paid yet"),
        Trigger("BOOKING_PAID", Kind.BOOKING, "A booking was paid", versions=_WITH_CALENDAR_FILES),
        Trigger("BOOKING_NO_SHOW_UPDATED", Kind.NO_SHOW, "Attendees were marked as absent, or no longer"),
        Trigger("BOOKING_LOCATION_UPDATED", Kind.BOOKING, "A booking takes place elsewhere now"),
        Trigger(
            "BOOKING_REASSIGNED",
            Kind.BOOKING,
            "A booking went to another host; its uid stays",
            versions=_WITH_CALENDAR_FILES,
        ),
        Trigger(
            "MEETING_STARTED",
            Kind.MEETING,
            "The start time of a booking has come",
            place=Place.ROOT,
            moment="startTime",
        ),
        Trigger(
            "MEETING_ENDED",
            Kind.MEETING,
            "The end time of a booking has passed",
            place=Place.ROOT,
            moment="endTime",
        ),
        Trigger("RECORDING_READY", Kind.RECORDING, "The recording of a Cal Video meeting can be fetched"),
        Trigger(
            "RECORDING_TRANSCRIPTION_GENERATED",
            Kind.RECORDING,
            "The transcript of a Cal Video recording can be fetched",
        ),
        Trigger("INSTANT_MEETING", Kind.INSTANT, "Someone waits for a host to join right now"),
        Trigger("INSTANT_MEETING_ACCEPTED", Kind.INSTANT, "A host joined an instant meeting"),
        Trigger("OOO_CREATED", Kind.OOO, "An out-of-office entry was made or edited"),
        Trigger("FORM_SUBMITTED", Kind.FORM, "A routing form was submitted"),
        Trigger("FORM_SUBMITTED_NO_EVENT", Kind.FORM, "A routing form was submitted and no booking followed"),
        Trigger(
            "ROUTING_FORM_FALLBACK_HIT",
            Kind.FORM,
            "No route of a routing form matched; its fallback was used",
        ),
        Trigger("AFTER_HOSTS_CAL_VIDEO_NO_SHOW", Kind.NO_SHOW, "A host did not join the Cal Video call in time"),
        Trigger("AFTER_GUESTS_CAL_VIDEO_NO_SHOW", Kind.NO_SHOW, "Guests did not join the Cal Video call in time"),
        Trigger("DELEGATION_CREDENTIAL_ERROR", Kind.DELEGATION, "A delegation credential failed for one user"),
        Trigger(
            "DELEGATION_CREDENTIAL_SECRET_ROTATED",
            Kind.DELEGATION,
            "The secret of a delegation credential was rotated",
        ),
        Trigger(
            "DELEGATION_CREDENTIAL_ROTATION_REQUIRED",
            Kind.DELEGATION,
            "The secret of a delegation credential is about to expire",
        ),
        Trigger(
            "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
            Kind.DELEGATION,
            "The secret of a delegation credential could not be rotated",
        ),
        Trigger("WRONG_ASSIGNMENT_REPORT", Kind.ASSIGNMENT, "Someone reported a booking with the wrong host"),
        # Accepted by the API; Cal.com documents no payload for it. Read like a booking, as its name suggests.
        Trigger("CALENDAR_ENTRY_REJECTED", Kind.BOOKING, "The calendar refused the entry of a booking"),
        Trigger("PING", Kind.PING, "The test button of Cal.com's webhook page", subscribable=False),
    )
}


def kind_of(trigger: str | None) -> Kind:
    """The kind of a trigger; `Kind.UNKNOWN` for one that is not in the table, or none."""
    known = TRIGGERS.get(trigger) if trigger is not None else None
    return known.kind if known is not None else Kind.UNKNOWN
