"""The users controller: the accounts of the organization.

Quirks kept: deleting a user deletes the whole account; a user without a profile here is 403, not 404; `weekday`
passes validation and then fails, on create after the account was made; e-mail addresses must be repeated keys,
options and teams a comma-joined value; `emails` with `assignedOptionIds` crashes.
"""

from __future__ import annotations

from typing import Any

from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import database, invalid, iso, nest
from ingest.sandbox.rules import (
    AVATAR,
    COLOUR,
    EMAIL,
    FLAG,
    LOCALE,
    METADATA,
    NUMBER,
    TEXT,
    TIME_ZONE,
    WEEKDAY,
    at_least,
    is_email,
    one_of,
    zone_name,
)
from ingest.sandbox.slugs import slugify
from ingest.sandbox.state import ROLES, Membership, Profile, User
from ingest.sandbox.validation import Field, Shape

_THEME = Field((one_of("dark", "light"),), nullable=True)
_UPDATE: Shape = {
    "email": Field((EMAIL,)),
    "username": TEXT,
    "weekday": Field((WEEKDAY,)),
    "brandColor": Field((COLOUR,)),
    "darkBrandColor": Field((COLOUR,)),
    "bio": TEXT,
    "metadata": Field((METADATA,)),
    "hideBranding": FLAG,
    "timeZone": Field((TIME_ZONE,)),
    "theme": _THEME,
    "appTheme": _THEME,
    "timeFormat": Field((one_of(12, 24),)),
    "defaultScheduleId": Field((NUMBER, at_least(0))),
    "locale": Field((LOCALE,), nullable=True),
    "avatarUrl": Field((AVATAR,)),
}
_CREATE: Shape = {
    **_UPDATE,
    "email": Field((EMAIL,), required=True),
    "organizationRole": Field((one_of(*ROLES),)),
    "autoAccept": FLAG,
}
#: the body's names of what is simply kept
_KEPT = {
    "brandColor": "brand_color",
    "darkBrandColor": "dark_brand_color",
    "bio": "bio",
    "metadata": "metadata",
    "hideBranding": "hide_branding",
    "theme": "theme",
    "appTheme": "app_theme",
    "timeFormat": "time_format",
    "defaultScheduleId": "default_schedule_id",
    "locale": "locale",
    "avatarUrl": "avatar_url",
}


def view(user: User) -> dict[str, object]:
    """A user as the API shows it; `metadata` is absent when there is none."""
    profile: dict[str, object] = {}
    if user.profile:
        profile = {
            "id": user.profile.id,
            "organizationId": user.profile.organization_id,
            "userId": user.id,
            "username": user.profile.username,
        }
    shown: dict[str, object] = {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "emailVerified": None,
        "bio": user.bio,
        "avatarUrl": user.avatar_url,
        "timeZone": user.time_zone,
        "weekStart": user.week_start,
        "appTheme": user.app_theme,
        "theme": user.theme,
        "defaultScheduleId": user.default_schedule_id,
        "locale": user.locale,
        "timeFormat": user.time_format,
        "hideBranding": user.hide_branding,
        "brandColor": user.brand_color,
        "darkBrandColor": user.dark_brand_color,
        "allowDynamicBooking": True,
        "createdDate": iso(user.created_at),
        "verified": None,
        "invitedTo": user.organization_id,
        "profile": profile,
    }
    return {**shown, "metadata": user.metadata} if user.metadata else shown


def in_org(call: Call) -> User:
    """The user of the path. Raises 403 for one without a profile in the organization, existing or not."""
    user = call.world.users.get(call.number("userId"))
    if user is None or user.profile is None or user.profile.organization_id != call.org.id:
        raise nest(403, "IsUserInOrg - user is not a member of the organization")
    return user


def _list(call: Call) -> object:
    page = call.page(most=1000)
    emails = call.query.get("emails", [])
    if bad := [email for email in emails if not is_email(email)]:
        raise _query_error(call, "emails", bad, "isEmail", "each value in emails must be an email")
    teams, options = _joined(call, "teamIds"), _joined(call, "assignedOptionIds")
    if not all(team.isdecimal() for team in teams or ()):
        raise _query_error(call, "teamIds", teams, "isNumber", "each value in teamIds must be a number")
    operator = call.choice("attributeQueryOperator", "AND", "OR", "NONE") or "AND"
    users = call.world.users_of(call.org.id)
    if emails and options:
        raise database(500, "There was an error, please try again later.")
    if emails:
        wanted = {email.lower() for email in emails}
        users = [user for user in users if user.email in wanted]
    if teams:
        users = [u for u in users if any(call.world.membership_of(u.id, int(team)) for team in teams)]
    if options:
        users = [user for user in users if _has(call, user, set(options), operator)]
    return [view(user) for user in users[page]]


