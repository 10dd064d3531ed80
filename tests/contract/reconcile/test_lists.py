"""Lists against their last picture: what is told, once, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.reconcile.conftest import Calcom, Office, absence, membership, user
from workers import pictured, reconcile
from workers.catalogue.event import Event, Kind
from workers.errors import CalcomUnavailable, Forbidden, NotFound, RateLimited, Unauthorized
from workers.record import Found, record
from workers.store import connections, pictures
from workers.store.connections import Connection

MINUTES = timedelta(minutes=1)


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows a page."""
    monkeypatch.setattr(pictured, "_TAKE", 3)


def filled() -> Calcom:
    return Calcom(
        users=[user(41), user(42)],
        memberships=[membership(41), membership(42)],
        ooo=[absence(1)],
        attributes=[{"id": "a-1", "name": "Region", "slug": "region", "type": "SINGLE_SELECT", "enabled": True}],
        options={"a-1": [{"id": "o-1", "value": "North", "slug": "north"}]},
        webhooks=[
            {"id": "w-1", "subscriberUrl": "https://hooks.example/in/TOKEN", "active": True, "secret": "s3cret",
             "triggers": ["BOOKING_CREATED"]},
        ],
    )  # fmt: skip


def test_the_first_look_tells_nothing_and_a_second_finds_nothing(office: Office) -> None:
    office.calcom = filled()

    first, second = office.look(), office.look()
    assert all(report.first for report in first)
    assert [report.rows for report in first] == [2, 2, 1, 1, 1, 0]
    assert not any(report.first or report.events or report.problem for report in second)
    assert office.events() == []


def test_a_member_who_came_changed_or_went_is_an_event_each(office: Office, first: Callable[[], None]) -> None:
    office.calcom = filled()
    first()
    office.rules("MEMBER_ADDED, MEMBER_CHANGED, MEMBER_REMOVED", when="event.payload.membership.userId > 40")
    office.calcom.memberships = [membership(41, role="ADMIN"), membership(43)]

    assert office.found() == ["MEMBER_CHANGED", "MEMBER_ADDED", "MEMBER_REMOVED"]
    assert office.found() == []
    changed, added, removed = office.events()
    assert (changed["kind"], changed["connection"], changed["delivery_id"]) == ("synthetic", "acme", None)
    assert changed["payload"]["changed"] == ["role"]
    assert (changed["payload"]["before"]["role"], changed["payload"]["membership"]["role"]) == ("MEMBER", "ADMIN")
    assert (added["organizer"]["id"], added["organizer"]["email"]) == (43, "u43@acme.example")
    assert removed["payload"]["membership"]["id"] == 1042
    assert removed["payload"]["found"] == {
        "in": "memberships", "since": "2026-11-25T10:00:00.000Z", "at": "2026-11-25T11:00:00.000Z",
    }  # fmt: skip
    assert len(office.runs()) == 3


def test_an_attribute_of_a_member_is_a_change_of_the_membership(office: Office, first: Callable[[], None]) -> None:
    office.calcom.memberships = [membership(41, attributes=[])]
    first()
    held = {"id": "a-1", "name": "Region", "type": "singleSelect", "option": "North", "optionId": "o-1"}
    office.calcom.memberships = [membership(41, attributes=[held])]

    assert office.found() == ["MEMBER_CHANGED"]
    assert office.events()[0]["payload"]["changed"] == ["attributes"]


def test_users_attributes_their_options_and_webhooks_are_compared_too(
    office: Office, first: Callable[[], None]
) -> None:
    office.calcom = filled()
    first()
    office.calcom.users[0] = user(41, timeZone="Europe/Madrid")
    office.calcom.options["a-1"].append({"id": "o-2", "value": "South", "slug": "south"})
    office.calcom.webhooks[0] |= {"active": False, "secret": "other"}

    assert office.found() == ["USER_CHANGED", "ATTRIBUTE_CHANGED", "WEBHOOK_CHANGED"]
    assert office.events()[2]["payload"]["changed"] == ["active"]


