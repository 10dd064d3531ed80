"""Who an event names: organizer, hosts, attendees. Not who of them belongs to the organization.

E-mail addresses keep Cal.com's spelling; whoever compares them folds case. No function here raises.
"""

from __future__ import annotations

from typing import Any

from workers.catalogue.event import Kind, Person
from workers.catalogue.fields import address, flag, label, looks_like_an_address, mapping, number

#: People taken from one list. Cal.com allows 1,000 seats; the payload keeps whoever comes after.
MOST = 1_000

#: Keys of a routing form's answer that can only be the person's name; the form's author chose them.
_NAME_KEYS = ("name", "full_name", "fullname", "your_name")


def organizer(payload: dict[str, Any], *, trigger: str | None = None) -> Person | None:
    """Who the event's booking, entry or failure belongs to.

    At `organizer`; in a meeting's flat row at `user`, `userId` and `userPrimaryEmail` (back-filled rows
    have no `user`); `hostEmail` of a host's no-show; `report.host`; `oooEntry.user`; `user` of a delegation
    credential.
    """
    found = _user(payload.get("organizer"))
    if found is not None:
        return found
    found = _user(mapping(payload.get("oooEntry")).get("user")) or _user(mapping(payload.get("report")).get("host"))
    if found is not None:
        return found
    # `noShowHost` is about the booking's owner and read before it is set; `hostEmail` is the absent host.
    absent = True if trigger == "AFTER_HOSTS_CAL_VIDEO_NO_SHOW" else flag(payload.get("noShowHost"))
    host = address(payload.get("hostEmail"))
    if host is not None:
        return Person(email=host, no_show=absent)
    return _row_owner(payload)


def hosts(payload: dict[str, Any], organizer: Person | None) -> tuple[Person, ...]:
    """Everyone on the inviting side, the organizer first, each once.

    After the organizer: the team's members, hosts added by a reassignment (ids only), who stands in for
    someone out of office, and who reported a wrong assignment or should have got it.
    """
    report = mapping(payload.get("report"))
    found = [organizer]
    found.extend(_user(member) for member in _items(mapping(payload.get("team")).get("members")))
    found.extend(Person(id=n) for n in map(number, _items(payload.get("addedHostUserIds"))) if n is not None)
    found.append(_user(mapping(payload.get("oooEntry")).get("toUser")))
    found.append(_user(report.get("reportedBy")))
    found.append(_somebody(report.get("correctAssignee")))
    return _each_once(found)


def attendees(payload: dict[str, Any], kind: Kind) -> tuple[Person, ...]:
    """Everyone on the invited side, in Cal.com's order.

    At `attendees`, else `guests`; `report.guest`; else whoever answered: `responses.email`, `.name` and
    `.guests` of a booking (back-filled meetings and instant meetings have nothing more), any e-mail address
    among a routing form's answers.
    """
    for key in ("attendees", "guests"):
        invited = [person for person in map(_attendee, _items(payload.get(key))) if person is not None]
        if invited:
            return tuple(invited)
    guest = _somebody(mapping(payload.get("report")).get("guest"))
    if guest is not None:
        return (guest,)
    responses = mapping(payload.get("responses"))
    if not responses:
        return ()
    return _form_responders(responses) if kind is Kind.FORM else _booker_and_guests(responses)


def answer(responses: dict[str, Any], key: str) -> Any:
    """What was answered under a key, None if nothing: a raw value or `{label, value?}`, by path."""
    found = responses.get(key)
    return found.get("value") if type(found) is dict and "value" in found else found


def _user(value: object) -> Person | None:
    """A user of Cal.com; None unless something names him."""
    if type(value) is not dict:
        return None
    person = Person(
        id=number(value.get("id")),
        name=_name(value),
        email=address(value.get("email")),
        time_zone=label(value.get("timeZone")),
        username=label(value.get("username")),
        no_show=flag(value.get("noShow")),
    )
    return person if _is_named(person) else None


def _attendee(value: object) -> Person | None:
    """An attendee, without id: the one some paths send is a row's number and would pass for a user's."""
    if type(value) is not dict:
        return _somebody(value) if looks_like_an_address(value) else None
    name = _name(value)
    email = address(value.get("email"))
    if name is None and email is None:
        return None
    return Person(
        name=name,
        email=email,
        time_zone=label(value.get("timeZone")),
        no_show=flag(value.get("noShow")),
    )


def _somebody(value: object) -> Person | None:
    """Someone named by one string, an e-mail address or a name, or by an object."""
    if looks_like_an_address(value):
        return Person(email=address(value))
    if type(value) is str:
        name = label(value)
        return Person(name=name) if name else None
    return _user(value)


def _row_owner(payload: dict[str, Any]) -> Person | None:
    """The owner of a flat row, or the user a delegation credential failed for."""
    user = mapping(payload.get("user"))
    person = Person(
        id=number(payload.get("userId") if "userId" in payload else user.get("id")),
        name=_name(user),
        email=address(user.get("email")) or address(payload.get("userPrimaryEmail")),
        time_zone=label(user.get("timeZone")),
        username=label(user.get("username")),
        no_show=flag(payload.get("noShowHost")),
    )
    return person if _is_named(person) else None


def _is_named(person: Person) -> bool:
    return any(mark is not None for mark in (person.id, person.email, person.name, person.username))


def _name(value: dict[str, Any]) -> str | None:
    """A whole name, or one put together; some paths send `firstName` and `lastName`, sometimes blank."""
    name = label(value.get("name"))
    if name is not None:
        return name
    parts = (label(value.get("firstName")), label(value.get("lastName")))
    return label(" ".join(part for part in parts if part))


def _booker_and_guests(responses: dict[str, Any]) -> tuple[Person, ...]:
    given = answer(responses, "name")
    name = _name(given) if type(given) is dict else label(given)
    email = address(answer(responses, "email"))
    booker = Person(name=name, email=email) if name or email else None
    guests = (_somebody(guest) for guest in _items(answer(responses, "guests")) if looks_like_an_address(guest))
    return _each_once([booker, *guests])


def _form_responders(responses: dict[str, Any]) -> tuple[Person, ...]:
    found: list[Person | None] = []
    for key in list(responses)[:MOST]:
        given = answer(responses, key)
        values = _items(given) if type(given) is list else [given]
        found.extend(Person(email=address(value)) for value in values if looks_like_an_address(value))
    people = _each_once(found)
    if len(people) != 1:  # with two addresses there is no telling whose the name is
        return people
    names = (label(answer(responses, key)) for key in _NAME_KEYS)
    return (Person(name=next((name for name in names if name), None), email=people[0].email),)


def _each_once(people: list[Person | None]) -> tuple[Person, ...]:
    """The people there are, without those whose id or e-mail address came before."""
    found: list[Person] = []
    seen: set[int | str] = set()
    for person in people:
        if person is None:
            continue
        marks = {mark for mark in (person.id, person.email and person.email.casefold()) if mark is not None}
        if seen.isdisjoint(marks):
            found.append(person)
        seen |= marks
    return tuple(found[:MOST])


def _items(value: object) -> list[Any]:
    return value[:MOST] if type(value) is list else []
