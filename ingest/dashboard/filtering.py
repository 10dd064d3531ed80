"""The form above a list, made of the parameters that the list takes: one field each, filled with what was asked.

What a parameter means, and whether a value is one, is said in `ingest.api.parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ingest.api.parameters import Parameter
from ingest.dashboard.page import Visit

#: options of a choice: where there are more, a value is typed
CHOICES = 100
#: characters of a value, and values of one name, that a page says again
_LONGEST, _MOST = 200, 20
#: what a field is called where its name does not say it
_LABELS = {
    "text": "Words",
    "email": "E-mail",
    "since": "Since",
    "until": "Until",
    "booking": "Booking uid",
    "event_type": "Event type",
    "host": "Host’s e-mail",
}
#: what may be written, where that is not plain
_HINTS = {"since": "24h or a date", "until": "1h or a date", "text": "title, name, notes", "status": "ACCEPTED …"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: a choice where `options` has any, else text. `kept`: further values, sent along as they are."""

    name: str
    label: str
    about: str
    hint: str
    value: str
    options: tuple[str, ...]
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One value of the filter, and the address without it."""

    label: str
    value: str
    without: str


def fields(visit: Visit, declared: Sequence[Parameter], options: Mapping[str, Sequence[str]]) -> list[Field]:
    """The fields in their order. `options`: what may be chosen where the parameter itself does not say it."""
    return [_field(visit, one, options.get(one.name) or one.schema.get("enum", ())) for one in declared]


def asked(visit: Visit, path: str, declared: Sequence[Parameter]) -> list[Asked]:
    """What of the filter is set."""
    pairs = query(visit, declared)[:_MOST]
    return [
        Asked(label(name), value[:_LONGEST], _address(path, [*pairs[:place], *pairs[place + 1 :]]))
        for place, (name, value) in enumerate(pairs)
    ]


def query(visit: Visit, declared: Sequence[Parameter]) -> list[tuple[str, str]]:
    """What of the query chooses, without its cursor and what it says of the page's look."""
    known = {one.name for one in declared}
    return [(name, value) for name, value in visit.query if name in known and value.strip()]


def export(path: str, visit: Visit, declared: Sequence[Parameter], **more: str) -> str:
    """The address of the API with the same filter."""
    return _address(path, [*query(visit, declared), *more.items()])


def label(name: str) -> str:
    """What people call a parameter."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _field(visit: Visit, one: Parameter, options: Sequence[str]) -> Field:
    given = [value.strip()[:_LONGEST] for name, value in visit.query if name == one.name and value.strip()][:_MOST]
    if len(options) > CHOICES:
        options = ()
    several = one.many and len(given) > 1
    value = "" if several or not given else given[-1]
    # a value that is no option any more stays, or sending the form again would lose it
    offered = tuple(options) if not options or not value or value in options else (value, *options)
    return Field(
        one.name, label(one.name), one.about, _HINTS.get(one.name, ""), value, offered, tuple(given) if several else ()
    )


def _address(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path
