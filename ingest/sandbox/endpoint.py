"""One endpoint of the API as a value, and one call of it. The controllers are tables of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest.sandbox.envelopes import nest
from ingest.sandbox.state import Organization, User, World
from ingest.sandbox.validation import Field, Rule, Shape, checked

#: bounded, for Python refuses to read a number of thousands of digits
_INTEGER = re.compile(r"-?[0-9]{1,300}")
#: path parameters that are numbers; the others are UUIDs and taken as they come
_NUMBERS = ("orgId", "userId", "membershipId", "managedOrganizationId", "oooId")


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event that a call causes."""

    trigger: str
    payload: dict[str, object]


@dataclass(slots=True)
class Call:
    """What a handler is given. `body` holds only known, checked fields; what it announces is sent afterwards."""

    world: World
    org: Organization
    caller: User
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    now: datetime
    body: dict[str, Any] = field(default_factory=dict)
    announcements: list[Announcement] = field(default_factory=list)

    def number(self, name: str) -> int:
        """A path parameter as Nest's ParseIntPipe reads it."""
        return parse_int(self.path[name])

    def text(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else None

    def choice(self, name: str, *allowed: str) -> str | None:
        """A query parameter out of `allowed`. Raises the validator's 400."""
        rule = Rule("isEnum", f"$p must be one of: {', '.join(allowed)}", lambda v: v in allowed)
        choice: str | None = checked(self._plain_query(), {name: Field((rule,))}).get(name)
        return choice

    def page(self, most: int = 250) -> slice:
        """`take` (1 to `most`, default 250) and `skip` as a slice. Raises the validator's 400."""
        plain = self._plain_query()
        numbers = {
            name: int(plain[name]) if _INTEGER.fullmatch(str(plain[name])) else plain[name]
            for name in ("take", "skip")
            if name in plain
        }
        page = checked(plain | numbers, {"take": _between(1, most), "skip": _between(0, None)})
        skip = page.get("skip", 0)
        return slice(skip, skip + page.get("take", 250))

    def _plain_query(self) -> dict[str, Any]:
        """The query as Express hands it over: a key that is repeated is a list."""
        return {k: v[0] if len(v) == 1 else v for k, v in self.query.items()}


def parse_int(text: str) -> int:
    """As Nest's ParseIntPipe. Raises its 400."""
    if not _INTEGER.fullmatch(text):
        raise nest(400, "Validation failed (numeric string is expected)")
    return int(text)


def _between(least: int, most: int | None) -> Field:
    rules = [
        Rule("isNumber", "$p must be an integer number", lambda v: isinstance(v, int)),
        Rule("min", f"$p must not be less than {least}", lambda v: isinstance(v, int) and v >= least),
    ]
    if most is not None:
        rules.append(Rule("max", f"$p must not be greater than {most}", lambda v: isinstance(v, int) and v <= most))
    return Field(tuple(rules))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path under `/v2`, who may call it, and the function that answers.

    `answer` returns what goes into `data`, or a `Paged`. `guards` run before the body is looked at, as Nest's do.
    """

    method: str
    path: str
    answer: Callable[[Call], object]
    role: str = "ADMIN"
    guards: tuple[Callable[[Call], object], ...] = ()
    body: Shape | None = None
    #: True: only a platform organization may call it
    platform: bool = False
    #: milliseconds between two calls of this endpoint, and the suffix of its own rate limit headers
    own_limit: tuple[int, str] | None = None

    @property
    def status(self) -> int:
        """POST answers 201, everything else 200: DELETE too, with the deleted object."""
        return 201 if self.method == "POST" else 200

    def check_path(self, path: Mapping[str, str]) -> None:
        """Raises the 400 of a path parameter that should be a number and is not."""
        for name in _NUMBERS:
            if name in path:
                parse_int(path[name])


@dataclass(frozen=True, slots=True)
class Paged:
    """Data with a `pagination` object beside it."""

    data: object
    pagination: dict[str, object]
