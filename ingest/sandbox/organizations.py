"""The managed organizations controller: organizations that a platform organization keeps for its customers.

Quirks kept: `apiKey` is in the answer to the creation and nowhere else; asking for a key that both expires and
never expires is refused after the organization was made; unknown or foreign is 403; a metadata filter compares
texts only, and half of one is ignored; deleting is limited to one call per second.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from ingest.sandbox.endpoint import Call, Endpoint, Paged
from ingest.sandbox.envelopes import nest
from ingest.sandbox.rules import FLAG, INTEGER, METADATA, NOT_EMPTY, REQUIRED_TEXT, STRING, TEXT, at_least
from ingest.sandbox.slugs import slugify
from ingest.sandbox.state import Key, Membership, Organization
from ingest.sandbox.validation import Field

_METADATA = Field((METADATA,))
_CREATE = {
    "name": REQUIRED_TEXT,
    "slug": TEXT,
    "metadata": _METADATA,
    "apiKeyDaysValid": Field((INTEGER, at_least(1))),
    "apiKeyNeverExpires": FLAG,
}
_UPDATE = {"name": Field((STRING, NOT_EMPTY)), "metadata": _METADATA}
_DAYS_VALID = 30
#: a century: longer than that is for ever, and JavaScript's dates would end
_MOST_DAYS = 36_500


def _view(organization: Organization) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
    }
    return {**shown, "metadata": organization.metadata} if organization.metadata else shown


def _managed(call: Call) -> Organization:
    organization = call.world.organizations.get(call.number("managedOrganizationId"))
    if organization is None or organization.manager_id != call.org.id:
        raise nest(403, "IsManagedOrgInManagerOrg - managed organization does not belong to the organization")
    return organization


def _own(call: Call) -> list[Organization]:
    return [o for o in call.world.organizations.values() if o.manager_id == call.org.id]


def _list(call: Call) -> object:
    found = _own(call)
    if slug := call.text("slug"):
        found = [organization for organization in found if organization.slug == slug]
    key, value = call.text("metadataKey"), call.text("metadataValue")
    if key and value:
        found = [o for o in found if (o.metadata or {}).get(key) == value]
    page = call.page()
    size = page.stop - page.start
    shown = [_view(organization) for organization in found[page]]
    pages = -(-len(found) // size)
    current = page.start // size + 1
    pagination: dict[str, object] = {
        "returnedItems": len(shown),
        "totalItems": len(found),
        "itemsPerPage": size,
        "remainingItems": max(0, len(found) - page.start - len(shown)),
        "currentPage": current,
        "totalPages": pages,
        "hasNextPage": current < pages,
        "hasPreviousPage": current > 1,
    }
    return Paged(shown, pagination)


def _get(call: Call) -> object:
    return _view(_managed(call))


def _create(call: Call) -> object:
    world, body = call.world, call.body
    slug = body.get("slug") or slugify(body["name"])
    if any(organization.slug == slug for organization in _own(call)):
        raise nest(409, "Organization slug already exists")
    organization = Organization(
        next(world.numbers),
        body["name"],
        slug,
        metadata=body.get("metadata") or None,
        manager_id=call.org.id,
        is_platform=True,
    )
    world.organizations[organization.id] = organization
    membership = Membership(
        next(world.numbers),
        organization.id,
        call.caller.id,
        call.now,
        call.now,
        accepted=True,
        role="OWNER",
    )
    world.memberships[membership.id] = membership
    forever = body.get("apiKeyNeverExpires", False)
    if forever and "apiKeyDaysValid" in body:  # the organization stays
        raise nest(400, "Both apiKeyDaysValid and apiKeyNeverExpires cannot be set at the same time")
    days = min(body.get("apiKeyDaysValid", _DAYS_VALID), _MOST_DAYS)
    key = f"cal_{secrets.token_hex(16)}"
    world.keys[key] = Key(call.caller.id, None if forever else call.now + timedelta(days=days))
    return {**_view(organization), "apiKey": key}


def _update(call: Call) -> object:
    organization = _managed(call)
    organization.name = call.body.get("name", organization.name)
    if "metadata" in call.body:
        organization.metadata = call.body["metadata"] or None
    return _view(organization)


def _delete(call: Call) -> object:
    organization = _managed(call)
    call.world.drop_organization(organization)
    return _view(organization)


_ALL = "/organizations/{orgId}/organizations"
_ONE = f"{_ALL}/{{managedOrganizationId}}"
ENDPOINTS = (
    Endpoint("GET", _ALL, _list, platform=True),
    Endpoint("POST", _ALL, _create, platform=True, body=_CREATE),
    Endpoint("GET", _ONE, _get, platform=True, guards=(_managed,)),
    Endpoint("PATCH", _ONE, _update, platform=True, guards=(_managed,), body=_UPDATE),
    Endpoint(
        "DELETE",
        _ONE,
        _delete,
        platform=True,
        guards=(_managed,),
        own_limit=(1000, "Organizations_delete"),
    ),
)
