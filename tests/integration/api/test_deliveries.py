"""The API's answers about deliveries, and what an operator does with them."""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from typing import Any
from uuid import UUID

import pytest

from tests.contract.store.filled import START, body
from tests.integration.api.conftest import Asked, conforms
from workers.catalogue.mask import MASK
from workers.forget import carry_out
from workers.persist import persist
from workers.retention import Plan
from workers.store.keys import Role

MINUTE = timedelta(minutes=1)


def test_deliveries_come_in_pages_that_join(asked_on_each: Asked) -> None:
    ids = [str(asked_on_each.filled.keep(b"%d" % index, at=START + index * MINUTE)) for index in range(3)]
    first = asked_on_each.get("/deliveries", limit=2).json()
    second = asked_on_each.get("/deliveries", limit=2, cursor=first["next"]).json()
    conforms(first, "DeliveryPage")
    assert [one["id"] for one in [*first["data"], *second["data"]]] == ids[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("state", "persisted", 1),
        ("state", "quarantined", 1),
        ("state", "discarded", 0),
        ("verdict", "signed", 1),
        ("verdict", "mismatch", 1),
        ("webhook", "org", 2),
        ("webhook", "nothing", 0),
        ("since", "2026-11-01T09:01:00Z", 1),
        ("until", "2026-11-01T09:01:00Z", 1),
    ],
)
def test_each_filter_narrows_the_list(asked: Asked, name: str, value: Any, number: int) -> None:
    asked.filled.event()
    asked.filled.keep(b"bad", at=START + MINUTE, verdict="mismatch")
    assert len(asked.get("/deliveries", **{name: value}).json()["data"]) == number


def test_one_delivery_is_shown_with_its_headers_but_not_its_credentials(asked: Asked) -> None:
    mine = asked.filled.keep(b"x", headers=(("x-cal-signature-256", "ab"), ("authorization", "Basic c2VjcmV0")))
    answer = asked.get(f"/deliveries/{mine}").json()
    conforms(answer, "DeliveryWithHeaders")
    assert answer["headers"] == [["x-cal-signature-256", "ab"], ["authorization", MASK]]
    assert asked.get("/deliveries/nonsense").status_code == 404


def test_the_body_is_given_byte_for_byte_as_nothing_a_browser_would_run(asked: Asked) -> None:
    mine = asked.filled.keep(b"<script>\x00\xff")
    answer = asked.get(f"/deliveries/{mine}/body", role=Role.OPERATOR)
    assert answer.content == b"<script>\x00\xff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert asked.get(f"/deliveries/{UUID(int=1)}/body", role=Role.OPERATOR).status_code == 404


def test_a_released_delivery_is_rung_for_and_becomes_an_event(asked_on_each: Asked) -> None:
    mine = asked_on_each.filled.keep(body(), verdict="mismatch")
    answer = asked_on_each.post(f"/deliveries/{mine}/release")
    conforms(answer.json(), "Delivery")
    assert (answer.status_code, answer.json()["state"]) == (200, "received")
    assert asked_on_each.bell.ids == [mine]
    assert persist(asked_on_each.filled.store, [mine]).events == 1
    assert asked_on_each.get(f"/events/{mine}").status_code == 200


def test_a_discarded_delivery_is_not_rung_for(asked: Asked) -> None:
    mine = asked.filled.keep(body(), verdict="unsigned")
    assert asked.post(f"/deliveries/{mine}/discard").json()["state"] == "discarded"
    assert asked.bell.ids == []


def test_a_replayed_delivery_is_rung_for(asked: Asked) -> None:
    mine = asked.filled.event()
    assert asked.post(f"/deliveries/{mine}/replay").json()["state"] == "received"
    assert asked.bell.ids == [mine]


def test_a_broker_that_is_away_does_not_fail_what_is_committed(asked: Asked) -> None:
    mine = asked.filled.event()
    asked.bell.away = True
    assert asked.post(f"/deliveries/{mine}/replay").status_code == 200
    assert asked.post("/deliveries/replay", all="true").status_code == 200


@pytest.mark.parametrize("verb", ["release", "discard", "replay"])
def test_a_delivery_in_another_state_is_a_conflict_that_names_it(asked: Asked, verb: str) -> None:
    mine = asked.filled.keep(body())
    answer = asked.post(f"/deliveries/{mine}/{verb}")
    assert answer.status_code == 409
    conforms(answer.json(), "Problem")
    assert "received" in answer.json()["detail"]
    assert asked.post(f"/deliveries/{UUID(int=1)}/{verb}").status_code == 404


def test_a_replay_by_filter_can_be_tried_first(asked: Asked) -> None:
    ids = asked.filled.events(3)
    asked.filled.keep(b"waits", at=START + 5 * MINUTE)
    tried = asked.post("/deliveries/replay", since="2026-11-01T09:01:00Z", dry_run="true").json()
    assert tried == {"deliveries": 2, "dry_run": True}
    assert asked.bell.ids == []
    done = asked.post("/deliveries/replay", since="2026-11-01T09:01:00Z").json()
    conforms(done, "Replayed")
    assert done == {"deliveries": 2, "dry_run": False}
    assert sorted(asked.bell.ids) == ids[1:]


def test_deliveries_are_listed_and_replayed_by_trigger(asked: Asked) -> None:
    paid = asked.filled.event(trigger="BOOKING_PAID")
    asked.filled.event(trigger="BOOKING_CREATED")
    listed = asked.get("/deliveries", trigger="BOOKING_PAID").json()["data"]
    assert [one["id"] for one in listed] == [str(paid)]
    assert asked.post("/deliveries/replay", trigger="BOOKING_PAID").json() == {"deliveries": 1, "dry_run": False}
    assert asked.bell.ids == [paid]


def test_everything_is_replayed_only_where_that_is_said(asked: Asked) -> None:
    asked.filled.events(2)
    refused = asked.post("/deliveries/replay")
    assert refused.status_code == 400
    assert "all=true" in refused.json()["detail"]
    assert asked.post("/deliveries/replay", all="true").json() == {"deliveries": 2, "dry_run": False}


def test_a_forgotten_body_is_told_apart_from_no_delivery(asked: Asked) -> None:
    mine = asked.filled.event()
    carry_out(asked.filled.store, Plan(bodies=timedelta(days=1)), START + timedelta(days=9), Event())
    body_of = asked.get(f"/deliveries/{mine}/body", role=Role.OPERATOR)
    assert (body_of.status_code, "past retention" in body_of.json()["detail"]) == (404, True)
    again = asked.post(f"/deliveries/{mine}/replay", role=Role.OPERATOR)
    assert (again.status_code, "past retention" in again.json()["detail"]) == (409, True)
    assert asked.get(f"/events/{mine}").json()["payload"] == {}
    assert asked.get(f"/deliveries/{mine}").json()["headers"] == []
