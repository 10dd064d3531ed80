"""What an event says of a change that was found: people, words and payload. Pure.

An out-of-office entry is told as Cal.com tells it (`oooEntry`), so that a rule reads both alike. Beside what changed
the payload has how it was before, and between which two looks it happened: more than that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.catalogue.event import Event, Kind, Person
from workers.catalogue.fields import address, label, mapping, number
from workers.catalogue.mask import mask_text
from workers.catalogue.times import instant
from workers.gaps import compare
from workers.gaps.compare import Change
from workers.gaps.parts import ABSENCES, ATTRIBUTES, MEMBERSHIPS, USERS, WEBHOOKS, Document, Part

#: the reasons of the API, as deliveries word them
_REASONS = {"sick": "ooo_reasons_sick_leave"}


@dataclass(frozen=True, slots=True)
class Looked:
    """The looks before and after the change. `since` None: there was none before."""

    since: datetime | None
    at: datetime


#: of a user's id the fields of that user that are known
People = Callable[[int], Mapping[str, Any]]


def trigger(part: Part, change: Change) -> str:
    """The event's trigger."""
    kinds = {
        compare.Kind.ADDED: part.added,
        compare.Kind.CHANGED: part.changed,
        compare.Kind.REMOVED: part.removed,
    }
    return kinds[change.kind]


def event(part: Part, change: Change, people: People, looked: Looked) -> Event:
    """The event of a change. `people` knows the organization's users."""
    document = change.now if change.now is not None else change.before or {}
    made = _SAID[part.name](change.key, document, people)
    payload = {
        **made.payload,
        "before": dict(change.before) if change.before is not None else None,
        "changed": list(change.fields),
        "found": found(part.name, looked),
    }
    return Event(
        kind=Kind.SYNTHETIC,
        trigger=trigger(part, change),
        title=mask_text(made.title) if made.title else None,
        type=made.type,
        start=made.start,
        end=made.end,
        organizer=made.hosts[0] if made.hosts else None,
        hosts=made.hosts,
        notes=mask_text(made.notes) if made.notes else None,
        payload=payload,
    )


def found(part: str, looked: Looked) -> dict[str, Any]:
    """Where and between which looks something was found, as it stands in a payload."""
    return {"in": part, "since": spelt(looked.since) if looked.since else None, "at": spelt(looked.at)}


def spelt(moment: datetime) -> str:
    """An aware UTC instant as ISO text: milliseconds, Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class _Said:
    title: str | None
    payload: dict[str, Any]
    hosts: tuple[Person, ...] = ()
    type: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    notes: str | None = None


def _absence(key: str, document: Document, people: People) -> _Said:
    user, stand_in = (_named(document.get(name), people) for name in ("userId", "toUserId"))
    reason = label(document.get("reason"))
    worded = _REASONS.get(reason, f"ooo_reasons_{reason}") if reason is not None else None
    entry = {
        "id": identity(key),
        "uuid": document.get("uuid"),
        "start": document.get("start"),
        "end": document.get("end"),
        "notes": document.get("notes"),
        "reason": {"reason": worded} if worded is not None else None,
        "user": user,
        "toUser": stand_in,
    }
    who = tuple(person for person in map(_person, (user, stand_in)) if person is not None)
    name = (user or {}).get("name") or (user or {}).get("email")
    return _Said(
        f"Out of office: {name}" if name else "Out of office",
        {"oooEntry": entry},
        who,
        type=worded,
        start=instant(document.get("start")),
        end=instant(document.get("end")),
        notes=label(document.get("notes"), 10_000),
    )


def _membership(key: str, document: Document, people: People) -> _Said:
    told = mapping(document.get("user"))
    user = {**(_named(document.get("userId"), people) or {}), **{k: v for k, v in told.items() if v is not None}}
    membership = {"id": identity(key), **{name: value for name, value in document.items() if name != "user"}}
    return _Said(
        _title(user), {"membership": membership, "user": user or None}, _only(user), label(document.get("role"))
    )


def _user(key: str, document: Document, people: People) -> _Said:
    user = {"id": identity(key), **document}
    return _Said(_title(user), {"user": user}, _only(user))


def _attribute(key: str, document: Document, people: People) -> _Said:
    attribute = {"id": identity(key), **document}
    return _Said(label(document.get("name")), {"attribute": attribute}, type=label(document.get("type")))


def _webhook(key: str, document: Document, people: People) -> _Said:
    return _Said(label(document.get("url")), {"webhook": {"id": identity(key), **document}})


_SAID: Mapping[str, Callable[[str, Document, People], _Said]] = {
    ABSENCES.name: _absence,
    MEMBERSHIPS.name: _membership,
    USERS.name: _user,
    ATTRIBUTES.name: _attribute,
    WEBHOOKS.name: _webhook,
}


def identity(key: str) -> int | str:
    """An id as Cal.com has it: the keys of a picture are text."""
    return int(key) if key.isdecimal() and len(key) < 16 else key


def _named(user_id: object, people: People) -> dict[str, Any] | None:
    known = number(user_id)
    return None if known is None else {"id": known, **people(known)}


def _only(user: Mapping[str, Any]) -> tuple[Person, ...]:
    person = _person(user)
    return (person,) if person is not None else ()


def _person(user: Mapping[str, Any] | None) -> Person | None:
    if not user:
        return None
    return Person(
        id=number(user.get("id")),
        name=label(user.get("name")),
        email=address(user.get("email")),
        time_zone=label(user.get("timeZone")),
        username=label(user.get("username")),
    )


def _title(user: Mapping[str, Any]) -> str | None:
    return label(user.get("name")) or label(user.get("email")) or label(user.get("username"))
