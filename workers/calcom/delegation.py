"""The tools for delegation credentials: a workspace's key, with which Cal.com acts for its calendars.

Cal.com has no call that lists, reads or deletes them: whoever creates one keeps its id.
"""

from __future__ import annotations

from workers.calcom import formats
from workers.calcom.shapes import DelegationCredential
from workers.calcom.tool import ORG_ID, Param, Place, Tool, path_id

PREFIX = "cal_organizations_delegation_credential_controller_"
ALL = "/organizations/{orgId}/delegation-credentials"

KEY_SCHEMA = {
    "type": "object",
    "anyOf": [
        {
            "properties": {key: {"type": "string", "minLength": 1} for key in wanted},
            "required": list(wanted),
        }
        for wanted in (formats.GOOGLE_KEY, formats.MICROSOFT_KEY)
    ],
}


def _key(*, required: bool) -> Param:
    """The key. Cal.com's document says a list, its check wants one object: a list of one is unwrapped."""
    return Param(
        name="serviceAccountKey",
        type="any[]",
        place=Place.BODY,
        description="Service Account Key",
        required=required,
        secret=True,
        form=formats.service_account_key,
        keywords={
            "type": ["object", "array"],
            "items": KEY_SCHEMA,
            "minItems": 1,
            "maxItems": 1,
            "if": {"type": "object"},
            "then": KEY_SCHEMA,
        },
        note="One object: Google's private_key, client_email, client_id, or Microsoft's private_key, "
        "tenant_id, client_id. A list with that one object is accepted.",
    )


def _text(name: str, description: str, note: str = "") -> Param:
    return Param(
        name=name,
        type="string",
        place=Place.BODY,
        description=description,
        required=True,
        min_length=1,
        note=note,
    )


TOOLS = (
    Tool(
        name=f"{PREFIX}create_delegation_credential",
        sentence="Save delegation credentials for your organization",
        note="It starts disabled. Keep the id: no tool lists it. The same domain twice is a 400.",
        method="POST",
        path=ALL,
        params=(
            ORG_ID,
            _text("domain", "The domain value"),
            _key(required=True),
            _text("workspacePlatformSlug", "Workspace Platform Slug", "Such as google or office365."),
        ),
        plan="SCALE",
        data=DelegationCredential,
    ),
    Tool(
        name=f"{PREFIX}update_delegation_credential",
        sentence="Update delegation credentials of your organization",
        note="A new key disables it; enabling is checked against the workspace and is a 500 when that fails.",
        method="PATCH",
        path=f"{ALL}/{{credentialId}}",
        params=(
            ORG_ID,
            path_id("credentialId", "Credential Id", "string"),
            Param(name="enabled", type="boolean", place=Place.BODY, description="The enabled value"),
            _key(required=False),
        ),
        plan="SCALE",
        data=DelegationCredential,
    ),
)