def test_no_secret_and_no_token_of_a_webhook_is_kept_or_told(office: Office, first: Callable[[], None]) -> None:
    office.calcom = filled()
    first()
    office.calcom.webhooks = []
    assert office.found() == ["WEBHOOK_REMOVED"]

    with office.store.read() as sql:
        kept = str(pictures.rows(sql, "acme", "webhooks")) + str(office.events())
    assert "hooks.example" in kept
    assert "TOKEN" not in kept
    assert "s3cret" not in kept


def test_an_entry_that_was_edited_and_one_taken_away_are_told(office: Office, first: Callable[[], None]) -> None:
    office.calcom.users = [user(41)]
    office.calcom.ooo = [absence(1), absence(2)]
    first()
    office.calcom.ooo = [absence(1, notes="longer", end="2026-12-28T23:59:59.999Z")]

    assert office.found() == ["OOO_DELETED"]
    assert office.found() == ["OOO_UPDATED"]  # its OOO_CREATED might have come until then
    gone, edited = office.events()
    assert gone["payload"]["oooEntry"]["id"] == 2
    assert (edited["type"], edited["end"]) == ("ooo_reasons_vacation", "2026-12-28T23:59:59.999Z")
    assert edited["organizer"]["email"] == "u41@acme.example"
    assert edited["title"] == "Out of office: User 41"
    assert edited["payload"]["changed"] == ["end", "notes"]


def test_an_entry_whose_delivery_is_lost_is_told_when_it_can_come_no_more(
    office: Office, first: Callable[[], None]
) -> None:
    first()
    office.rules("OOO_CREATED", once_per="${{ event.payload.oooEntry.id }}")
    office.calcom.ooo = [absence(5)]

    assert office.found() == []
    assert office.found(after=5 * MINUTES) == []
    assert office.found(after=5 * MINUTES) == ["OOO_CREATED"]
    assert office.found() == []
    assert len(office.runs()) == 1


def tell(office: Office, entry: dict[str, Any]) -> None:
    """Cal.com tells of an entry, made or edited."""
    payload = {"oooEntry": {**entry, "user": {"id": entry["userId"]}}}
    with office.store.write() as sql:
        told = Event(kind=Kind.OOO, trigger="OOO_CREATED", payload=payload)
        record(sql, office.live, [Found(told, "acme")], now=office.now)


def test_what_cal_com_told_of_an_entry_is_not_told_again(office: Office, first: Callable[[], None]) -> None:
    office.calcom.ooo = [absence(1)]
    first()
    office.calcom.ooo = [absence(1, end="2026-12-28T23:59:59.999Z"), absence(2)]
    tell(office, absence(1, end="2026-12-28T23:59:59.999+00:00"))
    assert office.found() == []
    tell(office, absence(2))  # it comes while the change waits

    assert office.found() == []
    assert office.found() == []
    assert [event["trigger"] for event in office.events()] == ["OOO_CREATED"] * 2


def test_an_entry_that_is_over_may_go(office: Office, first: Callable[[], None]) -> None:
    office.calcom.ooo = [absence(1, start="2026-11-20T00:00:00.000Z", end="2026-11-24T23:59:59.999Z")]
    first()
    office.calcom.ooo = []

    assert office.found() == []


@pytest.mark.usefixtures("short_pages")
def test_half_a_list_looks_like_nothing_gone(office: Office, first: Callable[[], None]) -> None:
    office.calcom.memberships = [membership(number) for number in range(1, 5)]
    first()
    for broken in ("garbage", None, {"id": 1}, CalcomUnavailable("cut off")):
        office.calcom.broken = {"memberships": broken}
        report = next(report for report in office.look() if report.part == "memberships")
        assert report.problem
        assert report.failed == isinstance(broken, CalcomUnavailable)
    office.calcom.broken = {}

    assert office.found() == []


