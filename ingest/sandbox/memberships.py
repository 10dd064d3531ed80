"""The memberships controller: who belongs to the organization, and as what.

Quirks kept: creating one twice is an upsert that resets what is left out (`accepted` to false); it makes no
profile, so such a user is not among `/users`; deleting one takes the user out of the organization.
"""

from __future__ import annotations

from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import database, iso, nest
from ingest.sandbox.rules import FLAG, NUMBER, one_of
from ingest.sandbox.state import ROLES, Attribute, Membership, Option, World
from ingest.sandbox.validation import Field

_UPDATE = {"accepted": FLAG, "role": Field((one_of(*ROLES),)), "disableImpersonation": FLAG}
_CREATE = {"userId": Field((NUMBER,), required=True), **_UPDATE}
_TYPES = {
    "TEXT": "text",
    "NUMBER": "number",
    "SINGLE_SELECT": "singleSelect",
    "MULTI_SELECT": "multiSelect",
}


def _view(world: World, membership: Membership) -> dict[str, object]:
    user = world.users[membership.user_id]
    person: dict[str, object] = {
        "username": user.username,
        "email": user.email,
        "avatarUrl": user.avatar_url,
        "name": user.name,
        "bio": user.bio,
    }
    if user.metadata:
        person["metadata"] = user.metadata
    return {
        "id": membership.id,
        "teamId": membership.team_id,
        "userId": membership.user_id,
        "accepted": membership.accepted,
        "role": membership.role,
        "customRoleId": None,
        "disableImpersonation": membership.disable_impersonation,
        "createdAt": iso(membership.created_at),
        "updatedAt": iso(membership.updated_at),
        "user": person,
        "attributes": _attributes(world, membership),
    }


def _attributes(world: World, membership: Membership) -> list[dict[str, object]]:
    """The member's attributes: a multi-select once with all its options, any other kind once per option."""
    views: list[dict[str, object]] = []
    several: dict[str, list[dict[str, object]]] = {}
    for assignment in world.assignments.values():
        if assignment.member_id != membership.id:
            continue
        option = world.options[assignment.attribute_option_id]
        attribute = world.attributes[option.attribute_id]
        about: dict[str, object] = {
            "id": attribute.id,
            "name": attribute.name,
            "type": _TYPES[attribute.type],
        }
        if attribute.type != "MULTI_SELECT":
            views.append({**about, "option": _value(attribute, option), "optionId": option.id})
            continue
        if attribute.id not in several:
            several[attribute.id] = []
            views.append({**about, "options": several[attribute.id]})
        several[attribute.id].append({"optionId": option.id, "option": option.value})
    return views


def _value(attribute: Attribute, option: Option) -> str | float | None:
    """A NUMBER's option reads as a number; what is none becomes null, as NaN does in JSON."""
    if attribute.type != "NUMBER":
        return option.value
    try:
        number = float(option.value)
    except ValueError:
        return None
    if number.is_integer():
        return int(number)
    return number if abs(number) < float("inf") else None


def _in_org(call: Call) -> Membership:
    membership = call.world.memberships.get(call.number("membershipId"))
    if membership is None or membership.team_id != call.org.id:
        raise nest(404, f"IsMembershipInOrg - Membership ({call.path['membershipId']}) not found")
    return membership


def _list(call: Call) -> object:
    own = [m for m in call.world.memberships.values() if m.team_id == call.org.id]
    return [_view(call.world, membership) for membership in own[call.page()]]


def _get(call: Call) -> object:
    return _view(call.world, _in_org(call))


def _create(call: Call) -> object:
    user_id = call.body["userId"]
    if user_id not in call.world.users:
        raise database(400, "Foreign key constraint failed on the field: `userId`")
    membership = call.world.membership_of(user_id, call.org.id)
    if membership is None:
        membership = Membership(next(call.world.numbers), call.org.id, user_id, call.now, call.now)
        call.world.memberships[membership.id] = membership
    membership.accepted = call.body.get("accepted", False)
    membership.role = call.body.get("role", "MEMBER")
    membership.disable_impersonation = call.body.get("disableImpersonation", False)
    membership.updated_at = call.now
    return _view(call.world, membership)


def _update(call: Call) -> object:
    membership = _in_org(call)
    membership.accepted = call.body.get("accepted", membership.accepted)
    membership.role = call.body.get("role", membership.role)
    membership.disable_impersonation = call.body.get("disableImpersonation", membership.disable_impersonation)
    membership.updated_at = call.now
    return _view(call.world, membership)


def _delete(call: Call) -> object:
    membership = _in_org(call)
    view = _view(call.world, membership)
    call.world.drop_membership(membership)
    return view


_ALL = "/organizations/{orgId}/memberships"
_ONE = f"{_ALL}/{{membershipId}}"
ENDPOINTS = (
    Endpoint("GET", _ALL, _list),
    Endpoint("POST", _ALL, _create, body=_CREATE),
    Endpoint("GET", _ONE, _get, guards=(_in_org,)),
    Endpoint("PATCH", _ONE, _update, guards=(_in_org,), body=_UPDATE),
    Endpoint("DELETE", _ONE, _delete, guards=(_in_org,)),
)
