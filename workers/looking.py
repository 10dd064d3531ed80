"""A look at one connection's Cal.com: what it works with, what it reports, and which picture counts. Values, and one
row of SQL. What is read and compared is `pictured`'s and `missed`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection as Sql

from workers.calcom.requests import Reply
from workers.calcom.tool import Tool
from workers.catalogue.event import Event
from workers.errors import DaybookError
from workers.rulebook import Live
from workers.store import pictures, search
from workers.store.connections import Connection
from workers.store.engine import Store
from workers.store.pictures import Look

#: a delivery may come for so long; what is younger is not missing yet
GRACE = timedelta(minutes=10)


class Caller(Protocol):
    """`calcom.client.Client`, as far as it is needed here."""

    def call(self, tool: Tool | str, arguments: Mapping[str, Any] = ..., /) -> Reply:
        """Cal.com's reply, or a DaybookError."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at one list found. `part` "": of the whole connection. `rows` were read, `skipped` of them without
    sense; `waiting` changes are not told yet. `later`: the look at the connection ended with it; the next one goes on.
    `failed`: Cal.com could not be reached, or refused the credential."""

    connection: str
    part: str
    rows: int = 0
    skipped: int = 0
    first: bool = False
    events: Sequence[Event] = ()
    waiting: int = 0
    problem: str | None = None
    later: bool = False
    failed: bool = False


class Unreadable(DaybookError):
    """A list is not one, or longer than what is compared."""


class Overtaken(DaybookError):
    """Another process looked at the same list meanwhile; what it saw counts."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a look works with."""

    store: Store
    live: Callable[[], Live]
    now: Callable[[], datetime]
    goes_on: Callable[[], None]
    dry_run: bool


def source(connection: Connection) -> str:
    """Whose lists they are."""
    return search.plain(f"{connection.kind} {connection.base_url} {connection.org_id}")


def pictured_at(connection: Connection, seen: Look | None) -> datetime | None:
    """When the picture was taken that counts; None where there is none, or one of another organization's list."""
    return seen.at if seen is not None and seen.source == source(connection) else None


def begin(sql: Sql, connection: Connection, name: str, seen: Look | None) -> Look:
    """Lock the look at a list, which is a new one where the source is. Raises Overtaken where it is not the one that
    was seen."""
    fresh = Look(connection.pcid, name, source(connection))
    if not pictures.begin(sql, seen, fresh):
        raise Overtaken
    return seen if seen is not None and seen.source == fresh.source else fresh
