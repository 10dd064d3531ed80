"""The API's answers about events and bookings."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ingest import exported
from tests.contract.store.filled import START
from tests.contract.store.test_filters import planned
from tests.integration.api.conftest import Asked, conforms
from workers.catalogue.mask import MASK
from workers.persist import persist
from workers.store import deliveries, history, runs
from workers.store.engine import Store
from workers.store.keys import Role

MINUTE = timedelta(minutes=1)


def test_events_come_in_pages_that_join(asked_on_each: Asked) -> None:
    ids = [str(one) for one in asked_on_each.filled.events(5)]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(3):
        answer = asked_on_each.get("/events", limit=2, **cursor).json()
        conforms(answer, "EventPage")
        seen += [event["id"] for event in answer["data"]]
        cursor = {"cursor": answer["next"]}
    assert answer["next"] is None
    assert seen == ids[::-1]


def test_an_event_is_in_the_shape_that_scripts_rely_on(asked: Asked) -> None:
    mine = asked.filled.event(additionalNotes="bring cake")
    answer = asked.get(f"/events/{mine}").json()
    conforms(answer, "Event")
    assert {name: answer[name] for name in ("id", "delivery_id", "trigger", "kind", "connection", "webhook")} == {
        "id": str(mine),
        "delivery_id": str(mine),
        "trigger": "BOOKING_CREATED",
        "kind": "booking",
        "connection": "acme",
        "webhook": "org",
    }
    assert answer["received_at"] == "2026-11-01T09:00:00.000Z"
    assert (answer["start"], answer["end"]) == ("2026-11-20T10:00:00.000Z", "2026-11-20T10:30:00.000Z")
    assert answer["booking"] == {"uid": "uid-0", "id": 1, "lineage": "uid-0", "seat": None, "series": None}
    assert answer["organizer"]["email"] == "Ada@Acme.example"
    assert answer["payload"]["additionalNotes"] == "bring cake"


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("trigger", "PING", 1),
        ("trigger", ["PING", "BOOKING_CREATED"], 3),
        ("kind", "booking", 2),
        ("booking", "uid-1", 1),
        ("email", "JON@client.example", 3),
        ("email", "nobody@client.example", 0),
        ("since", "2026-11-01T09:01:00Z", 2),
        ("until", "2026-11-01T09:01:00Z", 1),
        ("since", "2026-11-02", 0),
        ("until", "2026-11-01", 3),
        ("text", "intro ca", 2),
        ("text", '"AND', 0),
        ("connection", "acme", 3),
        ("connection", "eu", 0),
        ("host", "ADA@acme.example", 3),
        ("host", "jon@client.example", 0),
        ("event_type", "intro-call", 3),
        ("event_type", ["7", "no-such-type"], 3),
        ("status", "accepted", 3),
        ("status", "CANCELLED", 0),
        ("verdict", "signed", 3),
        ("verdict", "mismatch", 0),
        ("rule", "no-such-rule", 0),
    ],
)
def test_each_filter_narrows_the_list_the_export_and_the_statistics(
    asked: Asked, name: str, value: Any, number: int
) -> None:
    asked.filled.events(2)
    asked.filled.event(at=START + 2 * MINUTE, trigger="PING", title="Test", uid="other")
    assert len(asked.get("/events", **{name: value}).json()["data"]) == number
    assert asked.get("/events/stats", **{name: value}).json()["events"] == number
    assert len(asked.get("/events/export", **{name: value}).text.splitlines()) == number


def test_secrets_in_payloads_are_masked_unless_an_operator_asks(asked: Asked) -> None:
    mine = asked.filled.event(oneTimePassword="hunter2")
    for path in ("/events", f"/events/{mine}", "/events/export"):
        assert "hunter2" not in asked.get(path).text
        assert MASK in asked.get(path).text
        assert "hunter2" not in asked.get(path, role=Role.OPERATOR, unmasked="false").text
        assert "hunter2" in asked.get(path, role=Role.OPERATOR, unmasked="true").text
        refused = asked.get(path, unmasked="true")
        assert refused.status_code == 403
        conforms(refused.json(), "Problem")


def test_an_export_is_one_event_a_line(asked: Asked) -> None:
    ids = asked.filled.events(3)
    answer = asked.get("/events/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "attachment" in answer.headers["content-disposition"]
    told = [json.loads(line) for line in answer.text.splitlines()]
    for event in told:
        conforms(event, "Event")
    assert [event["id"] for event in told] == [str(one) for one in ids[::-1]]
    assert asked.get("/events/export", trigger="NOTHING").content == b""


def test_an_export_as_csv_is_a_table_that_no_spreadsheet_runs(asked_on_each: Asked) -> None:
    filled = asked_on_each.filled
    filled.event(uid="a", title="=HYPERLINK(1)", additionalNotes="two\nlines; @SUM(1)", oneTimePassword="hunter2")
    filled.event(
        at=START + MINUTE, uid="b", title='Ada, "Jon" و 🎉', attendees=[{"name": "+1", "email": "z@b.example"}]
    )
    answer = asked_on_each.get("/events/export", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="events.csv"'
    newer, older = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (newer["title"], newer["attendee_names"], newer["booking_uid"]) == ('Ada, "Jon" و 🎉', "'+1", "b")
    assert (older["title"], older["notes"]) == ("'=HYPERLINK(1)", "two\nlines; '@SUM(1)")
    assert "hunter2" not in answer.text
    assert asked_on_each.get("/events/export", format="csv", trigger="NOTHING").content == b""


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_export_is_made_as_it_is_read_and_holds_no_transaction(
    asked: Asked, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_EXPORT_PAGE", 2)
    asked.filled.events(6, additionalNotes="x" * 40_000)
    begin, write = Store.read, {"csv": exported.table, "ndjson": exported.ndjson}[form]
    open_now: list[bool] = []
    held: list[bool] = []
    transactions: list[bool] = []

    @contextlib.contextmanager
    def reading(store: Store) -> Iterator[Any]:
        with begin(store) as connection:
            open_now.append(True)
            yield connection
            open_now.pop()
        transactions.append(True)

    def watched(values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            held.append(bool(open_now))  # whoever reads may stall after any line
            yield value

    monkeypatch.setattr(Store, "read", reading)
    monkeypatch.setattr(exported, write.__name__, lambda values: write(watched(values)))
    assert asked.get("/events/export", format=form).status_code == 200
    assert held == [False] * 6
    assert len(transactions) > 3  # one a page


@pytest.mark.parametrize("noun", ["deliveries", "runs"])
def test_deliveries_and_runs_are_exported_as_they_are_listed(
    asked_on_each: Asked, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr({"deliveries": deliveries, "runs": runs}[noun], "_EXPORT_PAGE", 2)
    ids = asked_on_each.filled.events(5)
    with asked_on_each.filled.store.write() as connection:
        runs.plan(connection, [planned(one, "tell", "do") for one in ids], START)
    listed = asked_on_each.get(f"/{noun}").json()["data"]
    assert len(listed) == 5

    as_json = asked_on_each.get(f"/{noun}/export")
    as_csv = asked_on_each.get(f"/{noun}/export", format="csv")

    assert [json.loads(line) for line in as_json.text.splitlines()] == listed
    assert as_json.headers["content-disposition"] == f'attachment; filename="{noun}.ndjson"'
    rows = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert rows == [{name: "" if value is None else str(value) for name, value in each.items()} for each in listed]
    narrowed = asked_on_each.get(f"/{noun}/export", connection="nowhere")
    assert (narrowed.status_code, narrowed.content) == (200, b"")


def test_events_are_found_by_the_rule_that_ran_for_them(asked_on_each: Asked) -> None:
    ids = asked_on_each.filled.events(3)
    with asked_on_each.filled.store.write() as connection:
        runs.plan(connection, [planned(ids[1], "tell", act) for act in ("do", "undo")], START)
    assert [each["id"] for each in asked_on_each.get("/events", rule="tell").json()["data"]] == [str(ids[1])]


def test_bookings_are_listed_in_pages_that_join(asked_on_each: Asked) -> None:
    filled = asked_on_each.filled
    for number, uid in enumerate("abcb"):
        filled.event(at=START + number * MINUTE, uid=uid)
    filled.event(at=START + 5 * MINUTE, uid="c", trigger="BOOKING_CANCELLED", status="CANCELLED")
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = asked_on_each.get("/bookings", limit=1, **cursor).json()
        conforms(answer, "BookingPage")
        seen += [booking["uid"] for booking in answer["data"]]
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    assert seen == ["c", "b", "a"]
    for filters, uids in (
        ({"status": "cancelled"}, ["c"]),
        ({"status": ["ACCEPTED"]}, ["b", "a"]),
        ({"host": "ada@acme.example", "until": "2026-11-01T09:01:30Z"}, ["b", "a"]),
        ({"email": "nobody@client.example"}, []),
    ):
        found = asked_on_each.get("/bookings", **filters).json()["data"]
        assert [booking["uid"] for booking in found] == uids
    assert asked_on_each.get("/bookings", trigger="PING").status_code == 400


def test_an_export_larger_than_its_pieces_is_whole(asked: Asked) -> None:
    ids = asked.filled.events(4, description="x" * 50_000)
    assert len(asked.get("/events/export").text.splitlines()) == len(ids)


def test_statistics_count_events_and_the_deliveries_of_that_time(asked: Asked) -> None:
    asked.filled.events(2)
    asked.filled.keep(b"{}", at=START + timedelta(days=1), verdict="mismatch")
    answer = asked.get("/events/stats").json()
    conforms(answer, "Statistics")
    assert answer == {
        "events": 2,
        "triggers": {"BOOKING_CREATED": 2},
        "kinds": {"booking": 2},
        "connections": {"acme": 2},
        "days": {"2026-11-01": 2},
        "deliveries": {
            "deliveries": 3,
            "states": {"persisted": 2, "quarantined": 1},
            "verdicts": {"signed": 2, "mismatch": 1},
        },
    }
    assert asked.get("/events/stats", since="2026-11-02").json()["deliveries"]["deliveries"] == 1


def test_what_could_not_be_parsed_is_an_event_too(asked: Asked) -> None:
    mine = asked.filled.keep(b"false")
    persist(asked.filled.store, [mine])
    answer = asked.get(f"/events/{mine}").json()
    conforms(answer, "Event")
    assert (answer["kind"], answer["trigger"], answer["payload"]) == ("unparsed", None, {})


@pytest.mark.parametrize("id_", ["00000000-0000-0000-0000-000000000000", "nonsense", "%00", "1'--", "a" * 300])
def test_an_event_that_is_not_there_is_a_problem_404(asked: Asked, id_: str) -> None:
    answer = asked.get(f"/events/{id_}")
    assert answer.status_code == 404
    conforms(answer.json(), "Problem")


def test_a_booking_is_told_with_all_it_was_rescheduled_from_and_to(asked_on_each: Asked) -> None:
    filled = asked_on_each.filled
    filled.event(uid="a")
    filled.event(at=START + MINUTE, uid="b", rescheduleUid="a", trigger="BOOKING_RESCHEDULED")
    filled.event(at=START + 2 * MINUTE, uid="b", trigger="BOOKING_CANCELLED", status="CANCELLED")
    for uid in "ab":
        answer = asked_on_each.get(f"/bookings/{uid}").json()
        conforms(answer, "Timeline")
        assert (answer["uid"], answer["lineage"], answer["uids"]) == (uid, "a", ["a", "b"])
        assert [event["trigger"] for event in answer["events"]] == [
            "BOOKING_CREATED",
            "BOOKING_RESCHEDULED",
            "BOOKING_CANCELLED",
        ]
        assert (answer["state"]["uid"], answer["state"]["status"]) == ("b", "CANCELLED")
        assert answer["events"][0]["delivery"]["verdict"] == "signed"


def test_a_booking_is_told_with_its_seats_and_its_series(asked_on_each: Asked) -> None:
    filled = asked_on_each.filled
    seat: dict[str, Any] = {"seatsPerTimeSlot": 5, "attendeeSeatId": "s1"}
    filled.event(uid="a", **seat)
    filled.event(at=START + MINUTE, uid="b", rescheduleUid="a", trigger="BOOKING_RESCHEDULED", **seat)
    said: dict[str, Any] = {"recurringEvent": {"freq": 2, "count": 4, "interval": 1}}
    filled.event(uid="o1", **said)
    filled.event(uid="o2", **said)
    filled.event(at=START + MINUTE, uid="o1", trigger="BOOKING_CANCELLED", status="CANCELLED", **said)

    seats, series = (asked_on_each.get(f"/bookings/{uid}").json() for uid in ("b", "o2"))

    conforms(seats, "Timeline")
    conforms(series, "Timeline")
    assert [(one["id"], one["moved_to"]) for one in seats["state"]["seats"]] == [("s1", None)]
    assert seats["events"][0]["previous_uid"] == "a"
    assert series["series"]["ended"]["uid"] == "o1"
    left = asked_on_each.get("/bookings/a").json()
    conforms(left, "Timeline")
    assert left["state"]["uid"] == "b"


def test_a_booking_that_nobody_told_of_is_a_problem_404(asked: Asked) -> None:
    asked.filled.event(uid="a")
    nobody = (asked.get("/bookings/zzz"), asked.get("/bookings/a", connection="eu"), asked.get("/bookings/%00"))
    for answer in nobody:
        assert answer.status_code == 404
        conforms(answer.json(), "Problem")
