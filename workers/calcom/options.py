"""The option tools: the values an attribute can take, and who has which. Not the attribute itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.calcom.shapes import Assignment, Option
from workers.calcom.tool import ORG_ID, USER_ID, Param, Place, Tool, path_id
from workers.errors import BadArguments

PREFIX = "cal_organizations_attributes_options_controller_"
ALL = "/organizations/{orgId}/attributes/{attributeId}/options"
ONE = "/organizations/{orgId}/attributes/{attributeId}/options/{optionId}"
OF_USER = "/organizations/{orgId}/attributes/options/{userId}"

ATTRIBUTE_ID = path_id("attributeId", "Attribute Id", "string")
OPTION_ID = path_id("optionId", "Option Id", "string")


def a_value_or_an_option(arguments: Mapping[str, Any]) -> None:
    """Neither is a 500 at Cal.com; of both it takes the option and drops the value."""
    given = {"value", "attributeOptionId"} & arguments.keys()
    if len(given) != 1:
        raise BadArguments(
            "value, attributeOptionId: give one of them: value for a TEXT or NUMBER attribute, "
            "attributeOptionId for one that is chosen from a list."
        )


def _text(name: str, description: str, *, required: bool = False, note: str = "", least: int = 0) -> Param:
    return Param(
        name=name,
        type="string",
        place=Place.BODY,
        description=description,
        required=required,
        note=note,
        min_length=least,
    )


TOOLS = (
    Tool(
        name=f"{PREFIX}assign_organization_attribute_option_to_user",
        sentence="Assign an attribute to a user",
        note="The old value stays: unassign it first. The same value twice makes a second assignment.",
        method="POST",
        path=OF_USER,
        params=(
            ORG_ID,
            USER_ID,
            _text("attributeId", "Attribute Id", required=True, least=1),
            _text(
                "attributeOptionId",
                "Attribute Option Id",
                least=1,
                note="For SINGLE_SELECT and MULTI_SELECT attributes.",
            ),
            _text("value", "The value value", least=1, note="For TEXT and NUMBER attributes; always a text."),
        ),
        rules=(a_value_or_an_option,),
        data=Assignment,
    ),
    Tool(
        name=f"{PREFIX}create_organization_attribute_option",
        sentence="Create an attribute option",
        note="Nothing is unique: the same option twice is there twice.",
        method="POST",
        path=ALL,
        params=(
            ORG_ID,
            ATTRIBUTE_ID,
            _text("slug", "The slug value", required=True, least=1),
            _text("value", "The value value", required=True, least=1),
        ),
        data=Option,
    ),
    Tool(
        name=f"{PREFIX}delete_organization_attribute_option",
        sentence="Delete an attribute option",
        note="Takes it from everyone who has it.",
        method="DELETE",
        path=ONE,
        params=(ORG_ID, ATTRIBUTE_ID, OPTION_ID),
        gone=frozenset({404}),
        data=Option,
    ),
    Tool(
        name=f"{PREFIX}get_organization_attribute_options",
        sentence="Get all attribute options",
        note="Of an attribute that is not there: an empty list.",
        method="GET",
        path=ALL,
        params=(ORG_ID, ATTRIBUTE_ID),
        min_role="MEMBER",
        data=list[Option],
    ),
    Tool(
        name=f"{PREFIX}unassign_organization_attribute_option_from_user",
        sentence="Unassign an attribute from a user",
        method="DELETE",
        path=f"{OF_USER}/{{attributeOptionId}}",
        params=(ORG_ID, USER_ID, path_id("attributeOptionId", "Attribute Option Id", "string")),
        min_role="MEMBER",
        gone=frozenset({404}),
        data=Assignment,
    ),
    Tool(
        name=f"{PREFIX}update_organization_attribute_option",
        sentence="Update an attribute option",
        method="PATCH",
        path=ONE,
        params=(
            ORG_ID,
            ATTRIBUTE_ID,
            OPTION_ID,
            _text("slug", "The slug value"),
            _text("value", "The value value"),
        ),
        data=Option,
    ),
)