@pytest.mark.usefixtures("short_pages")
def test_what_went_from_a_list_of_several_pages_is_looked_for_again(office: Office, first: Callable[[], None]) -> None:
    office.calcom.memberships = [membership(number) for number in range(1, 5)]
    first()
    seen = office.calcom.memberships
    office.calcom.memberships = seen[1:]
    assert office.found() == []
    office.calcom.memberships = seen
    assert office.found() == []
    office.calcom.memberships = seen[1:]

    assert office.found() == []
    assert office.found() == ["MEMBER_REMOVED"]


def test_a_list_that_is_suddenly_empty_is_looked_at_again(office: Office, first: Callable[[], None]) -> None:
    office.calcom.users = [user(number) for number in range(10)]
    first()
    office.calcom.users = []

    assert office.found() == []
    assert office.found() == ["USER_REMOVED"] * 10


def test_rows_without_sense_are_counted_and_nothing_is_taken_for_gone(
    office: Office, first: Callable[[], None]
) -> None:
    office.calcom.users = [user(41), user(42), user(43)]
    first()
    office.calcom.users = [None, 7, {"id": True}, {"name": "nobody"}, {"id": 41, "name": "A\x00\ud800B", "email": 3}]

    report = office.look()[0]
    assert (report.skipped, [event.trigger for event in report.events]) == (4, ["USER_CHANGED"])
    assert office.events()[0]["title"] == "A��B"


def test_a_field_that_an_answer_leaves_out_is_no_change(office: Office, first: Callable[[], None]) -> None:
    office.calcom.users = [user(41)]
    first()
    office.calcom.users = [{"id": 41}]
    assert office.found() == []
    office.calcom.users = [user(41, name="New")]

    assert office.found() == ["USER_CHANGED"]


def test_a_dry_run_finds_and_writes_nothing(office: Office, first: Callable[[], None]) -> None:
    office.calcom = filled()
    assert all(report.first for report in office.look(dry_run=True))
    first()
    office.calcom.users = [user(41)]

    assert office.found(dry_run=True) == ["USER_REMOVED"]
    assert office.events() == []
    assert office.found() == ["USER_REMOVED"]


