"""Out-of-office entries: days, conflicts, stand-ins, and what is announced."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.samples import sample

MAYA, TOMAS, SOFIA, STRANGER = 90211, 90212, 90213, 90290
DAYS = {"start": "2027-02-01T15:00:00Z", "end": "2027-02-03T08:00:00.123Z"}


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


def test_the_time_of_day_is_thrown_away(api: Any) -> None:
    entry = api.done("POST", f"/users/{TOMAS}/ooo", DAYS)

    assert (entry["start"], entry["end"]) == ("2027-02-01T00:00:00.000Z", "2027-02-03T23:59:59.999Z")
    assert (entry["reason"], entry["notes"], entry["toUserId"]) == ("unspecified", None, None)


@pytest.mark.parametrize(
    "spelling",
    [
        "2027-02-05",
        "2027-02-05T00:00:00+00:00",
        "2027-02-05T00:00:00",
        "2027-02-05T00:00:00.123456Z",
        "2027-02-05T00:00:00.1Z",
        "2027-02-05 00:00:00Z",
        "2027-13-05T00:00:00Z",
        "",
    ],
)
def test_any_other_spelling_of_a_date_is_refused(api: Any, spelling: str) -> None:
    answer = api("POST", f"/users/{TOMAS}/ooo", DAYS | {"end": spelling})

    assert answer.status_code == 400
    assert "Invalid Date." in answer.text


def test_only_equal_days_conflict_and_overlaps_do_not(api: Any) -> None:
    api.done("POST", f"/users/{TOMAS}/ooo", DAYS)

    same_days = DAYS | {"start": "2027-02-01T00:00:00Z"}
    assert refused(api("POST", f"/users/{TOMAS}/ooo", same_days)) == (409, "Ooo entry already exists.")
    api.done("POST", f"/users/{TOMAS}/ooo", DAYS | {"end": "2027-02-02T00:00:00Z"})
    api.done("POST", f"/users/{SOFIA}/ooo", DAYS)


def test_an_update_conflicts_with_itself_unless_the_days_are_left_out(api: Any) -> None:
    entry = api.done("POST", f"/users/{TOMAS}/ooo", DAYS)
    path = f"/users/{TOMAS}/ooo/{entry['id']}"

    assert api("PATCH", path, DAYS).status_code == 409
    one = api("PATCH", path, {"start": DAYS["start"]})
    assert refused(one) == (400, "Please specify both ooo start and end time.")
    assert api.done("PATCH", path, {"notes": "at sea", "reason": "travel"})["notes"] == "at sea"
    assert api.done("GET", f"/users/{TOMAS}/ooo")[0]["reason"] == "travel"


def test_odd_stand_ins_are_refused(api: Any) -> None:
    def ask(user: int, **more: Any) -> Any:
        return api("POST", f"/users/{user}/ooo", DAYS | more)

    assert refused(ask(TOMAS, toUserId=TOMAS)) == (400, "Cannot redirect to self.")
    assert refused(ask(TOMAS, toUserId=STRANGER)) == (400, "Cannot redirect to this user.")
    assert refused(ask(TOMAS, start="2027-02-04T00:00:00Z")) == (400, "Start date must be before end date.")
    assert ask(TOMAS, toUserId=SOFIA).status_code == 201
    assert refused(ask(SOFIA, toUserId=MAYA)) == (400, "Booking redirect infinite not allowed.")
    later = {"start": "2027-03-01T00:00:00Z", "end": "2027-03-02T00:00:00Z"}
    assert ask(SOFIA, toUserId=MAYA, **later).status_code == 201


def test_an_unknown_or_foreign_entry_is_403(api: Any) -> None:
    entry = api.done("POST", f"/users/{TOMAS}/ooo", DAYS)["id"]
    message = "This OOO entry does not belong to this user."

    assert refused(api("PATCH", f"/users/{SOFIA}/ooo/{entry}", {})) == (403, message)
    assert api.done("DELETE", f"/users/{TOMAS}/ooo/{entry}")["id"] == entry
    assert refused(api("DELETE", f"/users/{TOMAS}/ooo/{entry}")) == (403, message)
    assert api("GET", f"/users/{STRANGER}/ooo").status_code == 403


def test_entries_are_sorted_and_of_two_orders_the_end_counts(api: Any) -> None:
    def span(first: int, last: int) -> dict[str, str]:
        return {"start": f"2027-02-{first:02}T00:00:00Z", "end": f"2027-02-{last:02}T00:00:00Z"}

    outer = api.done("POST", f"/users/{TOMAS}/ooo", span(1, 9))["id"]
    inner = api.done("POST", f"/users/{SOFIA}/ooo", span(2, 3))["id"]

    def listed(query: str) -> list[int]:
        return [entry["id"] for entry in api.done("GET", f"/ooo?{query}")]

    assert listed("sortStart=asc") == listed("sortEnd=desc") == [outer, inner]
    assert listed("sortStart=asc&sortEnd=asc") == [inner, outer]
    assert listed("email=sofia.lindqvist@harbourlight.example") == [inner]
    assert api("GET", "/ooo?sortStart=up").status_code == 400


def test_an_entry_and_its_edit_are_announced_signed(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "OOO_CREATED")

    entry = api.done("POST", f"/users/{TOMAS}/ooo", DAYS | {"reason": "vacation", "toUserId": MAYA})
    api.clock.advance(hours=1)
    api.done("PATCH", f"/users/{TOMAS}/ooo/{entry['id']}", {"notes": "later"})
    api.control("emit", trigger="PING", wait=True)

    made, edited = sorted((json.loads(r.body) for r in receiver.received), key=lambda body: body["createdAt"])
    assert made["createdAt"] == "2027-01-04T09:30:00.000Z"
    announced = made["payload"]["oooEntry"]
    assert announced["start"] == "2027-02-01T00:00:00+01:00"  # the days as they are in Madrid
    assert announced["end"] == "2027-02-03T23:59:59+01:00"
    assert (announced["id"], announced["uuid"]) == (entry["id"], entry["uuid"])
    assert (announced["user"]["id"], announced["toUser"]["id"]) == (TOMAS, MAYA)
    assert announced["reason"] == {"emoji": "🌴", "reason": "ooo_reasons_vacation"}
    sent = json.loads(sample("OOO_CREATED", now=api.clock()))["payload"]["oooEntry"]
    assert list(announced) == list(sent)
    assert list(announced["user"]) == list(sent["user"])
    assert edited["payload"]["oooEntry"]["notes"] == "later"
    assert edited["payload"]["oooEntry"]["createdAt"] == announced["createdAt"]
    assert edited["payload"]["oooEntry"]["updatedAt"] > announced["updatedAt"]


def test_a_refused_entry_is_not_announced(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "OOO_CREATED")

    api("POST", f"/users/{TOMAS}/ooo", DAYS | {"toUserId": TOMAS})
    api.control("emit", trigger="PING", wait=True)

    assert receiver.received == []
