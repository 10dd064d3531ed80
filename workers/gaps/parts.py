"""The lists that are compared, and of each row the few fields that count. Any row gives facts or none, and no error.

Of a webhook's URL only where it leads is kept, and a digest of all of it: what follows the host lets anyone post.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from workers.calcom import attributes, memberships, ooo, users, webhooks
from workers.catalogue.bodies import decode
from workers.catalogue.fields import address, flag, identifier, label, mapping, number

#: characters of a text that is kept, and items of a list
_TEXT, _ITEMS = 2_000, 200

#: the fields of a row that are kept, as JSON
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """A row: by which key it is known again, and its document. A field that the row did not have is not in it."""

    key: str
    document: Document


@dataclass(frozen=True, slots=True)
class Part:
    """One list. `unsaid` are fields of a document whose change is nobody's news: another part tells it."""

    name: str
    tool: str
    about: str
    fact: Callable[[Mapping[str, Any]], Fact | None]
    added: str
    changed: str
    removed: str
    unsaid: frozenset[str] = frozenset()


def storable(rows: list[Any]) -> list[Any]:
    """JSON of Cal.com's as both databases take it."""
    document = decode(json.dumps({"rows": rows}).encode()) or {}
    found = document.get("rows")
    return found if isinstance(found, list) else []


def _picked(row: Mapping[str, Any], **readers: Callable[[Any], Any]) -> Document:
    return {name: read(row[name]) for name, read in readers.items() if name in row}


def _key(row: Mapping[str, Any]) -> str | None:
    found = row.get("id")
    return str(found) if number(found) is not None else identifier(found)


def _fact(row: Mapping[str, Any], document: Document) -> Fact | None:
    key = _key(row)
    return Fact(key, document) if key is not None else None


def _text(value: object) -> str | None:
    return label(value, _TEXT)


def _person(value: object) -> Document:
    return _picked(mapping(value), name=label, email=address, username=label)


def _of_user(row: Mapping[str, Any]) -> Fact | None:
    return _fact(row, _picked(row, name=label, email=address, username=label, timeZone=label))


def _of_membership(row: Mapping[str, Any]) -> Fact | None:
    return _fact(
        row,
        _picked(
            row, userId=number, role=label, customRoleId=label, accepted=flag, disableImpersonation=flag,
            attributes=_held, user=_person,
        ),
    )  # fmt: skip


def _held(value: object) -> list[list[str | None]]:
    """The options that a member has, in an order of ours: attribute's id and name, option's id and value."""
    found = []
    for one in _objects(value):
        options = one.get("options")
        for option in _objects(options) if isinstance(options, list) else [one]:
            said = option.get("option")
            value_of = label(said) if isinstance(said, str) else json.dumps(said)[:_TEXT]
            found.append(
                [identifier(one.get("id")), label(one.get("name")), identifier(option.get("optionId")), value_of]
            )
    return sorted(found, key=json.dumps)


def _of_absence(row: Mapping[str, Any]) -> Fact | None:
    return _fact(
        row,
        _picked(
            row, userId=number, toUserId=number, start=label, end=label, notes=_text, reason=label, uuid=identifier
        ),
    )


def _of_attribute(row: Mapping[str, Any]) -> Fact | None:
    return _fact(row, _picked(row, name=label, slug=label, type=label, enabled=flag, options=_options))


def _options(value: object) -> list[list[str | None]]:
    found = [[identifier(one.get("id")), label(one.get("value")), label(one.get("slug"))] for one in _objects(value)]
    return sorted(found, key=json.dumps)


def _of_webhook(row: Mapping[str, Any]) -> Fact | None:
    document = _picked(row, active=flag, triggers=_names, payloadTemplate=_digest)
    if "subscriberUrl" in row:
        document |= {"url": _leads_to(row["subscriberUrl"]), "urlDigest": _digest(row["subscriberUrl"])}
    return _fact(row, document)


def _names(value: object) -> list[str]:
    found = [label(one) for one in value[:_ITEMS]] if isinstance(value, list) else []
    return sorted({one for one in found if one is not None})


def _digest(value: object) -> str | None:
    return digest(value) if isinstance(value, str) and value else None


def digest(text: str) -> str:
    """By which a text is known again that is not kept."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _leads_to(url: object) -> str | None:
    try:
        parts = urlsplit(str(url))
        return label(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    except ValueError:
        return None


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value[:_ITEMS] if isinstance(one, dict)] if isinstance(value, list) else []


USERS = Part(
    "users",
    f"{users.PREFIX}get_organizations_users",
    "users",
    _of_user,
    "USER_ADDED",
    "USER_CHANGED",
    "USER_REMOVED",
)
MEMBERSHIPS = Part(
    "memberships",
    f"{memberships.PREFIX}get_all_memberships",
    "memberships",
    _of_membership,
    "MEMBER_ADDED",
    "MEMBER_CHANGED",
    "MEMBER_REMOVED",
    frozenset({"user"}),
)
ABSENCES = Part(
    "ooo",
    f"{ooo.PREFIX}get_organization_users_ooo",
    "out-of-office entries",
    _of_absence,
    "OOO_CREATED",
    "OOO_UPDATED",
    "OOO_DELETED",
    frozenset({"uuid"}),
)
ATTRIBUTES = Part(
    "attributes",
    f"{attributes.PREFIX}get_organization_attributes",
    "attributes",
    _of_attribute,
    "ATTRIBUTE_ADDED",
    "ATTRIBUTE_CHANGED",
    "ATTRIBUTE_REMOVED",
)
WEBHOOKS = Part(
    "webhooks",
    f"{webhooks.PREFIX}get_all_organization_webhooks",
    "webhooks",
    _of_webhook,
    "WEBHOOK_ADDED",
    "WEBHOOK_CHANGED",
    "WEBHOOK_REMOVED",
)
#: in the order in which they are read the first time: what is said of an entry or a membership names its user
PARTS = (USERS, MEMBERSHIPS, ABSENCES, ATTRIBUTES, WEBHOOKS)
