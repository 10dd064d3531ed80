"""A store with a connection, and a Cal.com whose lists tests change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.unit.workers.rules.fakes import rule
from workers import reconcile
from workers.calcom import bookings as api
from workers.calcom.requests import Reply
from workers.calcom.tool import Tool
from workers.errors import DaybookError
from workers.gaps.parts import PARTS
from workers.looking import Report
from workers.rulebook import NOTHING, Live
from workers.rules.ruleset import RuleSet
from workers.store import connections, events, history, runs
from workers.store.connections import Connection, Kind
from workers.store.engine import Store
from workers.store.history import Filter
from workers.vault import Vault

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
OPTIONS = "cal_organizations_attributes_options_controller_get_organization_attribute_options"


@dataclass
class Calcom:
    """The lists by part; what an entry of `broken` holds is raised instead, or is the answer's data."""

    users: list[Any] = field(default_factory=list)
    memberships: list[Any] = field(default_factory=list)
    ooo: list[Any] = field(default_factory=list)
    attributes: list[Any] = field(default_factory=list)
    webhooks: list[Any] = field(default_factory=list)
    bookings: list[Any] = field(default_factory=list)
    options: dict[str, list[Any]] = field(default_factory=dict)
    broken: dict[str, Any] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)

    def call(self, tool: Tool | str, arguments: Mapping[str, Any] = {}, /) -> Reply:
        name = self._part(tool)
        self.called.append(name)
        if name in self.broken:
            broken = self.broken[name]
            if isinstance(broken, DaybookError):
                raise broken
            return Reply({"data": broken})
        if name == "options":
            return Reply({"data": self.options.get(arguments["attributeId"], [])})
        rows = getattr(self, name)
        if name == "bookings":
            rows = sorted(rows, key=lambda row: str(row["updatedAt"]))
            rows = [row for row in rows if row["updatedAt"] >= arguments["afterUpdatedAt"]]
        return Reply({"data": rows[arguments["skip"] : arguments["skip"] + arguments["take"]]})

    @staticmethod
    def _part(tool: Tool | str) -> str:
        if tool is api.LIST:
            return "bookings"
        return "options" if tool == OPTIONS else next(part.name for part in PARTS if part.tool == tool)


@dataclass
class Office:
    """An installation and its Cal.com; `look` goes on by an hour each time."""

    store: Store
    vault: Vault
    calcom: Calcom = field(default_factory=Calcom)
    now: datetime = START
    live: Live = NOTHING

    def look(self, *, after: timedelta = timedelta(hours=1), **more: Any) -> list[Report]:
        self.now += after
        return reconcile.reconcile(
            self.store,
            self.vault,
            lambda: self.live,
            now=lambda: self.now,
            reach=lambda pcid: contextlib.nullcontext(self.calcom),
            **more,
        )

    def found(self, **more: Any) -> list[str]:
        """The triggers of the events that a look finds."""
        return [str(event.trigger) for report in self.look(**more) for event in report.events]

    def events(self) -> list[dict[str, Any]]:
        """The history, oldest first, payloads included."""
        with self.store.read() as sql:
            rows = history.page(sql, Filter(), limit=100, oldest_first=True)
            return [events.whole(sql, row) for row in rows]

    def runs(self) -> list[Any]:
        with self.store.read() as sql:
            return list(runs.page(sql, runs.Filter(), limit=100))

    def rules(self, on: str, **more: str) -> None:
        """A rule that hears these triggers and does nothing."""
        also = "".join(f", {name}: {value!r}" for name, value in more.items())
        self.live = Live(RuleSet([rule(f"rules: [{{name: r, on: [{on}]{also}, do: [{{stop: x}}]}}]")]), {"r": uuid7()})


@pytest.fixture
def office(store: Store, vault: Vault) -> Office:
    with store.write() as sql:
        row = Connection("acme", Kind.CALCOM, "https://api.cal.example/v2", 4821, 0, START)
        connections.add(sql, vault, row, "")
    return Office(store, vault)


@pytest.fixture
def first(office: Office) -> Callable[[], None]:
    """The first look."""

    def look() -> None:
        assert office.found() == []

    return look


def user(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"User {number}", "email": f"u{number}@acme.example", "timeZone": "UTC", **more}


def membership(number: int, **more: Any) -> dict[str, Any]:
    person = {"name": f"User {number}", "email": f"u{number}@acme.example", "username": None}
    return {"id": 1000 + number, "userId": number, "role": "MEMBER", "accepted": True, "user": person, **more}


def absence(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "uuid": f"uuid-{number}", "userId": 41, "toUserId": None, "notes": None, "reason": "vacation",
        "start": "2026-12-21T00:00:00.000Z", "end": "2026-12-24T23:59:59.999Z", **more,
    }  # fmt: skip


def booking(uid: str, at: datetime, status: str = "accepted", **more: Any) -> dict[str, Any]:
    spelt = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": 7, "uid": uid, "status": status, "title": "Intro", "updatedAt": spelt, "createdAt": spelt,
        "start": "2026-12-01T10:00:00.000Z", "end": "2026-12-01T10:30:00.000Z", "eventType": {"id": 3, "slug": "intro"},
        "hosts": [{"id": 41, "name": "Maya", "email": "maya@acme.example", "timeZone": "Europe/London"}],
        "attendees": [{"name": "Priya", "email": "priya@example.net", "timeZone": "America/New_York"}], **more,
    }  # fmt: skip