def test_a_crash_between_picture_and_events_leaves_neither(
    office: Office, first: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.calcom.users = [user(41)]
    first()
    office.calcom.users = [user(41), user(42)]

    def crash(*args: Any, **more: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pictured, "record", crash)
        with pytest.raises(KeyboardInterrupt):
            office.look()
    assert office.events() == []
    assert office.found() == ["USER_ADDED"]
    assert office.found() == []


@pytest.mark.usefixtures("short_pages")
def test_two_who_look_at_once_tell_it_once(office: Office, first: Callable[[], None]) -> None:
    office.calcom.users = [user(41)]
    first()
    office.calcom.users = [user(number) for number in range(41, 46)]  # a second page: it is asked in between
    looks = iter([office.look])

    def meanwhile() -> None:  # the first time it is asked, another looks
        for look in looks:
            look()

    overtaken = office.look(goes_on=lambda: None if office.calcom.called[-1:] != ["users"] else meanwhile())
    assert "Another process" in str(overtaken[0].problem)
    assert len(office.events()) == 4


def test_without_budget_it_ends_and_goes_on_with_what_is_left(office: Office) -> None:
    office.calcom = filled()
    office.calcom.broken = {"ooo": RateLimited("no budget", after=30)}
    assert [report.part for report in office.look()] == ["users", "memberships", "ooo"]
    assert office.look()[0].part == "ooo"
    office.calcom.broken = {}

    assert [report.part for report in office.look()] == [
        "ooo", "attributes", "webhooks", "bookings", "users", "memberships",
    ]  # fmt: skip


def test_a_list_that_the_key_may_not_read_is_told_and_the_others_go_on(office: Office) -> None:
    office.calcom = filled()
    office.calcom.broken = {"attributes": Forbidden("too weak", status=403)}

    reports = {report.part: report for report in office.look()}
    assert reports["attributes"].problem == "too weak"
    assert len(reports) == 6
    with office.store.read() as sql:
        assert pictures.every(sql, "acme")["attributes"].problem == "too weak"
    office.calcom.broken = {}
    office.look()
    with office.store.read() as sql:
        assert pictures.every(sql, "acme")["attributes"].problem is None


def test_a_credential_that_is_refused_ends_the_connections_look(office: Office) -> None:
    office.calcom.broken = {"users": Unauthorized("refused", status=401)}

    (report,) = office.look()
    assert (report.part, report.failed) == ("users", True)


def test_a_list_that_cal_com_cannot_answer_is_no_reason_to_leave_the_others(office: Office) -> None:
    office.calcom.broken = {"users": CalcomUnavailable("503", status=503)}

    reports = office.look()
    assert [(report.part, report.failed) for report in reports][:2] == [("users", True), ("memberships", False)]
    assert len(reports) == 6


def test_many_changes_are_told_a_few_at_a_time_and_a_crash_in_between_tells_each_once(
    office: Office, first: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictured, "_AT_ONCE", 2)
    first()
    office.calcom.users = [user(number) for number in range(5)]
    since = f"{office.now:%H:%M}"

    def crash() -> None:
        if len(office.events()) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        office.look(goes_on=crash)
    assert len(office.events()) == 4
    assert office.found() == ["USER_ADDED"]
    assert {event["payload"]["user"]["id"] for event in office.events()} == set(range(5))
    assert all(since in event["payload"]["found"]["since"] for event in office.events())


def test_another_organization_is_another_picture(office: Office, first: Callable[[], None]) -> None:
    office.calcom = filled()
    first()
    with office.store.write() as sql:
        row = Connection("acme", connections.Kind.CALCOM, "https://api.cal.example/v2", 4822, 0, office.now)
        connections.replace(sql, office.vault, row, "")
    office.calcom = Calcom(users=[user(7)])

    assert all(report.first and not report.events for report in office.look())
    assert office.found() == []


def test_an_organization_with_two_connections_is_looked_at_once(office: Office) -> None:
    kinds = connections.Kind
    more = (
        Connection("twice", kinds.CALCOM, "https://api.cal.example/v2", 4821, 0, office.now + MINUTES),
        Connection("by-mcp", kinds.MCP, "https://tools.example", 4821, 0, office.now - MINUTES),
        Connection("other", kinds.CALCOM, "https://api.cal.example/v2", 4822, 0, office.now),
        Connection("elsewhere", kinds.CALCOM, "https://cal.elsewhere.example/v2", 4821, 0, office.now),
    )
    with office.store.write() as sql:
        for one in more:
            connections.add(sql, office.vault, one, "")

    reports = office.look()
    passed_over = {report.connection: report.problem for report in reports if not report.part}
    assert [*passed_over] == ["by-mcp", "twice"]
    assert all("of acme" in str(problem) for problem in passed_over.values())
    assert {report.connection for report in reports if report.part} == {"acme", "elsewhere", "other"}
    assert office.look(only="twice")[0].part == "users"

    known = [Connection("acme", kinds.CALCOM, "https://api.cal.example/v2", 4821, 0, office.now), *more]
    by_mcp = reconcile.doubles(known, hearing=["by-mcp"])
    assert by_mcp == {"acme": "by-mcp", "twice": "by-mcp", "elsewhere": "by-mcp"}
    assert reconcile.doubles(known, hearing=["twice"]) == {"acme": "twice", "by-mcp": "twice"}


def test_a_connection_that_is_none_is_said(office: Office) -> None:
    with pytest.raises(NotFound, match="nobody"):
        office.look(only="nobody")
