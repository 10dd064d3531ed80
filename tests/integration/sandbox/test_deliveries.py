"""What the sandbox sends, and when it sends it again."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest


def statuses(api: Any, **query: str) -> list[int | None]:
    return [attempt["status"] for attempt in api.look("deliveries", **query)["attempts"]]


def test_a_delivery_looks_like_one_of_nodes_fetch(api: Any, receiver: Any) -> None:
    made = api.webhook(receiver.url, "BOOKING_CREATED")

    told = api.control("emit", trigger="BOOKING_CREATED", changes={"uid": "abc"}, wait=True)

    (got,) = receiver.received
    signature = hmac.new(b"whsec_test", got.body, hashlib.sha256).hexdigest()
    assert told == {"events": 1, "subscribers": 1, "uids": ["abc"]}
    assert json.loads(got.body)["payload"]["uid"] == "abc"
    got.headers.pop("host")
    connection = got.headers.pop("connection")
    assert connection == "keep-alive"
    assert got.headers == {
        "content-type": "application/json",
        "x-cal-signature-256": signature,
        "x-cal-webhook-version": "2021-10-20",
        "user-agent": "node",
        "accept": "*/*",
        "accept-language": "*",
        "accept-encoding": "gzip, deflate",
        "sec-fetch-mode": "cors",
        "content-length": str(len(got.body)),
    }
    (attempt,) = api.look("deliveries")["attempts"]
    assert (attempt["webhook"], attempt["trigger"], attempt["attempt"], attempt["status"]) == (
        made["id"],
        "BOOKING_CREATED",
        1,
        200,
    )
    assert attempt["sha256"] == hashlib.sha256(got.body).hexdigest()


def test_without_a_secret_the_header_says_so(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED", secret="")

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert receiver.received[0].headers["x-cal-signature-256"] == "no-secret-provided"


def test_only_active_subscribers_of_the_trigger_are_told_each_by_its_own_version(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED", "OOO_CREATED")
    api.webhook(f"{receiver.url}/2", "BOOKING_CREATED", version="2026-07-27", secret="other")
    api.webhook(f"{receiver.url}/3", "BOOKING_CREATED", active=False)
    api.webhook(f"{receiver.url}/4", "BOOKING_CANCELLED")

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    seen = {r.headers["x-cal-webhook-version"]: json.loads(r.body)["payload"] for r in receiver.received}
    assert len(receiver.received) == len(seen) == 2
    assert "attendeeIcsContent" not in seen["2021-10-20"]
    assert "attendeeIcsContent" in seen["2026-07-27"]
    assert seen["2021-10-20"]["uid"] == seen["2026-07-27"]["uid"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_some_answers_are_tried_again_with_the_same_bytes(api: Any, receiver: Any, status: int) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    receiver.answers = [status, status]

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert statuses(api) == [status, status, 200]
    assert len({(r.body, r.headers["x-cal-signature-256"]) for r in receiver.received}) == 1


def test_after_four_attempts_the_event_is_gone(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    receiver.answers = [503] * 9

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert statuses(api) == [503] * 4
    assert [attempt["attempt"] for attempt in api.look("deliveries")["attempts"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 413, 422, 501])
def test_any_other_answer_loses_the_event_at_once_and_no_redirect_is_followed(
    api: Any, receiver: Any, status: int
) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")
    receiver.answers = [status]

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert statuses(api) == [status]
    assert len(receiver.received) == 1


def test_410_switches_the_webhook_off(api: Any, receiver: Any) -> None:
    made = api.webhook(receiver.url, "BOOKING_CREATED")
    receiver.answers = [410]

    api.control("emit", trigger="BOOKING_CREATED", wait=True)
    again = api.control("emit", trigger="BOOKING_CREATED", wait=True)

    assert statuses(api) == [410]
    assert again["subscribers"] == 0
    assert api.done("GET", f"/webhooks/{made['id']}")["active"] is False


def test_events_sent_from_a_request_are_never_tried_again(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "FORM_SUBMITTED", "MEETING_STARTED")
    receiver.answers = [503, 503]

    api.control("emit", trigger="FORM_SUBMITTED", wait=True)
    api.control("emit", trigger="MEETING_STARTED", wait=True)

    assert statuses(api) == [503, 503]


def test_nobody_listening_is_tried_again(api: Any) -> None:
    api.webhook("http://127.0.0.1:1/hook", "BOOKING_CREATED")

    api.control("emit", trigger="BOOKING_CREATED", wait=True)

    attempts = api.look("deliveries")["attempts"]
    assert [(a["status"], a["error"]) for a in attempts] == [(None, "ConnectError")] * 4


def test_an_answer_that_does_not_come_is_given_up(make_api: Callable[..., Any], receiver: Any) -> None:
    api = make_api(delivery_timeout=0.05)
    api.webhook(receiver.url, "FORM_SUBMITTED")

    with receiver.lock:  # the receiver has the request, and cannot answer
        api.control("emit", trigger="FORM_SUBMITTED", wait=True)

    (attempt,) = api.look("deliveries")["attempts"]
    assert (attempt["status"], attempt["error"]) == (None, "no answer in time")


def test_many_events_are_all_different(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "FORM_SUBMITTED")

    told = api.control("emit", trigger="FORM_SUBMITTED", count=40, rate=4000, wait=True)

    assert len(set(told["uids"])) == 40
    assert len({r.body for r in receiver.received}) == 40


def test_a_raw_body_is_sent_as_it_is(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED")

    api.control("emit", trigger="BOOKING_CREATED", body="false", wait=True)

    assert receiver.received[0].body == b"false"


def test_a_template_that_is_json_is_filled_in_and_spoilt_by_a_quote(api: Any, receiver: Any) -> None:
    template = '{"who": "{{attendees.0.name}}", "what": "{{triggerEvent}}"}'
    api.webhook(receiver.url, "BOOKING_CREATED", payloadTemplate=template)

    for name in ("Ann", 'Ann "A" B'):
        changes = {"attendee": {"name": name}}
        api.control("emit", trigger="BOOKING_CREATED", changes=changes, wait=True)

    assert [r.body for r in receiver.received] == [b'{"who":"Ann","what":"BOOKING_CREATED"}', b"false"]


def test_any_other_template_goes_out_as_a_form_that_is_none(api: Any, receiver: Any) -> None:
    api.webhook(receiver.url, "BOOKING_CREATED", payloadTemplate="title={{title}}&id={{bookingId}}")

    changes = {"title": "R&D = fun", "bookingId": 5}
    api.control("emit", trigger="BOOKING_CREATED", changes=changes, wait=True)

    (got,) = receiver.received
    assert got.body == b"title=R&amp;D &#x3D; fun&id=5"
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_story_is_told_in_order(api: Any, receiver: Any) -> None:
    steps = ["BOOKING_REQUESTED", "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]
    api.webhook(receiver.url, *steps)

    told = api.control("story", wait=True)["chapters"]

    bodies = [json.loads(r.body) for r in receiver.received]
    assert [body["triggerEvent"] for body in bodies] == steps
    assert [body["payload"]["uid"] for body in bodies] == [chapter["uid"] for chapter in told]
    assert bodies[2]["payload"]["rescheduleUid"] == bodies[1]["payload"]["uid"] == told[2]["previousUid"]
