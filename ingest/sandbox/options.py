"""The attribute options controller: the values an attribute may have, and who has which.

Quirks kept: options need not be unique; an unknown attribute lists as `[]` and refuses a new option with a bad
foreign key; option routes do not ask whose attribute it is. Assigning a `value` makes a new option every time and
never replaces an older one; assigning neither value nor option crashes.
"""

from __future__ import annotations

from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import Crash, database, iso, nest
from ingest.sandbox.rules import NOT_EMPTY, REQUIRED_TEXT, STRING, TEXT
from ingest.sandbox.slugs import slugify
from ingest.sandbox.state import Assignment, Membership, Option, new_uuid
from ingest.sandbox.validation import Field

_CREATE = {"value": REQUIRED_TEXT, "slug": REQUIRED_TEXT}
_UPDATE = {"value": TEXT, "slug": TEXT}
_FILLED = Field((STRING, NOT_EMPTY))
_ASSIGN = {"value": _FILLED, "attributeOptionId": _FILLED, "attributeId": REQUIRED_TEXT}


def _view(option: Option) -> dict[str, object]:
    return {
        "id": option.id,
        "attributeId": option.attribute_id,
        "value": option.value,
        "slug": option.slug,
        "isGroup": False,
        "contains": [],
    }


def _assignment_view(assignment: Assignment) -> dict[str, object]:
    return {
        "id": assignment.id,
        "memberId": assignment.member_id,
        "attributeOptionId": assignment.attribute_option_id,
        "weight": None,
        "createdAt": iso(assignment.created_at),
        "createdById": None,
        "createdByDSyncId": None,
        "updatedAt": iso(assignment.updated_at),
        "updatedById": None,
        "updatedByDSyncId": None,
    }


def _find(call: Call) -> Option | None:
    option = call.world.options.get(call.path["optionId"])
    return option if option and option.attribute_id == call.path["attributeId"] else None


def _list(call: Call) -> object:
    wanted = call.path["attributeId"]
    return [_view(option) for option in call.world.options.values() if option.attribute_id == wanted]


def _create(call: Call) -> object:
    attribute_id = call.path["attributeId"]
    if attribute_id not in call.world.attributes:
        raise database(400, "Foreign key constraint failed on the field: `attributeId`")
    option = Option(new_uuid(), attribute_id, call.body["value"], call.body["slug"])
    call.world.options[option.id] = option
    return _view(option)


def _update(call: Call) -> object:
    option = _find(call)
    if option is None:
        raise database(404, "No AttributeOption found")
    option.value = call.body.get("value", option.value)
    option.slug = call.body.get("slug", option.slug)
    return _view(option)


def _delete(call: Call) -> object:
    option = _find(call)
    if option is None:
        raise nest(404, "Attribute option not found")
    call.world.drop_option(option)
    return _view(option)


def _member(call: Call) -> Membership:
    membership = call.world.membership_of(call.number("userId"), call.org.id)
    if membership is None:
        raise nest(404, "User is not a member of the organization")
    return membership


def _assign(call: Call) -> object:
    attribute = call.world.attributes.get(call.body["attributeId"])
    if attribute is None or attribute.team_id != call.org.id:
        raise nest(404, "Attribute not found")
    membership = _member(call)
    if not membership.accepted:
        raise nest(404, "User has not accepted the membership of the organization")
    option_id = call.body.get("attributeOptionId")
    if option_id is None:
        if "value" not in call.body:
            raise Crash("No attribute option id or value provided")
        if attribute.type.endswith("SELECT"):
            raise nest(400, "Attribute type does not support value")
        value = call.body["value"]
        option_id = new_uuid()
        call.world.options[option_id] = Option(option_id, attribute.id, value, slugify(value))
    if option_id not in call.world.options:
        raise database(400, "Foreign key constraint failed on the field: `attributeOptionId`")
    if _assignment(call, membership, option_id):
        raise database(409, "Unique constraint failed on the fields: (`memberId`,`attributeOptionId`)")
    assignment = Assignment(new_uuid(), membership.id, option_id, call.now, call.now)
    call.world.assignments[assignment.id] = assignment
    return _assignment_view(assignment)


def _assignment(call: Call, membership: Membership, option_id: str) -> Assignment | None:
    for assignment in call.world.assignments.values():
        if assignment.member_id == membership.id and assignment.attribute_option_id == option_id:
            return assignment
    return None


def _unassign(call: Call) -> object:
    assignment = _assignment(call, _member(call), call.path["attributeOptionId"])
    if assignment is None:
        raise nest(404, "Attribute does not belong to this user")
    del call.world.assignments[assignment.id]
    return _assignment_view(assignment)


_OF_USER = "/organizations/{orgId}/attributes/options/{userId}"
_ALL = "/organizations/{orgId}/attributes/{attributeId}/options"
_ONE = f"{_ALL}/{{optionId}}"
ENDPOINTS = (
    Endpoint("POST", _OF_USER, _assign, body=_ASSIGN),
    Endpoint("DELETE", f"{_OF_USER}/{{attributeOptionId}}", _unassign, role="MEMBER"),
    Endpoint("GET", _ALL, _list, role="MEMBER"),
    Endpoint("POST", _ALL, _create, body=_CREATE),
    Endpoint("PATCH", _ONE, _update, body=_UPDATE),
    Endpoint("DELETE", _ONE, _delete),
)
