"""The page of the quarantine: what waits there, released and discarded one by one, ticked, or all of a webhook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.contract.store.filled import START, body
from tests.integration.dashboard.conftest import Looked, words
from workers.store import audit, deliveries
from workers.store.audit import Filter
from workers.store.keys import Role


def state(looked: Looked, delivery: UUID) -> str:
    with looked.filled.store.read() as sql:
        row = deliveries.one(sql, delivery)
    assert row is not None
    return str(row.state)


def keep(looked: Looked, number: int, *, verdict: str = "mismatch", webhook: str = "org") -> list[UUID]:
    """So many different deliveries in quarantine, a minute apart."""
    return [
        looked.filled.keep(
            body(uid=f"uid-{index}"), at=START + timedelta(minutes=index), verdict=verdict, webhook=webhook
        )
        for index in range(number)
    ]


def test_what_waits_is_listed_newest_first_with_why_and_what_it_says_it_is(looked_on_each: Looked) -> None:
    filled = looked_on_each.filled
    first = filled.keep(body(trigger="BOOKING_PAID"), verdict="mismatch")
    second = filled.keep(b"<script>alert(1)</script>", at=START + timedelta(minutes=1), verdict="unsigned")
    filled.event(uid="signed", at=START + timedelta(minutes=2))
    answer = looked_on_each.get("/quarantine")
    assert answer.status_code == 200
    assert answer.text.index(str(second)) < answer.text.index(str(first))
    assert answer.text.count('href="/deliveries/') == 2
    assert "mismatch BOOKING_PAID" in words(answer)
    assert "unsigned not known" in words(answer)
    assert "alert(1)" not in answer.text
    assert "2 in quarantine" in words(answer)


def test_a_viewer_sees_no_button_and_may_not_press_one(looked: Looked) -> None:
    (delivery,) = keep(looked, 1)
    assert "Release the ticked" not in words(looked.get("/quarantine"))
    assert "Release the ticked" in words(looked.get("/quarantine", role=Role.OPERATOR))
    for verb in ("release", "discard"):
        assert looked.post(f"/quarantine/{verb}", role=Role.VIEWER, only=str(delivery)).status_code == 403
    assert state(looked, delivery) == "quarantined"


def test_one_is_released_and_rung_for(looked_on_each: Looked) -> None:
    one, other = keep(looked_on_each, 2)
    answer = looked_on_each.post("/quarantine/release", only=str(one), id=str(other))
    assert (answer.status_code, answer.headers["location"]) == (303, "/quarantine")
    assert (state(looked_on_each, one), state(looked_on_each, other)) == ("received", "quarantined")
    assert looked_on_each.bell.ids == [one]
    again = looked_on_each.post("/quarantine/release", only=str(one))
    assert again.status_code == 409


def test_with_the_broker_away_a_release_is_done_all_the_same(looked: Looked) -> None:
    (one,) = keep(looked, 1)
    looked.bell.away = True
    assert looked.post("/quarantine/release", only=str(one)).status_code == 303
    assert state(looked, one) == "received"


def test_the_ticked_are_moved_and_what_was_moved_meanwhile_is_said(looked: Looked) -> None:
    moved, gone, left = keep(looked, 3)
    looked.post("/quarantine/discard", only=str(gone))
    answer = looked.post("/quarantine/discard", id=[str(moved), str(gone)], shown="org")
    assert answer.headers["location"] == "/quarantine?webhook=org"
    assert [state(looked, each) for each in (moved, gone, left)] == ["discarded", "discarded", "quarantined"]
    assert looked.bell.ids == []
    assert "1%20delivery%20was%20in%20quarantine%20no%20more" in answer.headers["set-cookie"]
    with looked.filled.store.read() as sql:
        newest = audit.page(sql, Filter(), limit=1)[0]
    assert newest.arguments == {"id": [str(moved), str(gone)]}


def test_two_hundred_are_ticked_at_most(looked: Looked) -> None:
    ids = keep(looked, 2)
    more = [str(uuid4()) for _ in range(198)]
    assert looked.post("/quarantine/release", id=[*more, str(ids[0])]).status_code == 303
    assert looked.post("/quarantine/release", id=[*more, *more[:2], str(ids[1])]).status_code == 400
    assert [state(looked, each) for each in ids] == ["received", "quarantined"]


def test_all_of_a_webhook_are_those_that_had_come_when_the_page_was_made(looked_on_each: Looked) -> None:
    looked = looked_on_each
    seen, others = keep(looked, 3), keep(looked, 1, webhook="other")
    later = looked.filled.keep(body(uid="later"), at=START + timedelta(hours=1), verdict="mismatch")
    until = (START + timedelta(minutes=30)).isoformat()
    answer = looked.post("/quarantine/release", all="yes", webhook="org", until=until)
    assert answer.status_code == 303
    assert [state(looked, each) for each in seen] == ["received"] * 3
    assert [state(looked, each) for each in (*others, later)] == ["quarantined"] * 2
    assert sorted(looked.bell.ids) == sorted(seen)
    assert "Released%203%20deliveries." in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "fields",
    [
        {"all": "yes", "until": datetime.now(UTC).isoformat()},
        {"all": "yes", "webhook": "org"},
        {"all": "yes", "webhook": "org", "until": "soon"},
        {},
    ],
)
def test_what_is_not_said_clearly_moves_nothing(looked: Looked, fields: dict[str, Any]) -> None:
    (one,) = keep(looked, 1)
    assert looked.post("/quarantine/discard", **fields).status_code == 400
    assert state(looked, one) == "quarantined"


@pytest.mark.parametrize("only", [str(UUID(int=7)), "none", "\0"])
def test_a_delivery_that_is_not_there_is_not_found(looked_on_each: Looked, only: str) -> None:
    assert looked_on_each.post("/quarantine/release", only=only).status_code == 404


def test_a_filter_chooses_and_pages_go_on_with_it(looked: Looked) -> None:
    keep(looked, 51)
    keep(looked, 1, verdict="unsigned", webhook="other")
    first = looked.get("/quarantine", webhook="org")
    assert first.text.count('href="/deliveries/') == 50
    assert len(first.content) < 100_000
    older = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert looked.get(older).text.count('href="/deliveries/') == 1
    assert looked.get("/quarantine", verdict="unsigned").text.count('href="/deliveries/') == 1
    assert "Nothing of that kind" in words(looked.get("/quarantine", webhook="nobody\0"))


@pytest.mark.parametrize("asked", [{"cursor": "x"}, {"verdict": "x"}])
def test_a_filter_that_is_garbage_is_said_above_an_empty_list(looked: Looked, asked: dict[str, Any]) -> None:
    keep(looked, 1)
    answer = looked.get("/quarantine", **asked)
    assert answer.status_code == 400
    assert 'href="/deliveries/' not in answer.text
