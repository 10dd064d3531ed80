"""`daybook reconcile` against the sandbox: what was lost, and what is never sent, becomes events that rules hear."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from ingest.sandbox.seed import MAYA_ID, SOFIA_ID, STRANGER_ID
from tests.integration.registration.conftest import Daybook, Sandbox
from workers import missed, pictured, reconcile
from workers.actions.registry import kinds
from workers.looking import Report
from workers.rulebook import Rulebook
from workers.settings import load
from workers.store.engine import open_store
from workers.store.tables import connections
from workers.vault import open_vault

OOO = "cal_organizations_users_ooocontroller_"
MEMBERSHIPS = "cal_organizations_memberships_controller_"
BLOCK = f"""
rules:
  - name: block
    on: [BOOKING_CREATED]
    when: event.type == "intake-call"
    once_per: ${{{{ event.booking.uid }}}}
    do:
      - tool: {OOO}create_organization_user_ooo
        with: {{userId: "${{{{ event.organizer.id }}}}", start: "${{{{ event.start }}}}", end: "${{{{ event.end }}}}"}}
  - name: echoes
    on: [OOO_CREATED, MEMBER_ADDED]
    do: [{{stop: heard}}]
"""


def call(daybook: Daybook, tool: str, **arguments: Any) -> Any:
    """Somebody does something at Cal.com."""
    (done,) = daybook.json("tools", "call", tool, "--PCID", "acme", "--json-args", json.dumps(arguments))
    return done["data"]


def looked(daybook: Daybook, *words: str, status: int = 0) -> dict[str, dict[str, Any]]:
    """What the command prints, by part."""
    return {one["part"]: one for one in daybook.json("reconcile", *words, status=status)}


def found(daybook: Daybook, *words: str) -> list[str]:
    return [event["trigger"] for one in looked(daybook, *words).values() for event in one["events"]]


def at_once(daybook: Daybook) -> list[Report]:
    """A look to which nothing may be on its way any more."""
    settings = load({name: value for name, value in daybook.environ.items() if name.startswith("DAYBOOK_")})
    with contextlib.closing(open_store(settings.database)) as store, pytest.MonkeyPatch.context() as patch:
        for module in (missed, pictured):
            patch.setattr(module, "GRACE", timedelta(0))
        book = Rulebook(store, daybook.folder / "rules", kinds(settings))
        return reconcile.reconcile(store, open_vault(settings), book.live)


@pytest.fixture(autouse=True)
def _without_a_rate(daybook: Daybook) -> None:
    url = f"sqlite:///{daybook.folder / 'data' / 'daybook.db'}"
    with contextlib.closing(open_store(url)) as store, store.write() as sql:
        sql.execute(update(connections).values(per_minute=0))


def events(daybook: Daybook) -> list[dict[str, Any]]:
    return daybook.json("events", "list")


def test_the_first_look_is_silent_and_a_second_finds_nothing(daybook: Daybook) -> None:
    first = looked(daybook)
    assert {part: one["rows"] for part, one in first.items()} == {
        "users": 4, "memberships": 4, "ooo": 0, "attributes": 0, "webhooks": 0, "bookings": 0,
    }  # fmt: skip
    assert all(one["first"] for one in first.values())

    assert found(daybook) == []
    assert "nothing missing" in daybook.run("reconcile").stdout
    assert events(daybook) == []


def test_members_and_entries_that_changed_are_found_and_shown(daybook: Daybook) -> None:
    entries = [
        call(daybook, f"{OOO}create_organization_user_ooo", userId=who, start="2027-08-02", end="2027-08-06")
        for who in (MAYA_ID, SOFIA_ID)
    ]
    found(daybook)
    made = call(daybook, f"{MEMBERSHIPS}create_membership", userId=STRANGER_ID, role="MEMBER", accepted=True)
    call(daybook, f"{OOO}delete_organization_user_ooo", userId=SOFIA_ID, oooId=entries[1]["id"])
    call(daybook, f"{OOO}update_organization_user_ooo", userId=MAYA_ID, oooId=entries[0]["id"], notes="on the sea")

    assert found(daybook, "--dry-run") == ["MEMBER_ADDED", "OOO_DELETED"]
    assert found(daybook, "--connection", "acme") == ["MEMBER_ADDED", "OOO_DELETED"]
    assert [event.trigger for report in at_once(daybook) for event in report.events] == ["OOO_UPDATED"]
    call(daybook, f"{MEMBERSHIPS}delete_membership", membershipId=made["id"])
    assert "MEMBER_REMOVED Noah Whitlock" in daybook.run("reconcile").stdout

    told = events(daybook)
    assert [event["trigger"] for event in told] == ["MEMBER_REMOVED", "OOO_UPDATED", "OOO_DELETED", "MEMBER_ADDED"]
    assert {(event["kind"], event["delivery_id"]) for event in told} == {("synthetic", None)}
    shown = daybook.run("events", "show", told[2]["id"]).stdout
    assert "Sofia Lindqvist" in shown


def test_a_lost_delivery_is_found_and_the_rule_acts_once(
    daybook: Daybook, sandbox: Sandbox, eventually: Callable[..., None]
) -> None:
    (daybook.folder / "rules").mkdir()
    (daybook.folder / "rules" / "block.yaml").write_text(BLOCK)
    daybook.run("webhooks", "apply")
    at_once(daybook)
    sandbox.control("faults", deliveries=[{"kind": "drop", "trigger": "BOOKING_CREATED", "times": 9}])
    (uid,) = sandbox.control("emit", trigger="BOOKING_CREATED", wait=True)["uids"]

    told = [(one.trigger, one.booking and one.booking.uid) for each in at_once(daybook) for one in each.events]
    assert told == [("BOOKING_CREATED", uid)]
    assert [report for report in at_once(daybook) if report.events] == []
    with daybook.running("up"):

        def acted() -> bool:
            return bool(sandbox.look("effects", path="/ooo")["count"] == 1)

        eventually(acted, what="the rule's entry")
        eventually(lambda: len(events(daybook)) == 2, what="the entry's own event")
    assert [effect["times"] for effect in sandbox.look("effects", path="/ooo")["effects"]] == [1]
    assert [event["trigger"] for event in events(daybook)] == ["OOO_CREATED", "BOOKING_CREATED"]
    assert events(daybook)[0]["caused_by"] is not None
    assert [report for report in at_once(daybook) if report.events] == []


def test_a_key_that_may_not_is_told_list_by_list(daybook: Daybook) -> None:
    daybook.connect("cal_sandbox_member")

    reports = looked(daybook)
    assert {part for part, one in reports.items() if one["problem"] is None} == {"attributes"}
    assert "403" in reports["bookings"]["problem"]
    assert "could not be read" in daybook.run("reconcile").stdout


def test_a_connection_that_cannot_be_reached_is_status_1(daybook: Daybook) -> None:
    daybook.connect("cal_nobodys")

    assert looked(daybook, status=1)["users"]["failed"]
    assert daybook.error("reconcile", "--connection", "nobody")["kind"] == "not_found"
