"""What the sandbox does wrong when it is told to."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

OOO = {"start": "2027-02-01T00:00:00Z", "end": "2027-02-03T00:00:00Z"}
ENTRIES = "/users/90212/ooo"


def call_fault(api: Any, **fault: Any) -> None:
    api.control("faults", calls=[fault])


def delivery_fault(api: Any, **fault: Any) -> None:
    api.control("faults", deliveries=[fault])


@pytest.mark.parametrize(("kind", "entries"), [("error_before", 0), ("error_after", 1)])
def test_a_500_may_come_before_or_after_the_deed(api: Any, kind: str, entries: int) -> None:
    call_fault(api, kind=kind, method="POST", path="/ooo")

    answer = api("POST", ENTRIES, OOO)

    assert answer.status_code == 500
    assert answer.json() == {"statusCode": 500, "message": "Internal server error"}
    assert len(api.done("GET", ENTRIES)) == entries
    assert api("POST", ENTRIES, OOO).status_code == (409 if entries else 201)


def test_the_edge_answers_in_html(api: Any) -> None:
    call_fault(api, kind="error_before", status=502)

    answer = api("GET", "/users")

    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")


def test_a_fault_happens_as_often_as_told_and_only_where_it_fits(api: Any) -> None:
    call_fault(api, kind="error_before", method="get", path="/users", times=2)

    seen = [
        api(method, path).status_code
        for method, path in (
            ("GET", "/memberships"),
            ("GET", "/users"),
            ("POST", "/users"),
            ("GET", "/users"),
            ("GET", "/users"),
        )
    ]

    assert seen == [200, 500, 400, 500, 200]
    assert api.look("faults")["calls"][0]["times"] == 0


def test_a_429_names_the_seconds_and_does_nothing(api: Any) -> None:
    call_fault(api, kind="throttle", seconds=7, method="POST")

    answer = api("POST", ENTRIES, OOO)

    assert answer.status_code == 429
    assert answer.headers["X-RateLimit-Reset-Default"] == "7"
    assert api.done("GET", ENTRIES) == []


def test_a_slow_answer_comes_in_the_end(api: Any) -> None:
    call_fault(api, kind="slow", seconds=0.01)

    assert api("POST", ENTRIES, OOO).status_code == 201


def test_by_chance_the_same_seed_strikes_the_same_calls(api: Any) -> None:
    def seen(seed: int) -> list[int]:
        api.control("faults", seed=seed, calls=[{"kind": "error_before", "chance": 0.5, "times": 4}])
        return [api("GET", "/users").status_code for _ in range(20)]

    first = seen(7)

    assert first.count(500) == 4
    assert first[:4] != [500] * 4
    assert seen(7) == first
    assert seen(8) != first


def test_what_calls_did_is_counted_by_what_they_asked_for(api: Any) -> None:
    call_fault(api, kind="error_after", method="POST")
    for body in (OOO, OOO, {"userId": 90212}, {"userId": 90212}):
        api("POST", ENTRIES if "start" in body else "/memberships", body)
    api("POST", "/memberships", {"userId": 1})

    effects = api.look("effects")["effects"]

    assert [(effect["path"].rpartition("/")[2], effect["times"]) for effect in effects] == [
        ("ooo", 1),  # the second was refused
        ("memberships", 2),  # and these both wrote
    ]
    assert effects[0]["body"] == OOO
    assert api.look("effects", method="DELETE") == {"count": 0, "effects": []}
    assert api.look("effects", path="/ooo")["count"] == 1


def test_faults_replace_the_ones_before(api: Any) -> None:
    call_fault(api, kind="error_before", times=100)
    api.control("faults")

    assert api("GET", "/users").status_code == 200


def test_calls_are_counted_with_what_became_of_them(api: Any) -> None:
    call_fault(api, kind="error_after")
    answer = api("POST", ENTRIES, OOO)
    api("GET", "/v2/nothing")

    seen = api.look("calls")["calls"]

    assert [(c["method"], c["status"], c["fault"]) for c in seen] == [
        ("POST", 500, "error_after"),
        ("GET", 404, None),
    ]
    assert seen[0]["request_id"] == answer.headers["X-Request-Id"]
    assert api.look("calls", method="POST", path="/ooo")["count"] == 1
    assert api.look("calls", method="PATCH")["count"] == 0


def test_a_dropped_delivery_never_comes(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    delivery_fault(api, kind="drop", trigger="BOOKING_CREATED")

    for _ in "12":
        api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert len(receiver.received) == 1
    errors = [attempt["error"] for attempt in api.look("deliveries")["attempts"]]
    assert errors == ["dropped on purpose", None]


def test_a_duplicate_is_the_same_to_the_byte(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    delivery_fault(api, kind="duplicate")

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    first, second = receiver.received
    assert first == second


@pytest.mark.parametrize("kind", ["reorder", "delay"])
def test_a_cancellation_may_overtake_the_booking(api: Any, receiver: Any, kind: str) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED", "BOOKING_CANCELLED")
    seconds = 60 if kind == "reorder" else 1.5
    delivery_fault(api, kind=kind, trigger="BOOKING_CREATED", seconds=seconds)

    api.control("story", steps=["BOOKING_CREATED", "BOOKING_CANCELLED"], wait=True)

    seen = [json.loads(r.body)["triggerEvent"] for r in receiver.received]
    assert seen == ["BOOKING_CANCELLED", "BOOKING_CREATED"]


def test_a_delivery_nothing_overtakes_comes_all_the_same(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    delivery_fault(api, kind="reorder", seconds=0.01)

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert len(receiver.received) == 1


def test_after_a_rotation_the_old_secret_may_still_sign(api: Any, receiver: Any) -> None:
    made = api.webhook(receiver.url, "BOOKING_CREATED")
    api.done("PATCH", f"/webhooks/{made['id']}", {"secret": "new"})
    delivery_fault(api, kind="old_secret", webhook=made["id"])

    for _ in "12":
        api.control("emit", trigger="BOOKING_CREATED", wait=True)

    for got, secret in zip(receiver.received, (b"whsec_test", b"new"), strict=True):
        signed = hmac.new(secret, got.body, hashlib.sha256).hexdigest()
        assert got.headers["x-cal-signature-256"] == signed


def test_without_a_rotation_the_old_secret_is_one_nobody_knows(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    delivery_fault(api, kind="old_secret")

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    (got,) = receiver.received
    signed = hmac.new(b"whsec_test", got.body, hashlib.sha256).hexdigest()
    assert len(got.headers["x-cal-signature-256"]) == len(signed)
    assert got.headers["x-cal-signature-256"] != signed


def test_a_reset_begins_again(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    delivery_fault(api, kind="delay", seconds=600)
    api.control("emit", trigger="BOOKING_CREATED")
    before = api.look("state")

    api.control("reset")

    assert before["webhooks"]
    assert "keys" not in before
    assert api.look("state")["webhooks"] == []
    assert api.look("faults") == {"calls": [], "deliveries": [], "seed": 0, "drawn": 0}
    assert api.look("effects")["count"] == 0
    assert api.look("deliveries") == {"count": 0, "pending": 0, "attempts": []}
    assert api.look("calls")["count"] == 0
    assert len(api.done("GET", "/users")) == 4


@pytest.mark.parametrize(
    ("name", "body", "named"),
    [
        ("emit", {}, "trigger"),
        ("emit", {"trigger": "BOOKING_CONFIRMED"}, "BOOKING_CREATED"),
        ("emit", {"trigger": "PING", "count": 0}, "count"),
        ("emit", {"trigger": "PING", "rate": -1}, "rate"),
        ("emit", {"trigger": "PING", "version": "1"}, "2026-07-27"),
        ("emit", {"trigger": "PING", "changes": {"uidd": 1}}, "uidd"),
        ("story", {"name": "romance"}, "rejection"),
        ("story", {"steps": []}, "steps"),
        ("story", {"gap": -1}, "gap"),
        ("faults", {"calls": [{"kind": "explode"}]}, "explode"),
        ("faults", {"calls": [{"kind": "cut", "chance": 2}]}, "chance"),
        ("faults", {"calls": [{"kind": "hang", "seconds": 6000}]}, "seconds"),
        ("faults", [], "object"),
    ],
)
def test_a_wrong_order_is_refused_by_name(api: Any, name: str, body: Any, named: str) -> None:
    answer = api.client.post(f"/_sandbox/{name}", json=body)

    assert answer.status_code == 400
    assert named in answer.json()["error"]
