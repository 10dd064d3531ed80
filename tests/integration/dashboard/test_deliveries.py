"""The list of deliveries, the page of one, and what an operator does there."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from threading import Event

import pytest

from tests.contract.store.filled import START, body
from tests.integration.dashboard.conftest import Looked, words
from workers.forget import carry_out
from workers.retention import Plan
from workers.store import audit, deliveries
from workers.store.keys import Role

MARKUP = "<script>alert(1)</script>"


def _state(looked: Looked, delivery: object) -> str:
    row = re.search(r"<h1>.*?</h1>\s*(.*?)<div", looked.get(f"/deliveries/{delivery}").text, re.DOTALL)
    assert row is not None
    return str(re.findall(r'class="badge [a-z]+">([a-z]+)<', row[1])[1])


def test_a_list_of_deliveries_can_be_narrowed_and_continued(looked_on_each: Looked) -> None:
    looked = looked_on_each
    looked.filled.events(51)
    bad = looked.filled.keep(body(uid="bad"), at=START - timedelta(minutes=1), verdict="mismatch", webhook="other")
    page = looked.get("/deliveries")
    assert len(re.findall(r'<a class="id" href="/deliveries/', page.text)) == 50
    older = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert older is not None
    assert str(bad) in looked.get(unescape(older[1])).text
    for query in ("state=quarantined", "verdict=mismatch", "webhook=other"):
        found = looked.get(f"/deliveries?{query}").text
        assert re.findall(r'href="/deliveries/([0-9a-f-]{36})"', found) == [str(bad)]
    assert "No delivery is like this." in words(looked.get("/deliveries?trigger=BOOKING_PAID"))


@pytest.mark.parametrize("query", ["state=gone", "verdict=%00", "cursor=x", "since=x", "webhook=" + "x" * 2_000])
def test_what_no_filter_can_mean_is_said_above_an_empty_list(looked: Looked, query: str) -> None:
    page = looked.get(f"/deliveries?{query}")
    assert page.status_code == 400
    assert 'role="alert"' in page.text


def test_a_delivery_shows_its_headers_but_no_credential_among_them(looked_on_each: Looked) -> None:
    looked = looked_on_each
    headers = (
        ("x-cal-signature-256", "ab" * 32),
        ("authorization", "Bearer let-me-in"),
        ("user-agent", MARKUP + "x" * 100_000),
        *((f"x-{number}", "y" * 8_000) for number in range(99)),
    )
    kept = looked.filled.keep(body(), verdict="unsigned", headers=headers)
    page = looked.get(f"/deliveries/{kept}", role=Role.ADMIN)
    assert "ab" * 32 in page.text
    assert "let-me-in" not in page.text
    assert MARKUP not in page.text
    assert len(page.content) < 100_000
    assert "And 42 more." in words(page)
    assert "It came without a signature. It is in quarantine" in words(page)


def test_an_operator_releases_a_delivery_and_it_is_rung_for(looked_on_each: Looked) -> None:
    looked = looked_on_each
    kept = looked.filled.keep(body(), verdict="mismatch")
    page = looked.get(f"/deliveries/{kept}", role=Role.OPERATOR).text
    assert f'action="/deliveries/{kept}/release"' in page
    assert f'action="/deliveries/{kept}/discard"' in page
    assert "/replay" not in page
    done = looked.post(f"/deliveries/{kept}/release")
    assert (done.status_code, done.headers["location"]) == (303, f"/deliveries/{kept}")
    assert looked.bell.ids == [kept]
    assert _state(looked, kept) == "received"
    again = looked.post(f"/deliveries/{kept}/release")
    assert again.status_code == 409
    assert "the delivery is received" in words(again)


def test_an_operator_discards_a_delivery_and_replays_one_that_became_an_event(looked: Looked) -> None:
    kept, event = looked.filled.keep(body(uid="b"), verdict="mismatch"), looked.filled.event()
    assert looked.post(f"/deliveries/{kept}/discard").status_code == 303
    assert _state(looked, kept) == "discarded"
    assert f'action="/deliveries/{event}/replay"' in looked.get(f"/deliveries/{event}", role=Role.OPERATOR).text
    assert looked.post(f"/deliveries/{event}/replay").status_code == 303
    assert _state(looked, event) == "received"
    assert looked.bell.ids == [event]


def test_a_viewer_sees_no_button_and_moves_nothing(looked: Looked) -> None:
    kept, event = looked.filled.keep(body(uid="b"), verdict="mismatch"), looked.filled.event()
    for delivery in (kept, event):
        page = looked.get(f"/deliveries/{delivery}", role=Role.VIEWER).text
        assert f'action="/deliveries/{delivery}' not in page
        assert f"/deliveries/{delivery}/body" not in page
        for verb in ("release", "discard", "replay"):
            assert looked.post(f"/deliveries/{delivery}/{verb}", role=Role.VIEWER).status_code == 403
    assert (_state(looked, kept), _state(looked, event)) == ("quarantined", "persisted")


def test_reading_a_body_is_for_operators_and_written_down(looked_on_each: Looked) -> None:
    looked = looked_on_each
    kept = looked.filled.keep(b"\x00<html>\xff", verdict="mismatch")
    assert looked.get(f"/deliveries/{kept}/body", role=Role.VIEWER).status_code == 403
    held = looked.get(f"/deliveries/{kept}/body", role=Role.OPERATOR)
    assert held.content == b"\x00<html>\xff"
    assert held.headers["content-type"] == "application/octet-stream"
    assert held.headers["content-disposition"].startswith("attachment;")
    with looked.source.store.read() as sql:
        entries = [(row.what, row.outcome, row.arguments) for row in audit.page(sql, audit.Filter(), limit=9)]
        assert deliveries.one(sql, kept) is not None
    assert entries[0] == ("GET /deliveries/{id}/body", "done", {"id": str(kept)})
    assert entries[1][:2] == ("GET /deliveries/{id}/body", "refused")


def test_a_forgotten_body_is_said_to_be_on_both_pages(looked: Looked) -> None:
    mine = looked.filled.event()
    carry_out(looked.filled.store, Plan(bodies=timedelta(days=1)), START + timedelta(days=9), Event())
    for page in (f"/deliveries/{mine}", f"/events/{mine}"):
        assert "past retention" in words(looked.get(page))
    assert "Replay" not in words(looked.get(f"/deliveries/{mine}"))
