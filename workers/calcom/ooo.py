"""The out-of-office tools: whole days on which a user cannot be booked. Days are UTC days at Cal.com."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from workers.calcom import formats
from workers.calcom.shapes import OutOfOffice
from workers.calcom.tool import INT32, ORG_ID, USER_ID, Form, Param, Place, Tool, path_id, skip, take
from workers.errors import BadArguments

PREFIX = "cal_organizations_users_ooocontroller_"
OF_USER = "/organizations/{orgId}/users/{userId}/ooo"
ONE = "/organizations/{orgId}/users/{userId}/ooo/{oooId}"

REASONS = ("unspecified", "vacation", "travel", "sick", "public_holiday")
OOO_ID = path_id("oooId", "Ooo Id")


def both_days_in_order(arguments: Mapping[str, Any]) -> None:
    """Cal.com changes both days or none, and wants the start first."""
    start, end = arguments.get("start"), arguments.get("end")
    if (start is None) != (end is None):
        raise BadArguments("start, end: give both or neither; Cal.com does not change one alone.")
    if start is not None and end < start:
        raise BadArguments("start, end: the end may not be before the start.")


def not_to_oneself(arguments: Mapping[str, Any]) -> None:
    """Cal.com refuses a user who covers for themselves."""
    if arguments.get("toUserId") == arguments["userId"]:
        raise BadArguments("toUserId: must be someone else than userId; no one covers for themselves.")


def _day(name: str, form: Form, *, required: bool) -> Param:
    return Param(
        name=name,
        type="string",
        place=Place.BODY,
        description=f"The {name} date and time of the out of office period in ISO 8601 format in UTC timezone.",
        required=required,
        form=form,
        accepts=(date,),
        note="A day, or a time with its offset: it is converted to UTC, and the whole UTC day counts, as "
        "Cal.com discards the time of day.",
    )


def _entry(*, required: bool) -> tuple[Param, ...]:
    return (
        _day("end", formats.last_day, required=required),
        Param(
            name="notes",
            type="string",
            place=Place.BODY,
            description="Optional notes for the out of office entry.",
        ),
        Param(
            name="reason",
            type="string",
            place=Place.BODY,
            description="the reason for the out of office entry, if applicable",
            enum=REASONS,
        ),
        _day("start", formats.first_day, required=required),
        Param(
            name="toUserId",
            type="number",
            place=Place.BODY,
            description="The ID of the user covering for the out of office period, if applicable.",
            minimum=0,
            maximum=INT32,
        ),
    )


def _sort(name: str, what: str) -> Param:
    return Param(
        name=name,
        type="string",
        place=Place.QUERY,
        description=f"Sort results by their {what} time in ascending or descending order.",
        enum=("asc", "desc"),
        note="Of sortStart and sortEnd given both, only sortEnd counts.",
    )


SORTS = (_sort("sortStart", "start"), _sort("sortEnd", "end"))

TOOLS = (
    Tool(
        name=f"{PREFIX}create_organization_user_ooo",
        sentence="Create an out-of-office entry for a user",
        note="Entries may overlap; one with equal days is a conflict.",
        method="POST",
        path=OF_USER,
        params=(USER_ID, ORG_ID, *_entry(required=True)),
        rules=(both_days_in_order, not_to_oneself),
        data=OutOfOffice,
    ),
    Tool(
        name=f"{PREFIX}delete_organization_user_ooo",
        sentence="Delete an out-of-office entry for a user",
        method="DELETE",
        path=ONE,
        params=(OOO_ID, USER_ID, ORG_ID),
        gone=frozenset({403, 404}),
        data=OutOfOffice,
    ),
    Tool(
        name=f"{PREFIX}get_organization_user_ooo",
        sentence="Get all out-of-office entries for a user",
        method="GET",
        path=OF_USER,
        params=(USER_ID, take(), skip(), *SORTS, ORG_ID),
        data=list[OutOfOffice],
    ),
    Tool(
        name=f"{PREFIX}get_organization_users_ooo",
        sentence="Get all out-of-office entries for organization users",
        method="GET",
        path="/organizations/{orgId}/ooo",
        params=(
            ORG_ID,
            take(),
            skip(),
            *SORTS,
            Param(
                name="email",
                type="string",
                place=Place.QUERY,
                description="Filter ooo entries by the user email address. user must be within your organization.",
                form=formats.email,
            ),
        ),
        data=list[OutOfOffice],
    ),
    Tool(
        name=f"{PREFIX}update_organization_user_ooo",
        sentence="Update an out-of-office entry for a user",
        note="Start and end go together. The days it already has are a conflict: leave both out then.",
        method="PATCH",
        path=ONE,
        params=(USER_ID, OOO_ID, ORG_ID, *_entry(required=False)),
        rules=(both_days_in_order, not_to_oneself),
        unrepeatable_with=frozenset({"start", "end"}),
        data=OutOfOffice,
    ),
)
