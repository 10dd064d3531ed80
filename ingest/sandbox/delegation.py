"""The delegation credentials controller: a workspace that lends its members' calendars.

Quirks kept: there is no list, no get and no delete; one domain twice is a generic 400 and not 409; a new key
switches the credential off first; enabling asks the live workspace and crashes when that says no. The sandbox has
no workspace: those of a domain under `.invalid` say no, all others yes.
"""

from __future__ import annotations

from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import Crash, Refusal, iso, nest
from ingest.sandbox.rules import ACCOUNT_KEY, FLAG, REQUIRED_TEXT
from ingest.sandbox.state import DelegationCredential, new_uuid
from ingest.sandbox.validation import Field

_PLATFORMS = {"google": "Google", "office365": "Office 365"}
_CREATE = {
    "workspacePlatformSlug": REQUIRED_TEXT,
    "domain": REQUIRED_TEXT,
    "serviceAccountKey": Field((ACCOUNT_KEY,), required=True),
}
_UPDATE = {"enabled": FLAG, "serviceAccountKey": Field((ACCOUNT_KEY,))}


def _view(credential: DelegationCredential) -> dict[str, object]:
    return {
        "id": credential.id,
        "enabled": credential.enabled,
        "domain": credential.domain,
        "organizationId": credential.organization_id,
        "workspacePlatform": {"name": _PLATFORMS[credential.platform], "slug": credential.platform},
        "createdAt": iso(credential.created_at),
        "updatedAt": iso(credential.updated_at),
    }


def _trpc(status: int) -> Refusal:
    """Whatever went wrong in this corner is told in the same words."""
    return Refusal(status, "TRPCError", "There was an error, please try again later.")


def _create(call: Call) -> object:
    body = call.body
    platform = body["workspacePlatformSlug"]
    if platform not in _PLATFORMS:
        raise _trpc(404)
    for other in call.world.credentials.values():
        if other.domain == body["domain"] and (other.organization_id == call.org.id or other.enabled):
            raise _trpc(400)
    credential = DelegationCredential(
        id=new_uuid(),
        organization_id=call.org.id,
        platform=platform,
        domain=body["domain"],
        service_account_key=body["serviceAccountKey"],
        created_at=call.now,
        updated_at=call.now,
    )
    call.world.credentials[credential.id] = credential
    return _view(credential)


def _update(call: Call) -> object:
    credential = call.world.credentials.get(call.path["credentialId"])  # whosever it is, as at Cal.com
    if credential is None:
        raise nest(404, "Delegation credential not found")
    if "serviceAccountKey" in call.body:
        credential.service_account_key = call.body["serviceAccountKey"]
        credential.enabled = False
        credential.updated_at = call.now
    if "enabled" in call.body:
        if call.body["enabled"] and credential.domain.endswith(".invalid"):
            raise Crash("The workspace has not been configured")
        credential.enabled = call.body["enabled"]
        credential.updated_at = call.now
    return _view(credential)


_ALL = "/organizations/{orgId}/delegation-credentials"
ENDPOINTS = (
    Endpoint("POST", _ALL, _create, body=_CREATE),
    Endpoint("PATCH", f"{_ALL}/{{credentialId}}", _update, body=_UPDATE),
)
