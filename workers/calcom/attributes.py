"""The attribute tools: what members of the organization can be described by. Its options are in `options`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.calcom import formats
from workers.calcom.shapes import Attribute
from workers.calcom.tool import ORG_ID, Param, Place, Tool, path_id, skip, take
from workers.errors import BadArguments

PREFIX = "cal_organizations_attributes_controller_"
ALL = "/organizations/{orgId}/attributes"
ONE = "/organizations/{orgId}/attributes/{attributeId}"

TYPES = ("TEXT", "NUMBER", "SINGLE_SELECT", "MULTI_SELECT")
ATTRIBUTE_ID = path_id("attributeId", "Attribute Id", "string")

OPTION_SCHEMA = {
    "items": {
        "type": "object",
        "properties": {
            "value": {"type": "string", "minLength": 1},
            "slug": {"type": "string", "minLength": 1},
        },
        "required": ["value", "slug"],
        "additionalProperties": False,
    }
}


def options_only_where_they_count(arguments: Mapping[str, Any]) -> None:
    """Cal.com ignores the options of a TEXT or NUMBER attribute without a word."""
    if arguments["type"] in ("TEXT", "NUMBER") and arguments["options"]:
        raise BadArguments(f"options: a {arguments['type']} attribute has none, Cal.com would ignore them; send [].")


def _text(name: str, *, required: bool = False, enum: tuple[str, ...] = (), note: str = "") -> Param:
    return Param(
        name=name,
        type="string",
        place=Place.BODY,
        description=f"The {name} value",
        required=required,
        enum=enum,
        min_length=1 if required and not enum else 0,
        note=note,
    )


ENABLED = Param(name="enabled", type="boolean", place=Place.BODY, description="The enabled value")

TOOLS = (
    Tool(
        name=f"{PREFIX}create_organization_attribute",
        sentence="Create an attribute",
        note="The options are not in the reply: read them with the tool that lists an attribute's options.",
        method="POST",
        path=ALL,
        params=(
            ORG_ID,
            ENABLED,
            _text("name", required=True),
            Param(
                name="options",
                type="object[]",
                place=Place.BODY,
                description="The options value",
                required=True,
                note="Each {value, slug}. Required for every type; an empty list for TEXT and NUMBER.",
                form=formats.options,
                keywords=OPTION_SCHEMA,
            ),
            _text("slug", required=True, note="Unique in the organization."),
            _text("type", required=True, enum=TYPES),
        ),
        rules=(options_only_where_they_count,),
        data=Attribute,
    ),
    Tool(
        name=f"{PREFIX}delete_organization_attribute",
        sentence="Delete an attribute",
        method="DELETE",
        path=ONE,
        params=(ORG_ID, ATTRIBUTE_ID),
        gone=frozenset({404}),
        data=Attribute,
    ),
    Tool(
        name=f"{PREFIX}get_organization_attribute",
        sentence="Get an attribute",
        method="GET",
        path=ONE,
        params=(ORG_ID, ATTRIBUTE_ID),
        min_role="MEMBER",
        data=Attribute,
    ),
    Tool(
        name=f"{PREFIX}get_organization_attributes",
        sentence="Get all attributes",
        method="GET",
        path=ALL,
        params=(ORG_ID, take(), skip()),
        min_role="MEMBER",
        data=list[Attribute],
    ),
    Tool(
        name=f"{PREFIX}update_organization_attribute",
        sentence="Update an attribute",
        method="PATCH",
        path=ONE,
        params=(
            ORG_ID,
            ATTRIBUTE_ID,
            ENABLED,
            _text("name"),
            _text("slug", note="Unique in the organization."),
            _text("type", enum=TYPES, note="Existing options are not changed with it."),
        ),
        data=Attribute,
    ),
)
