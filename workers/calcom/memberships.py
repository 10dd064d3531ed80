"""The membership tools: who belongs to the organization, and as what. The person's own data is in `users`."""

from __future__ import annotations

from workers.calcom.shapes import Membership
from workers.calcom.tool import INT32, ORG_ID, Param, Place, Tool, path_id, skip, take

PREFIX = "cal_organizations_memberships_controller_"
ALL = "/organizations/{orgId}/memberships"
ONE = "/organizations/{orgId}/memberships/{membershipId}"

ROLES = ("MEMBER", "ADMIN", "OWNER")
MEMBERSHIP_ID = path_id("membershipId", "Membership Id")


def _flag(name: str, description: str, note: str = "") -> Param:
    return Param(name=name, type="boolean", place=Place.BODY, description=description, note=note)


def _role(description: str, *, required: bool = False) -> Param:
    return Param(
        name="role",
        type="string",
        place=Place.BODY,
        description=description,
        required=required,
        enum=ROLES,
    )


TOOLS = (
    Tool(
        name=f"{PREFIX}create_membership",
        sentence="Create a membership",
        note="An upsert: of a member it overwrites role, accepted and disableImpersonation. Makes no "
        "profile, so the user is not in the list of users until one exists.",
        method="POST",
        path=ALL,
        params=(
            ORG_ID,
            _flag("accepted", "The accepted value", "Left out, Cal.com sets false, of a member too."),
            _flag(
                "disableImpersonation",
                "Disable Impersonation",
                "Left out, Cal.com sets false, of a member too.",
            ),
            _role("If you are platform customer then managed users should only have MEMBER role.", required=True),
            Param(
                name="userId",
                type="number",
                place=Place.BODY,
                description="User Id",
                required=True,
                minimum=0,
                maximum=INT32,
            ),
        ),
        repeatable_with=frozenset({"userId", "role", "accepted", "disableImpersonation"}),
        data=Membership,
    ),
    Tool(
        name=f"{PREFIX}delete_membership",
        sentence="Delete a membership",
        note="Takes the user out of the organization and its teams.",
        method="DELETE",
        path=ONE,
        params=(ORG_ID, MEMBERSHIP_ID),
        gone=frozenset({404}),
        data=Membership,
    ),
    Tool(
        name=f"{PREFIX}get_all_memberships",
        sentence="Get all memberships",
        method="GET",
        path=ALL,
        params=(ORG_ID, take(), skip()),
        data=list[Membership],
    ),
    Tool(
        name=f"{PREFIX}get_org_membership",
        sentence="Get a membership",
        method="GET",
        path=ONE,
        params=(ORG_ID, MEMBERSHIP_ID),
        data=Membership,
    ),
    Tool(
        name=f"{PREFIX}update_membership",
        sentence="Update a membership",
        method="PATCH",
        path=ONE,
        params=(
            ORG_ID,
            MEMBERSHIP_ID,
            _flag("accepted", "The accepted value"),
            _flag("disableImpersonation", "Disable Impersonation"),
            _role("The role value"),
        ),
        data=Membership,
    ),
)