def _joined(call: Call, name: str) -> list[str] | None:
    """A comma-joined value; a repeated key is refused, though Cal.com's document asks for it."""
    values = call.query.get(name)
    if values is None:
        return None
    if len(values) > 1 or not values[0]:
        raise _query_error(call, name, values, "isArray", f"{name} must be comma separated")
    return values[0].split(",")


def _has(call: Call, user: User, wanted: set[str], operator: str) -> bool:
    membership = call.world.membership_of(user.id, call.org.id)
    own = {
        a.attribute_option_id for a in call.world.assignments.values() if membership and a.member_id == membership.id
    }
    if operator == "NONE":
        return bool(own) and not own & wanted  # users without any attribute are never found
    return wanted <= own if operator == "AND" else bool(own & wanted)


def _query_error(call: Call, name: str, value: object, constraint: str, message: str) -> Exception:
    target = dict(call.query)
    error: dict[str, Any] = {"target": target, "value": value, "property": name, "children": []}
    return invalid([{**error, "constraints": {constraint: message}}])


def _create(call: Call) -> object:
    world, body = call.world, call.body
    email = body["email"].lower()
    known = next((user for user in world.users.values() if user.email == email), None)
    if known and known.profile and known.profile.organization_id == call.org.id:
        raise nest(409, "A user already exists with that email")
    username = (body.get("username") or slugify(email.partition("@")[0])).lower()
    _keep_username_unique(call, username if "username" in body else None)
    if known:
        raise database(409, "Unique constraint failed on the fields: (`email`)")
    user = User(
        id=next(world.numbers),
        email=email,
        username=username,
        created_at=call.now,
        organization_id=call.org.id,
    )
    world.users[user.id] = user
    if "weekday" in body:  # the account is made before the rest fails
        raise database(500, "There was an error, please try again later.")
    _keep(user, body)
    user.profile = Profile(next(world.numbers), call.org.id, username)
    membership = Membership(
        next(world.numbers),
        call.org.id,
        user.id,
        call.now,
        call.now,
        accepted=body.get("autoAccept", True),
        role=body.get("organizationRole", "MEMBER"),
    )
    world.memberships[membership.id] = membership
    return view(user)


def _update(call: Call) -> object:
    user, body = in_org(call), call.body
    if "weekday" in body:
        raise database(500, "There was an error, please try again later.")
    if user.organization_id != call.org.id:
        raise database(404, "No User found")
    username = body["username"].lower() if "username" in body else None
    _keep_username_unique(call, username, user)
    email = body.get("email", user.email).lower()
    if any(other.email == email for other in call.world.users.values() if other is not user):
        raise database(409, "Unique constraint failed on the fields: (`email`)")
    user.email = email
    user.username = username or user.username
    _keep(user, body)
    return view(user)


def _keep_username_unique(call: Call, username: str | None, own: User | None = None) -> None:
    users = [user for user in call.world.users_of(call.org.id) if user is not own]
    if username and any(username in (u.username, u.profile and u.profile.username) for u in users):
        raise nest(409, "Username is already taken")


def _keep(user: User, body: dict[str, Any]) -> None:
    for name, attribute in _KEPT.items():
        if name in body:
            setattr(user, attribute, body[name])
    if "timeZone" in body:
        user.time_zone = zone_name(body["timeZone"])


def _delete(call: Call) -> object:
    user = in_org(call)
    shown = view(user)
    call.world.drop_user(user)
    return shown


_ALL = "/organizations/{orgId}/users"
_ONE = f"{_ALL}/{{userId}}"
ENDPOINTS = (
    Endpoint("GET", _ALL, _list),
    Endpoint("POST", _ALL, _create, body=_CREATE),
    Endpoint("PATCH", _ONE, _update, guards=(in_org,), body=_UPDATE),
    Endpoint("DELETE", _ONE, _delete, guards=(in_org,)),
)
