"""The user tools: the people of the organization. Their role is in `memberships`, their absences in `ooo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workers.calcom import formats
from workers.calcom.memberships import ROLES
from workers.calcom.shapes import User
from workers.calcom.tool import INT32, ORG_ID, USER_ID, Form, Param, Place, SeedType, Tool, skip, take
from workers.errors import BadArguments

PREFIX = "cal_organizations_users_controller_"
ALL = "/organizations/{orgId}/users"
ONE = "/organizations/{orgId}/users/{userId}"

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
THEMES = ("dark", "light")
LOCALES = (
    *("en", "fr", "it", "ru", "es", "de", "pt", "ro", "nl", "pt-BR", "ko"),
    *("ja", "pl", "ar", "iw", "zh-CN", "zh-TW", "cs", "sr", "sv", "vi", "bn"),
)


def no_weekday(_: str) -> str:
    """Cal.com checks the value and then writes it to a column it does not have."""
    raise ValueError("cannot be set: Cal.com makes the change, then answers 500 (its weekday has no column)")


def emails_or_options(arguments: Mapping[str, Any]) -> None:
    """Cal.com fails with a 500 when both filters are given."""
    if {"emails", "assignedOptionIds"} <= arguments.keys():
        raise BadArguments(
            "emails, assignedOptionIds: give one of them; Cal.com answers 500 to both. Ask twice, or filter "
            "the rows by e-mail yourself."
        )


def _field(
    name: str,
    description: str,
    kind: SeedType = "string",
    *,
    note: str = "",
    enum: tuple[Any, ...] = (),
    nullable: bool = False,
    form: Form | None = None,
) -> Param:
    return Param(
        name=name,
        type=kind,
        place=Place.BODY,
        description=description,
        note=note,
        enum=enum,
        nullable=nullable,
        form=form,
        minimum=0 if kind == "number" and not enum else None,
        maximum=INT32 if kind == "number" and not enum else None,
        keywords=formats.METADATA_SCHEMA if kind == "object" else None,
    )


EMAIL = replace(_field("email", "User email address", form=formats.email), required=True)
#: only a new user has these
AT_CREATION = (
    _field("autoAccept", "Auto Accept", "boolean", note="Left out, Cal.com takes true."),
    _field("organizationRole", "Organization Role", enum=ROLES, note="Left out, Cal.com takes MEMBER."),
)
FIELDS = (
    _field("appTheme", "Application theme", enum=THEMES, nullable=True),
    AT_CREATION[0],
    _field(
        "avatarUrl",
        "Avatar URL",
        form=formats.avatar,
        note="https address or data:image/...;base64,... text.",
    ),
    _field("bio", "The bio value"),
    _field("brandColor", "Brand color in HEX format", form=formats.hex_colour),
    _field("darkBrandColor", "Dark brand color in HEX format", form=formats.hex_colour),
    _field("defaultScheduleId", "Default schedule ID", "number"),
    EMAIL,
    _field("hideBranding", "Hide branding", "boolean"),
    _field("locale", "Locale or language code", enum=LOCALES, nullable=True),
    _field(
        "metadata",
        "You can store any additional data you want here. Metadata must have at most 50 keys, each key up to "
        "40 characters, and values up to 500 characters.",
        "object",
        note="Replaces the stored object.",
        form=formats.metadata,
    ),
    AT_CREATION[1],
    _field("theme", "The theme value", enum=THEMES, nullable=True),
    _field("timeFormat", "Time format", "number", enum=(12, 24)),
    _field("timeZone", "Time zone", form=formats.time_zone, note="An IANA name, such as Europe/London."),
    _field("username", "The username value", note="Cal.com lower-cases it."),
    _field(
        "weekday",
        "Preferred weekday",
        enum=WEEKDAYS,
        form=no_weekday,
        note="Refused here: Cal.com cannot store it and answers 500 after making the user.",
    ),
)
#: Cal.com updates every field a new user has, except the two; the tool list names none of them
CHANGES = tuple(replace(field, required=False, beyond_seed=True) for field in FIELDS if field not in AT_CREATION)


def _filter(name: str, description: str, kind: SeedType = "string[]", *, comma: bool, form: Form | None) -> Param:
    return Param(name=name, type=kind, place=Place.QUERY, description=description, comma=comma, form=form)


TOOLS = (
    Tool(
        name=f"{PREFIX}create_organization_user",
        sentence="Create a user",
        note="Sends an invitation by e-mail.",
        method="POST",
        path=ALL,
        params=(ORG_ID, *FIELDS),
        data=User,
    ),
    Tool(
        name=f"{PREFIX}delete_organization_user",
        sentence="Delete a user",
        note="Deletes the whole Cal.com account. To take someone out of the organization, delete the membership.",
        method="DELETE",
        path=ONE,
        params=(ORG_ID, USER_ID),
        gone=frozenset({403, 404}),
        data=User,
    ),
    Tool(
        name=f"{PREFIX}get_organizations_users",
        sentence="Get all users",
        method="GET",
        path=ALL,
        params=(
            ORG_ID,
            take("The number of items to return", maximum=1000),
            skip("The number of items to skip"),
            _filter(
                "emails",
                "The email address or an array of email addresses to filter by",
                comma=False,
                form=formats.email,
            ),
            _filter(
                "assignedOptionIds",
                "Filter by assigned attribute option ids. ids must be separated by a comma.",
                comma=True,
                form=formats.path_id,
            ),
            Param(
                name="attributeQueryOperator",
                type="string",
                place=Place.QUERY,
                description="Query operator used to filter assigned options, AND by default.",
                enum=("AND", "OR", "NONE"),
                note="NONE never finds users without any attribute.",
            ),
            _filter(
                "teamIds",
                "Filter by teamIds. Team ids must be separated by a comma.",
                "number[]",
                comma=True,
                form=None,
            ),
        ),
        rules=(emails_or_options,),
        data=list[User],
    ),
    Tool(
        name=f"{PREFIX}update_organization_user",
        sentence="Update a user",
        method="PATCH",
        path=ONE,
        params=(ORG_ID, USER_ID, *CHANGES),
        data=User,
    ),
)
