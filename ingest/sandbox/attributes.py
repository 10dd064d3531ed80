"""The attributes controller: the fields an organization keeps about its members. Not their options.

Quirks kept: an unknown attribute reads as 200 with `data: null`; `options` must be sent, and is ignored for TEXT
and NUMBER; the slug is unique within the organization.
"""

from __future__ import annotations

from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import database, iso
from ingest.sandbox.rules import ARRAY, FLAG, REQUIRED_TEXT, TEXT, one_of
from ingest.sandbox.state import Attribute, Option, new_uuid
from ingest.sandbox.validation import Field

_TYPE = one_of("TEXT", "NUMBER", "SINGLE_SELECT", "MULTI_SELECT")
_CREATE = {
    "name": REQUIRED_TEXT,
    "slug": REQUIRED_TEXT,
    "type": Field((_TYPE,), required=True),
    "options": Field((ARRAY,), required=True, each={"value": REQUIRED_TEXT, "slug": REQUIRED_TEXT}),
    "enabled": FLAG,
}
_UPDATE = {"name": TEXT, "slug": TEXT, "type": Field((_TYPE,)), "enabled": FLAG}


def _view(attribute: Attribute) -> dict[str, object]:
    return {
        "id": attribute.id,
        "teamId": attribute.team_id,
        "type": attribute.type,
        "name": attribute.name,
        "slug": attribute.slug,
        "enabled": attribute.enabled,
        "usersCanEditRelation": False,
        "createdAt": iso(attribute.created_at),
        "updatedAt": iso(attribute.updated_at),
        "isWeightsEnabled": False,
        "isLocked": False,
    }


def _find(call: Call) -> Attribute | None:
    attribute = call.world.attributes.get(call.path["attributeId"])
    return attribute if attribute and attribute.team_id == call.org.id else None


def _need(call: Call) -> Attribute:
    if attribute := _find(call):
        return attribute
    raise database(404, "No Attribute found")


def _keep_slug_unique(call: Call, slug: str, own_id: str | None = None) -> None:
    for other in call.world.attributes.values():
        if other.team_id == call.org.id and other.slug == slug and other.id != own_id:
            raise database(409, "Unique constraint failed on the fields: (`teamId`,`slug`)")


def _list(call: Call) -> object:
    own = [a for a in call.world.attributes.values() if a.team_id == call.org.id]
    return [_view(attribute) for attribute in own[call.page()]]


def _get(call: Call) -> object:
    attribute = _find(call)
    return _view(attribute) if attribute else None


def _create(call: Call) -> object:
    body = call.body
    _keep_slug_unique(call, body["slug"])
    attribute = Attribute(
        id=new_uuid(),
        team_id=call.org.id,
        type=body["type"],
        name=body["name"],
        slug=body["slug"],
        created_at=call.now,
        updated_at=call.now,
        enabled=body.get("enabled", True),
    )
    call.world.attributes[attribute.id] = attribute
    if attribute.type.endswith("SELECT"):
        for given in body["options"]:
            option = Option(new_uuid(), attribute.id, given["value"], given["slug"])
            call.world.options[option.id] = option
    return _view(attribute)


def _update(call: Call) -> object:
    attribute = _need(call)
    if "slug" in call.body:
        _keep_slug_unique(call, call.body["slug"], attribute.id)
    for name, value in call.body.items():
        setattr(attribute, name, value)
    attribute.updated_at = call.now
    return _view(attribute)


def _delete(call: Call) -> object:
    attribute = _need(call)
    call.world.drop_attribute(attribute)
    return _view(attribute)


_ALL = "/organizations/{orgId}/attributes"
_ONE = f"{_ALL}/{{attributeId}}"
ENDPOINTS = (
    Endpoint("GET", _ALL, _list, role="MEMBER"),
    Endpoint("POST", _ALL, _create, body=_CREATE),
    Endpoint("GET", _ONE, _get, role="MEMBER"),
    Endpoint("PATCH", _ONE, _update, body=_UPDATE),
    Endpoint("DELETE", _ONE, _delete),
)
