"""The webhook tools: what Cal.com sends, and where to. What arrives because of them is not here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workers.calcom import formats
from workers.calcom.shapes import Webhook
from workers.calcom.tool import INT32, ORG_ID, Param, Place, Tool, path_id, skip, take
from workers.errors import BadArguments

PREFIX = "cal_organizations_webhooks_controller_"
ALL = "/organizations/{orgId}/webhooks"
ONE = "/organizations/{orgId}/webhooks/{webhookId}"

#: All 28 the hosted Cal.com accepts; a self-hosted one of 2025 knows 19 to 21 of them and answers 400 to the
#: rest. Events may carry others: this list is for registering only.
TRIGGERS = (
    "BOOKING_CREATED",
    "BOOKING_REQUESTED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_PAYMENT_INITIATED",
    "BOOKING_PAID",
    "BOOKING_NO_SHOW_UPDATED",
    "BOOKING_LOCATION_UPDATED",
    "BOOKING_REASSIGNED",
    "MEETING_STARTED",
    "MEETING_ENDED",
    "RECORDING_READY",
    "RECORDING_TRANSCRIPTION_GENERATED",
    "INSTANT_MEETING",
    "INSTANT_MEETING_ACCEPTED",
    "OOO_CREATED",
    "FORM_SUBMITTED",
    "FORM_SUBMITTED_NO_EVENT",
    "ROUTING_FORM_FALLBACK_HIT",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
    "DELEGATION_CREDENTIAL_ERROR",
    "DELEGATION_CREDENTIAL_SECRET_ROTATED",
    "DELEGATION_CREDENTIAL_ROTATION_REQUIRED",
    "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
    "WRONG_ASSIGNMENT_REPORT",
    "CALENDAR_ENTRY_REJECTED",
)
VERSIONS = ("2021-10-20", "2026-07-27")
WEBHOOK_ID = path_id("webhookId", "Webhook Id", "string")


def time_with_its_unit(arguments: Mapping[str, Any]) -> None:
    """How long after the start a no-show is one: a number alone says nothing."""
    if ("time" in arguments) != ("timeUnit" in arguments):
        raise BadArguments("time, timeUnit: give both or neither.")


def _text(name: str, description: str) -> Param:
    return Param(name=name, type="string", place=Place.BODY, description=description)


ACTIVE = Param(name="active", type="boolean", place=Place.BODY, description="The active value")
TEMPLATE = _text(
    "payloadTemplate",
    "The template of the payload that will be sent to the subscriberUrl, check "
    "cal.com/docs/core-features/webhooks for more information",
)
SECRET = replace(
    _text("secret", "The secret value"),
    secret=True,
    note="Signs every delivery. Read back in clear by whoever may read webhooks.",
)
URL = replace(
    _text("subscriberUrl", "Subscriber Url"),
    form=formats.web_address,
    note="Give every webhook its own: nothing else in a delivery says which webhook it belongs to.",
)
WHEN = Param(name="triggers", type="string[]", place=Place.BODY, description="The triggers value", enum=TRIGGERS)
VERSION = replace(_text("version", "The version of the webhook"), enum=VERSIONS)
AFTER = (
    Param(
        name="time",
        type="number",
        place=Place.BODY,
        description="How long after the start someone absent is a no-show",
        minimum=1,
        maximum=INT32,
        note="For the AFTER_... triggers, with timeUnit.",
        beyond_seed=True,
    ),
    Param(
        name="timeUnit",
        type="string",
        place=Place.BODY,
        description="The unit of time",
        enum=("DAY", "HOUR", "MINUTE"),
        beyond_seed=True,
    ),
)

TOOLS = (
    Tool(
        name=f"{PREFIX}create_organization_webhook",
        sentence="Create a webhook",
        note="A second one with the same subscriberUrl is a conflict.",
        method="POST",
        path=ALL,
        params=(
            ORG_ID,
            replace(ACTIVE, required=True),
            TEMPLATE,
            SECRET,
            replace(URL, required=True),
            replace(WHEN, required=True),
            VERSION,
            *AFTER,
        ),
        rules=(time_with_its_unit,),
        data=Webhook,
    ),
    Tool(
        name=f"{PREFIX}delete_webhook",
        sentence="Delete a webhook",
        note="What would have been sent to it is sent nowhere.",
        method="DELETE",
        path=ONE,
        params=(WEBHOOK_ID, ORG_ID),
        gone=frozenset({403, 404}),
        data=Webhook,
    ),
    Tool(
        name=f"{PREFIX}get_all_organization_webhooks",
        sentence="Get all webhooks",
        note="The reply holds secrets in clear.",
        method="GET",
        path=ALL,
        params=(ORG_ID, take(), skip()),
        data=list[Webhook],
    ),
    Tool(
        name=f"{PREFIX}get_organization_webhook",
        sentence="Get a webhook",
        note="The reply holds the secret in clear.",
        method="GET",
        path=ONE,
        params=(WEBHOOK_ID, ORG_ID),
        data=Webhook,
    ),
    Tool(
        name=f"{PREFIX}update_org_webhook",
        sentence="Update a webhook",
        note="Nothing checks here that no other webhook has the same subscriberUrl.",
        method="PATCH",
        path=ONE,
        params=(WEBHOOK_ID, ORG_ID, ACTIVE, TEMPLATE, SECRET, URL, WHEN, VERSION, *AFTER),
        rules=(time_with_its_unit,),
        data=Webhook,
    ),
)
