"""The list of events and the page of one: what they show, what they hide, and what no name in them can do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from ingest.api import cursors
from ingest.api.parameters import EVENTS
from tests.contract.ledger.conftest import Office
from tests.contract.mcp.conftest import MAKES
from tests.contract.store.filled import START
from tests.integration.dashboard.conftest import Looked, words
from workers.catalogue.triggers import TRIGGERS
from workers.persist import persist
from workers.store import audit, events, ledger
from workers.store.keys import Role
from workers.vault import Vault

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
TURNS = "\u202egnp.exe\u202c"
LARGEST = 100_000

STOPS = """
rules:
  - name: only-demos
    on: [BOOKING_CREATED]
    when: event.type == "demo"
    once_per: ${{ event.booking.uid }}
    do:
      - stop: It is no demo.
  - name: every-booking
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    do:
      - stop: Enough.
"""


def _office(looked: Looked, vault: Vault) -> Office:
    """Who brings deliveries and carries out rules, on the same store."""
    folder = looked.settings.rules
    folder.mkdir()
    return Office(looked.source.store, vault, folder)


def _titles(text: str) -> list[str]:
    return re.findall(r'<a href="/events/[0-9a-f-]{36}"><bdi>([^<]*)</bdi>', text)


def test_a_page_of_events_has_the_newest_first_and_each_leads_to_its_own(looked_on_each: Looked) -> None:
    looked = looked_on_each
    first = looked.filled.event(title="First", uid="a")
    second = looked.filled.event(at=START + timedelta(minutes=1), title="Second", uid="b", trigger="BOOKING_CANCELLED")
    page = looked.get("/events")
    assert _titles(page.text) == ["Second", "First"]
    assert page.text.index(str(second)) < page.text.index(str(first))
    assert "Ada Berg , Jon Doe" in words(page)
    assert 'href="/bookings/a"' in page.text


def test_pages_follow_one_another_and_keep_the_filter(looked: Looked) -> None:
    looked.filled.events(45, trigger="BOOKING_PAID")
    looked.filled.event(at=START + timedelta(hours=2), title="Another", uid="z")
    seen: list[str] = []
    path = "/events?trigger=BOOKING_PAID&live=1"
    while path:
        page = looked.get(path)
        seen += re.findall(r'data-id="([^"]+)"', page.text)
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = unescape(older[1]) if older else ""
        assert not path or parse_qs(urlsplit(path).query)["trigger"] == ["BOOKING_PAID"]
    assert len(seen) == len(set(seen)) == 45
    assert seen == sorted(seen, reverse=True)
    assert ">Newest</a>" in page.text


def test_every_parameter_that_chooses_events_has_a_field_with_a_label(looked: Looked) -> None:
    page = looked.get("/events").text
    for parameter in EVENTS:
        assert f'<label for="f-{parameter.name}"' in page
        assert re.search(rf'<(select|input) id="f-{parameter.name}" name="{parameter.name}"', page)
    assert all(f"<option>{trigger}</option>" in page for trigger in TRIGGERS)


def test_the_form_holds_what_was_asked_and_each_part_can_be_taken_out(looked: Looked) -> None:
    looked.filled.event(title="Intro <call>", uid="a")
    page = looked.get("/events?trigger=BOOKING_CREATED&trigger=BOOKING_PAID&email=jon@client.example&text=intro&kind=")
    assert _titles(page.text) == ["Intro &lt;call&gt;"]
    assert 'value="jon@client.example"' in page.text
    assert page.text.count('<input type="hidden" name="trigger"') == 2
    without = [unescape(href) for href in re.findall(r'href="([^"]+)" aria-label="Without', page.text)]
    assert "/events?trigger=BOOKING_PAID&email=jon%40client.example&text=intro" in without
    assert len(without) == 4


def test_exports_and_the_stream_are_of_the_same_filter(looked: Looked) -> None:
    page = looked.get("/events?trigger=BOOKING_PAID&since=7d&live=1").text
    assert 'href="/api/v1/events/export?trigger=BOOKING_PAID&amp;since=7d&amp;format=csv"' in page
    assert 'href="/api/v1/events/export?trigger=BOOKING_PAID&amp;since=7d"' in page
    assert 'data-query="?trigger=BOOKING_PAID"' in page
    assert 'aria-pressed="true"' in page
    older = looked.get(f"/events?cursor={cursors.spell(uuid7())}").text
    assert "data-query" not in older
    assert "live.js" not in older


@pytest.mark.parametrize(
    "query",
    [
        "cursor=garbage",
        "cursor=%00",
        "since=yesterday",
        "until=%F0%9F%98%80",
        "kind=nothing",
        "text=" + "a " * 60,
        "text=" + "x" * 5_000,
        "email=a&email=b",
        "&".join(["trigger=T"] * 60),
    ],
)
def test_what_no_filter_can_mean_is_said_above_an_empty_list(looked: Looked, query: str) -> None:
    looked.filled.event()
    page = looked.get(f"/events?{query}")
    assert page.status_code == 400
    assert 'role="alert"' in page.text
    assert _titles(page.text) == []
    assert len(page.content) < LARGEST


@pytest.mark.parametrize(
    "query", ["nobody=knows", "trigger=%00", "email=%ED%A0%80", "booking=%00%00", "text=%00", "live=x"]
)
def test_odd_characters_and_names_that_nobody_knows_find_nothing_or_everything(
    looked_on_each: Looked, query: str
) -> None:
    looked_on_each.filled.event()
    assert looked_on_each.get(f"/events?{query}").status_code == 200


def test_names_and_titles_with_markup_are_text_wherever_they_stand(looked_on_each: Looked) -> None:
    looked = looked_on_each
    person = {"name": f"{MARKUP} {TURNS} 🎉 שלום", "email": "evil@x.example", "timeZone": f"Europe/{MARKUP}"}
    event = looked.filled.event(
        title=f"{MARKUP} {TURNS} 🎉",
        additionalNotes=MARKUP,
        attendees=[person],
        organizer={**person, "id": 1},
        uid=MARKUP,
        type=MARKUP,
        status=MARKUP,
        trigger=MARKUP,
    )
    for path in ("/events", f"/events/{event}", f"/events?booking={quote(MARKUP)}"):
        page = looked.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert MARKUP in unescape(page.text)
        assert "style=" not in page.text
    sentence = re.search(r'<p class="lead">(.*?)</p>', looked.get(f"/events/{event}").text)
    assert sentence is not None
    assert "\u202e" not in sentence[1]


@pytest.mark.parametrize("text", ["x" * 200_000, '"' * 200_000, "🎉" * 50_000, "<b>\n" * 50_000])
def test_a_description_of_200_kilobytes_keeps_both_pages_small(looked: Looked, text: str) -> None:
    people = [{"name": text[:255], "email": f"{n}@x.example", "timeZone": "UTC"} for n in range(100)]
    for number in range(45):
        event = looked.filled.event(
            at=START + timedelta(minutes=number),
            title=text,
            additionalNotes=text,
            attendees=people[:3],
            uid=str(number),
        )
    assert len(looked.get("/events").content) < LARGEST
    crowded = looked.filled.event(title=text, additionalNotes=text, description=text, attendees=people)
    for each in (event, crowded):
        page = looked.get(f"/events/{each}")
        assert page.status_code == 200
        assert len(page.content) < LARGEST
        assert f'href="/api/v1/events/{each}"' in page.text


def test_a_payload_that_is_cut_says_so_and_one_that_is_not_is_whole(looked: Looked) -> None:
    short = looked.filled.event(note="as it is")
    long = looked.filled.event(
        at=START + timedelta(minutes=1), uid="b", list=[{"n": n, "text": "x" * 90} for n in range(900)]
    )
    assert "It is too long for a page" not in words(looked.get(f"/events/{short}"))
    page = words(looked.get(f"/events/{long}"))
    assert "It is too long for a page" in page
    assert "more items)" in page


def test_a_payload_that_no_json_can_say_is_shown_all_the_same(looked: Looked) -> None:
    deep = looked.filled.keep(b'{"triggerEvent": "X", "payload": {"a": ' + b"[" * 400 + b"]" * 400 + b"}}")
    persist(looked.filled.store, [deep])
    assert looked.get(f"/events/{deep}").status_code == 200


SECRETS: dict[str, Any] = {
    "videoCallData": {"type": "daily", "url": "https://meet.example/?token=join-me", "password": "pw-1234"},
    "otp": "123987",
    "downloadLink": "https://files.example/recording-xyz",
    "apiKey": "cal_live_0987",
}


def test_secrets_of_a_payload_are_on_no_page_but_the_one_that_is_written_down(looked_on_each: Looked) -> None:
    looked = looked_on_each
    event = looked.filled.event(**SECRETS)
    for path in (f"/events/{event}", "/events"):
        page = looked.get(path, role=Role.ADMIN).text
        assert not any(secret in page for secret in ("join-me", "pw-1234", "123987", "recording-xyz", "cal_live_0987"))
    assert f"/events/{event}/raw" not in looked.get(f"/events/{event}", role=Role.VIEWER).text
    assert f"/events/{event}/raw" in looked.get(f"/events/{event}", role=Role.OPERATOR).text

    raw = looked.get(f"/events/{event}/raw", role=Role.OPERATOR)
    assert raw.headers["content-type"] == "application/json"
    assert raw.json()["otp"] == "123987"
    assert looked.get(f"/events/{event}/raw", role=Role.VIEWER).status_code == 403
    with looked.source.store.read() as sql:
        entries = [(row.what, row.name, row.outcome) for row in audit.page(sql, audit.Filter(), limit=9)]
    assert entries == [
        ("GET /events/{id}/raw", "a viewer", "refused"),
        ("GET /events/{id}/raw", "a operator", "done"),
    ]


def test_an_event_shows_the_headers_that_its_delivery_came_with(looked_on_each: Looked) -> None:
    looked = looked_on_each
    event = looked.filled.event()
    page = looked.get(f"/events/{event}")
    [leads] = set(re.findall(r'href="(/deliveries/[0-9a-f-]+)"', page.text))
    own = looked.get(leads).text
    sent = re.findall(r'<dt class="mono">.*?</dd>', own)
    assert sent
    assert re.findall(r'<dt class="mono">.*?</dd>', page.text) == sent


def test_an_event_tells_its_times_where_the_organizer_lives(looked: Looked) -> None:
    event = looked.filled.event()
    page = words(looked.get(f"/events/{event}"))
    assert "2026-11-20 10:00:00 UTC 2026-11-20 11:00 Europe/Berlin" in page
    odd = {"id": 1, "name": "Ada", "email": "a@x.example", "timeZone": "../../../etc/passwd"}
    nowhere = looked.filled.event(at=START + timedelta(minutes=1), uid="b", organizer=odd)
    assert "2026-11-20 10:00:00 UTC Ends" in words(looked.get(f"/events/{nowhere}"))


def test_an_event_leads_to_the_one_before_and_the_one_after_of_its_booking(looked_on_each: Looked) -> None:
    looked = looked_on_each
    first = looked.filled.event(uid="a")
    looked.filled.event(at=START + timedelta(minutes=1), uid="other")
    second = looked.filled.event(at=START + timedelta(minutes=2), uid="a", trigger="BOOKING_PAID")
    third = looked.filled.event(at=START + timedelta(minutes=3), uid="a", trigger="BOOKING_CANCELLED")
    page = looked.get(f"/events/{second}").text
    assert f'rel="prev" href="/events/{first}"' in page
    assert f'rel="next" href="/events/{third}"' in page
    assert 'rel="next"' not in looked.get(f"/events/{third}").text


def test_an_event_says_what_rules_made_of_it_and_why_others_did_not(looked_on_each: Looked, vault: Vault) -> None:
    looked, office = looked_on_each, _office(looked_on_each, vault)
    event = office.comes(uid="a")
    assert "No live rule hears BOOKING_CREATED." in words(looked.get(f"/events/{event}"))
    office.rules(STOPS)
    assert "<option>every-booking</option><option>only-demos</option>" in looked.get("/events").text
    page = looked.get(f"/events/{event}")
    assert re.search(r"no match only-demos did not match: when: .* is false", words(page))
    assert "would match every-booking it matches as it is now and has no run" in words(page)
    assert 'href="/rules/only-demos"' in page.text


def test_an_event_leads_to_its_runs_and_a_list_to_the_run_that_caused_it(looked_on_each: Looked, vault: Vault) -> None:
    looked, office = looked_on_each, _office(looked_on_each, vault)
    office.rules(MAKES)
    event = office.comes(uid="a")
    office.work()
    page = looked.get(f"/events/{event}")
    run = re.search(r'href="/runs/([0-9a-f-]{36})"', page.text)
    assert run is not None
    assert "One run of rules came of it: 1 done." in words(page)
    with looked.source.store.write() as sql:
        (action,) = ledger.of_run(sql, UUID(run[1]))
        events.mark_caused(sql, {event: action.id})
    told = looked.get("/events")
    assert "caused by rule makes" in words(told)
    assert f'href="/runs/{run[1]}"' in told.text
    assert "a run of rule makes" in words(looked.get(f"/events/{event}"))


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"{}", b'{"triggerEvent": "SOMETHING_NEW", "payload": {"a": 1}}', b"\x00\xff"]
)
def test_what_is_no_event_of_a_known_kind_has_a_page_too(looked_on_each: Looked, body: bytes) -> None:
    looked = looked_on_each
    kept = looked.filled.keep(body, at=datetime.now(UTC))
    persist(looked.filled.store, [kept])
    assert looked.get(f"/events/{kept}").status_code == 200
    assert str(kept) in looked.get("/events").text
