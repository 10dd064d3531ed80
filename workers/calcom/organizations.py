"""The tools for managed organizations: those this one manages on Cal.com's platform. None reads this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.calcom import formats
from workers.calcom.shapes import ManagedOrganization
from workers.calcom.tool import ORG_ID, Param, Place, Tool, path_id, skip, take
from workers.errors import BadArguments

PREFIX = "cal_organizations_controller_"
ALL = "/organizations/{orgId}/organizations"
ONE = "/organizations/{orgId}/organizations/{managedOrganizationId}"

MANAGED_ID = path_id("managedOrganizationId", "Managed Organization Id")
METADATA = Param(
    name="metadata",
    type="object",
    place=Place.BODY,
    description="You can store any additional data you want here. Metadata must have at most 50 keys, each "
    "key up to 40 characters. Values can be strings (up to 500 characters), numbers, or booleans.",
    note="Replaces the stored object.",
    form=formats.metadata,
    keywords=formats.METADATA_SCHEMA,
)


def one_kind_of_key(arguments: Mapping[str, Any]) -> None:
    """Cal.com answers 400 to both, but only after it has made the organization."""
    if {"apiKeyDaysValid", "apiKeyNeverExpires"} <= arguments.keys():
        raise BadArguments(
            "apiKeyDaysValid, apiKeyNeverExpires: give one of them; of both Cal.com makes the organization "
            "and then answers with an error."
        )


def metadata_key_with_its_value(arguments: Mapping[str, Any]) -> None:
    """One alone is ignored by Cal.com: the list would come unfiltered."""
    if ("metadataKey" in arguments) != ("metadataValue" in arguments):
        raise BadArguments("metadataKey, metadataValue: give both or neither; Cal.com ignores one alone.")


def _filter(name: str, description: str) -> Param:
    return Param(name=name, type="string", place=Place.QUERY, description=description)


TOOLS = (
    Tool(
        name=f"{PREFIX}create_organization",
        sentence="Create an organization within an organization",
        note="The reply holds the new organization's apiKey; it is never shown again.",
        method="POST",
        path=ALL,
        params=(
            ORG_ID,
            Param(
                name="apiKeyDaysValid",
                type="number",
                place=Place.BODY,
                description="For how many days is managed organization api key valid. Defaults to 30 days.",
                minimum=1,
                note="Not together with apiKeyNeverExpires.",
            ),
            Param(
                name="apiKeyNeverExpires",
                type="boolean",
                place=Place.BODY,
                description="If true, organization api key never expires.",
                note="Not together with apiKeyDaysValid.",
            ),
            METADATA,
            Param(
                name="name",
                type="string",
                place=Place.BODY,
                description="Name of the organization",
                required=True,
                min_length=1,
            ),
            Param(
                name="slug",
                type="string",
                place=Place.BODY,
                description="Organization slug in kebab-case - if not provided will be generated "
                "automatically based on name.",
                note="It cannot be changed later.",
            ),
        ),
        plan="SCALE",
        rules=(one_kind_of_key,),
        data=ManagedOrganization,
    ),
    Tool(
        name=f"{PREFIX}delete_organization",
        sentence="Delete an organization within an organization",
        note="Cal.com takes one such call a second.",
        method="DELETE",
        path=ONE,
        params=(MANAGED_ID, ORG_ID),
        plan="SCALE",
        gone=frozenset({403, 404}),
        data=ManagedOrganization,
    ),
    Tool(
        name=f"{PREFIX}get_organization",
        sentence="Get an organization within an organization",
        method="GET",
        path=ONE,
        params=(MANAGED_ID, ORG_ID),
        plan="SCALE",
        data=ManagedOrganization,
    ),
    Tool(
        name=f"{PREFIX}get_organizations",
        sentence="Get all organizations within an organization",
        method="GET",
        path=ALL,
        params=(
            ORG_ID,
            take(),
            skip(),
            _filter("slug", "The slug of the managed organization"),
            _filter(
                "metadataKey",
                "The key of the metadata - it is case sensitive so provide exactly as stored. If you "
                "provide it then you must also provide metadataValue",
            ),
            _filter(
                "metadataValue",
                "The value of the metadata - it is case sensitive so provide exactly as stored. If you "
                "provide it then you must also provide metadataKey",
            ),
        ),
        plan="SCALE",
        rules=(metadata_key_with_its_value,),
        counted=True,
        data=list[ManagedOrganization],
    ),
    Tool(
        name=f"{PREFIX}update_organization",
        sentence="Update an organization within an organization",
        method="PATCH",
        path=ONE,
        params=(
            ORG_ID,
            MANAGED_ID,
            METADATA,
            Param(
                name="name",
                type="string",
                place=Place.BODY,
                description="Name of the organization",
                min_length=1,
            ),
        ),
        plan="SCALE",
        data=ManagedOrganization,
    ),
)
