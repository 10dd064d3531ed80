"""Natural names of what our own actions cause, so that the event that tells of it is known as ours. Pure.

Of out-of-office entries Cal.com sends events (OOO_CREATED, of edits too), and such an event may be here before the
answer to the call. Of people, attributes, webhooks and entries taken away `reconcile` finds what changed. A person who
changes the same thing later causes an event of the same name: whoever compares has to look at how long ago the action
was, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workers.calcom import attributes, formats, memberships, ooo, options, users, webhooks
from workers.catalogue.fields import mapping
from workers.catalogue.own import FOUND
from workers.catalogue.times import instant
from workers.gaps.parts import digest

CREATE = f"{ooo.PREFIX}create_organization_user_ooo"
UPDATE = f"{ooo.PREFIX}update_organization_user_ooo"
DELETE = f"{ooo.PREFIX}delete_organization_user_ooo"

#: what a call names its effect by: the sort of thing, and the argument that says which
_NAMED_BY: Mapping[str, tuple[str, str]] = {
    DELETE: ("ooo-gone", "oooId"),
    f"{memberships.PREFIX}create_membership": ("member", "userId"),
    f"{memberships.PREFIX}update_membership": ("membership", "membershipId"),
    f"{memberships.PREFIX}delete_membership": ("membership", "membershipId"),
    f"{users.PREFIX}create_organization_user": ("address", "email"),
    f"{users.PREFIX}update_organization_user": ("member", "userId"),
    f"{users.PREFIX}delete_organization_user": ("member", "userId"),
    f"{options.PREFIX}assign_organization_attribute_option_to_user": ("member", "userId"),
    f"{options.PREFIX}unassign_organization_attribute_option_from_user": ("member", "userId"),
    f"{options.PREFIX}create_organization_attribute_option": ("attribute", "attributeId"),
    f"{options.PREFIX}update_organization_attribute_option": ("attribute", "attributeId"),
    f"{options.PREFIX}delete_organization_attribute_option": ("attribute", "attributeId"),
    f"{attributes.PREFIX}create_organization_attribute": ("slug", "slug"),
    f"{attributes.PREFIX}update_organization_attribute": ("attribute", "attributeId"),
    f"{attributes.PREFIX}delete_organization_attribute": ("attribute", "attributeId"),
    f"{webhooks.PREFIX}create_organization_webhook": ("url", "subscriberUrl"),
    f"{webhooks.PREFIX}update_org_webhook": ("webhook", "webhookId"),
    f"{webhooks.PREFIX}delete_webhook": ("webhook", "webhookId"),
}


def of_call(tool: str, arguments: Mapping[str, Any], pcid: str) -> str | None:
    """The name of what the call causes an event of; None for every other call, and for one that cannot be made."""
    if tool in (CREATE, UPDATE):
        return _of_absence(tool, arguments, pcid)
    if tool not in _NAMED_BY:
        return None
    sort, argument = _NAMED_BY[tool]
    value = arguments.get(argument)
    if sort == "url":
        return _name(sort, pcid, digest(value)) if isinstance(value, str) else None
    return _name(sort, pcid, value)


def _of_absence(tool: str, arguments: Mapping[str, Any], pcid: str) -> str | None:
    user = _number(arguments.get("userId"))
    try:
        first, last = formats.first_day(arguments.get("start")), formats.last_day(arguments.get("end"))
    except ValueError:
        entry = _number(arguments.get("oooId"))
        return _entry(pcid, user, entry) if tool == UPDATE and None not in (user, entry) else None
    return _days(pcid, user, first, last) if user is not None else None


def of_event(event: Mapping[str, Any]) -> tuple[str, ...]:
    """The names under which an action may have caused the event, given as history shows it; () for most events."""
    trigger, payload = event.get("trigger"), event.get("payload")
    names = _OF_EVENT.get(str(trigger).partition("_")[0])
    if names is None or not isinstance(payload, dict):
        return ()
    if trigger != "OOO_CREATED" and (trigger not in FOUND or event.get("kind") != "synthetic"):
        return ()
    return tuple(name for name in names(str(trigger), payload, str(event.get("connection"))) if name is not None)


def window(event: Mapping[str, Any]) -> tuple[datetime | None, bool]:
    """Of an event that was found: when it was looked for before, and whether one action may cause several such: who
    makes a user makes a membership too. (None, False) for one that was sent."""
    if event.get("kind") != "synthetic":
        return None, False
    since = instant(mapping(mapping(event.get("payload")).get("found")).get("since"))
    return since, since is not None and not str(event.get("trigger")).startswith("OOO_")


def _names_of_absence(trigger: str, payload: dict[str, Any], pcid: str) -> list[str | None]:
    """Cal.com writes an entry's days with the offset of the user's time zone: they are the days as they are written."""
    about = mapping(payload.get("oooEntry"))
    entry, user = _number(about.get("id")), _number(mapping(about.get("user")).get("id"))
    if trigger == "OOO_DELETED":
        return [_name("ooo-gone", pcid, entry)]
    if user is None:
        return []
    first, last = about.get("start"), about.get("end")
    days = _days(pcid, user, first, last) if isinstance(first, str) and isinstance(last, str) else None
    return [days, _entry(pcid, user, entry) if entry is not None else None]


def _names_of_person(trigger: str, payload: dict[str, Any], pcid: str) -> list[str | None]:
    membership, user = mapping(payload.get("membership")), mapping(payload.get("user"))
    return [
        _name("member", pcid, membership.get("userId", user.get("id"))),
        _name("membership", pcid, membership.get("id")),
        _name("address", pcid, user.get("email")),
    ]


def _names_of_attribute(trigger: str, payload: dict[str, Any], pcid: str) -> list[str | None]:
    attribute = mapping(payload.get("attribute"))
    return [_name("attribute", pcid, attribute.get("id")), _name("slug", pcid, attribute.get("slug"))]


def _names_of_webhook(trigger: str, payload: dict[str, Any], pcid: str) -> list[str | None]:
    webhook = mapping(payload.get("webhook"))
    return [_name("webhook", pcid, webhook.get("id")), _name("url", pcid, webhook.get("urlDigest"))]


_OF_EVENT: Mapping[str, Callable[[str, dict[str, Any], str], list[str | None]]] = {
    "OOO": _names_of_absence,
    "MEMBER": _names_of_person,
    "USER": _names_of_person,
    "ATTRIBUTE": _names_of_attribute,
    "WEBHOOK": _names_of_webhook,
}


def _name(sort: str, pcid: str, value: object) -> str | None:
    """One name; None where there is nothing to name it by."""
    known = value.strip().lower() if isinstance(value, str) else _number(value)
    return f"{sort}:{pcid}:{known}" if known not in (None, "") and len(str(known)) <= 255 else None


def _days(pcid: str, user: int | None, first: str, last: str) -> str:
    return f"ooo:{pcid}:{user}:{first[:10]}:{last[:10]}"


def _entry(pcid: str, user: int | None, entry: int | None) -> str:
    return f"ooo:{pcid}:{user}:{entry}"


def _number(value: object) -> int | None:
    """A whole number, which an expression may give as 41.0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)
