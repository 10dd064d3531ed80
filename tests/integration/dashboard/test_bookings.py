"""The page of a booking: what happened to it, from its deliveries to what rules did."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from ingest.live_rules import Reader
from tests.contract.ledger.conftest import Office, refused
from tests.contract.store.filled import START, Filled, body
from tests.integration.dashboard.conftest import Looked, words
from workers.persist import persist
from workers.store import ledger
from workers.store.events import mark_caused
from workers.store.keys import Role
from workers.vault import Vault

MINUTE = timedelta(minutes=1)
LATER = {"startTime": "2026-11-27T10:00:00Z", "endTime": "2026-11-27T10:45:00Z"}
RULES = """
rules:
  - name: makes
    on: [BOOKING_CREATED]
    when: event.type == "intro-call"
    once_per: ${{ event.booking.uid }}
    do:
      - id: first
        make: thing of ${{ event.booking.uid }}
  - name: for-others
    on: [BOOKING_CREATED, BOOKING_CANCELLED]
    when: event.type == "vip"
    do:
      - make: another
  - name: on-payment
    on: [BOOKING_PAID]
    do:
      - make: receipt
"""


@pytest.fixture
def office(looked: Looked, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Rules whose steps make things in a world of the test's."""
    folder = tmp_path / "rules"
    folder.mkdir()
    made = Office(looked.filled.store, vault, folder)
    made.filled = looked.filled
    made.rules(RULES)
    monkeypatch.setattr(Reader, "book", made.book)
    return made


def rescheduled(filled: Filled) -> None:
    """A booking that moved, got another host, and was cancelled."""
    said: dict[str, Any] = {"title": "Intro call", "attendees": [{"name": "Jon", "email": "jon@client.example"}]}
    filled.event(uid="uid-one-aaaa", **said, location="integrations:daily")
    moved = {**said, **LATER, "uid": "uid-two-bbbb", "location": "https://meet.example/?token=s3cr3t"}
    filled.event(at=START + MINUTE, trigger="BOOKING_RESCHEDULED", rescheduleUid="uid-one-aaaa", **moved)
    host = {"id": 42, "name": "Tomás", "email": "tomas@acme.example", "timeZone": "Europe/Madrid"}
    filled.event(at=START + 2 * MINUTE, trigger="BOOKING_REASSIGNED", organizer=host, **moved)
    filled.event(at=START + 3 * MINUTE, trigger="BOOKING_CANCELLED", organizer=host, **{**moved, "status": "CANCELLED"})


def test_a_page_of_a_booking_says_what_happened_over_its_whole_lineage(looked_on_each: Looked) -> None:
    rescheduled(looked_on_each.filled)
    for uid in ("uid-one-aaaa", "uid-two-bbbb"):
        answer = looked_on_each.get(f"/bookings/{uid}")
        assert answer.status_code == 200
        said = words(answer)
        assert "is cancelled; it was to begin at 2026-11-27 10:00 UTC. It was rescheduled once. 4 events" in said
        assert "No rule acted on it." in said
        assert "Fri 27 Nov 2026, 10:00 to 10:45 UTC 45 min Fri 27 Nov 2026, 11:00 to 11:45 Europe/Madrid" in said
        assert "time moved 2026-11-20 10:00 → 2026-11-27 10:00 UTC length 30 min → 45 min" in said
        assert "organizer Ada Berg → Tomás" in said
        assert "status ACCEPTED → CANCELLED" in said
        assert "uid uid-one-aaaa → uid-two-bbbb" in said
        assert "location integrations:daily → https://meet.example/?token=(hidden)" in said
        assert "s3cr3t" not in answer.text
        triggers = re.findall(r"<h3><a href=\"/events/[^\"]+\">(\w+)", answer.text)
        assert triggers == ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_REASSIGNED", "BOOKING_CANCELLED"]


def test_seats_are_told_one_by_one_with_where_they_went(looked: Looked) -> None:
    for number, who in enumerate(("ada", "jon", "zoe")):
        seat(looked.filled, number, who)
    seat(
        looked.filled, 3, "ada", trigger="BOOKING_RESCHEDULED", uid="seats-to-bbb", rescheduleUid="seats-aaaa", **LATER
    )
    seat(looked.filled, 4, "jon", trigger="BOOKING_CANCELLED", status="CANCELLED")
    said = words(looked.get("/bookings/seats-aaaa"))
    assert "Seats: 1 taken (Zoe), 1 given up (Jon), 1 moved (Ada to booking seats-to-bbb)." in said
    assert "Ada MOVED to seats-to-bbb Jon CANCELLED Zoe ACCEPTED" in said
    assert "seat taken by Ada" in said
    assert "seat given up by Jon" in said
    assert 'href="/bookings/seats-to-bbb"' in looked.get("/bookings/seats-aaaa").text


def seat(filled: Filled, minute: int, who: str, **said: Any) -> None:
    person = {"name": who.title(), "email": f"{who}@client.example"}
    told: dict[str, Any] = {"uid": "seats-aaaa", "seatsPerTimeSlot": 5, "attendeeSeatId": f"s-{who}", **said}
    filled.event(at=START + minute * MINUTE, attendees=[person], **told)


def test_the_occurrences_of_a_series_lead_to_each_other(looked: Looked) -> None:
    for week in range(3):
        start = f"2026-11-{2 + 7 * week:02}T10:00:00Z"
        weekly: dict[str, Any] = {"freq": 2, "count": 3, "interval": 1}
        at = START + timedelta(seconds=week)
        looked.filled.event(at=at, uid=f"series-{week}", startTime=start, recurringEvent=weekly)
    answer = looked.get("/bookings/series-1")
    assert "It is one occurrence of a recurring series" in words(answer)
    assert re.findall(r'href="/bookings/(series-\d)"', answer.text) == ["series-0", "series-2"]


def test_a_rule_that_acted_is_told_with_what_it_asked_and_was_answered(looked: Looked, office: Office) -> None:
    event = office.comes(uid="acted-upon")
    office.work()
    run = office.runs()[0].id
    answer = looked.get("/bookings/acted-upon")
    said = words(answer)
    assert "Rules had 1 run for it: 1 done." in said
    assert 'first make thing of acted-upon done Request { "make": "thing of acted-upon" }' in said
    assert 'Answer { "id": "id of thing of acted-upon", "secret": "(hidden)" }' in said
    assert f'href="/runs/{run}"' in answer.text
    assert f'href="/deliveries/{event}"' in answer.text


def test_rules_that_did_not_match_say_why_part_by_part(looked: Looked, office: Office) -> None:
    office.comes(uid="why-not-this")
    said = words(looked.get("/bookings/why-not-this"))
    assert "Rules: 1 ran, 1 did not match" in said
    assert "for-others no match holds on the trigger is BOOKING_CREATED; the rule hears" in said
    assert 'fails when event.type == "vip" is false' in said
    assert "holds when event.type == &" not in said
    assert "on-payment" not in said
    assert "Rules are looked at as they are live now" in said


def test_a_rule_that_was_not_there_yet_would_match_today(looked: Looked, office: Office) -> None:
    looked.filled.event(uid="before-rules")
    assert "makes would match" in words(looked.get("/bookings/before-rules"))


def test_rules_for_which_there_is_no_time_are_a_link_away(
    looked: Looked, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = office.comes(uid="no-time-here")
    monkeypatch.setattr("ingest.dashboard.timeline._PATIENCE", -1)
    answer = looked.get("/bookings/no-time-here")
    assert "Look at what rules make of it" in words(answer)
    monkeypatch.undo()
    monkeypatch.setattr(Reader, "book", office.book)
    (link,) = re.findall(r'href="(/bookings/no-time-here\?cursor=[^"]+)"', answer.text)
    there = looked.client.get(link, headers=looked.cookie(Role.VIEWER))
    assert f'href="/events/{event}"' in there.text
    assert "1 did not match" in words(there)


def test_a_dead_run_is_what_a_person_has_to_look_at(looked: Looked, office: Office) -> None:
    office.comes(uid="goes-wrong")
    office.world.script = [refused]
    office.work()
    answer = looked.get("/bookings/goes-wrong")
    assert "A person has to look at run" in words(answer)
    assert f'<a href="/runs/{office.runs()[0].id}">To the run</a>' in answer.text
    assert "it is not allowed" in words(answer)


def test_an_event_that_our_own_action_caused_is_marked_as_an_echo(looked: Looked, office: Office) -> None:
    office.comes(uid="echoes-back")
    office.work()
    echo = looked.filled.event(at=START + 9 * MINUTE, uid="echoes-back", trigger="BOOKING_PAID")
    with looked.filled.store.write() as sql:
        (action,) = ledger.of_run(sql, office.runs()[0].id)
        mark_caused(sql, {echo: action.id})
    answer = looked.get("/bookings/echoes-back")
    assert "echo Our own action caused it: a run of makes ." in words(answer)
    assert f'<a href="/runs/{office.runs()[0].id}">a run</a>' in answer.text


def test_a_delivery_in_quarantine_that_mentions_the_booking_is_a_step(looked: Looked) -> None:
    looked.filled.event(uid="mentioned-uid")
    held = looked.filled.keep(
        body(at=START + MINUTE, uid="mentioned-uid", trigger="BOOKING_CANCELLED"), at=START + MINUTE, verdict="mismatch"
    )
    answer = looked.get("/bookings/mentioned-uid")
    assert "1 delivery that mentions it is no event." in words(answer)
    assert f'<a href="/deliveries/{held}">A delivery that is no event</a>' in answer.text


def test_a_booking_of_which_only_a_quarantined_delivery_knows_has_a_page(looked: Looked) -> None:
    looked.filled.keep(body(uid="only-in-quarantine"), verdict="mismatch")
    answer = looked.get("/bookings/only-in-quarantine", role=Role.OPERATOR)
    assert answer.status_code == 200
    assert "No event told of a booking only-in-quarantine." in words(answer)
    assert "<form" not in answer.text.partition("<main")[2]
    assert looked.get("/bookings/only-in-quarantine/text").status_code == 200


def test_a_delivery_that_came_again_or_late_says_so(looked: Looked) -> None:
    for _ in range(2):
        delivery = looked.filled.keep(body(uid="came-twice"), at=START + 30 * MINUTE)
        persist(looked.filled.store, [delivery])
    said = words(looked.get("/bookings/came-twice"))
    assert "seen 2 times" in said
    assert "It happened 2026-11-01 09:00:00 UTC" in said


def test_a_uid_that_two_connections_know_is_told_of_one_and_leads_to_the_other(looked_on_each: Looked) -> None:
    looked_on_each.filled.event(uid="same-uid", title="Of acme")
    looked_on_each.filled.event(at=START + MINUTE, uid="same-uid", title="Of eu", webhook="eu", pcid="eu")
    newest, other = (
        looked_on_each.get("/bookings/same-uid"),
        looked_on_each.get("/bookings/same-uid", connection="acme"),
    )
    assert ("Of eu" in newest.text, "Of acme" in newest.text) == (True, False)
    assert ("Of eu" in other.text, "Of acme" in other.text) == (False, True)
    assert 'href="/bookings/same-uid?connection=acme"' in newest.text
    elsewhere = looked_on_each.get("/bookings/same-uid", connection="us")
    assert elsewhere.status_code == 404
    assert "another connection knows it" in words(elsewhere)


def test_the_beginning_of_a_uid_leads_to_the_booking_where_it_is_the_only_one(looked_on_each: Looked) -> None:
    looked_on_each.filled.event(uid="4hQ9sVtX")
    looked_on_each.filled.event(uid="4hQ9other")
    answer = looked_on_each.get("/bookings/4hQ9s")
    assert (answer.status_code, answer.headers["location"]) == (303, "/bookings/4hQ9sVtX")
    assert looked_on_each.get("/bookings/4hQ9s/text").headers["location"] == "/bookings/4hQ9sVtX/text"
    several = looked_on_each.get("/bookings/4hQ9")
    assert several.status_code == 404
    assert 'href="/bookings/4hQ9sVtX"' in several.text
    assert 'href="/bookings/4hQ9other"' in several.text


@pytest.mark.parametrize("uid", ["nobody-knows", "x", "a\0b", "\udc80", "../..", "<script>", "%", "a" * 3_000, "😀"])
def test_a_uid_that_nobody_knows_is_a_page_that_says_what_to_do(looked_on_each: Looked, uid: str) -> None:
    answer = looked_on_each.get(f"/bookings/{quote(uid, safe='', errors='surrogatepass')}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert 'href="/search?q=' in answer.text


@pytest.mark.parametrize("uid", ["with/slash/in it", "why?not=this&that#there", "50% off", "اسم", "<b>uid</b>"])
def test_a_uid_may_hold_any_character(looked: Looked, uid: str) -> None:
    looked.filled.event(uid=uid, title="Found")
    answer = looked.get(f"/bookings/{quote(uid, safe='')}")
    assert answer.status_code == 200
    assert "Found" in words(answer)
    assert "<b>uid</b>" not in answer.text
    assert f'href="/bookings/{quote(uid, safe="")}/text"' in answer.text
    assert "Found" in looked.get(f"/bookings/{quote(uid, safe='')}/text").text


def test_markup_and_names_that_run_the_other_way_stay_what_they_are(looked: Looked) -> None:
    name = "سارة <img src=x onerror=alert(1)> 🎉\u202e"
    guest = {"name": name, "email": "sara@client.example", "timeZone": "<b>Moon</b>"}
    title = f"Call with {name} <script>alert(1)</script>"
    looked.filled.event(uid="hostile-names", title=title, attendees=[guest], location="<i>room</i>", status="<u>x</u>")
    answer = looked.get("/bookings/hostile-names")
    for markup in ("<img src=x", "<script>alert", "<b>Moon", "<i>room", "<u>x"):
        assert markup not in answer.text
    assert f"\u2068{'Call with سارة'}" in answer.text
    assert "🎉" in answer.text


def test_a_title_and_notes_of_many_bytes_do_not_make_the_page_long(looked: Looked) -> None:
    guests = [{"name": "N" * 5_000, "email": f"{number}@client.example"} for number in range(200)]
    for number in range(3):
        at = START + number * MINUTE
        said: dict[str, Any] = {
            "title": f"{number}" + "T" * 50_000,
            "attendees": guests[number:],
            "location": "L" * 9_999,
        }
        looked.filled.event(at=at, uid="long-texts", description="D" * 200_000, **said)
    answer = looked.get("/bookings/long-texts")
    assert answer.status_code == 200
    assert len(answer.content) < 100_000
    assert len(looked.get("/bookings/long-texts/text").content) < 200_000


def test_a_booking_of_500_events_is_paged_from_the_newest_on(looked: Looked, office: Office) -> None:
    for number in range(500):
        looked.filled.event(
            at=START + number * MINUTE, uid="many-events", trigger="BOOKING_LOCATION_UPDATED", location=f"room {number}"
        )
    answer = looked.get("/bookings/many-events")
    assert len(answer.content) < 100_000
    assert "500 events" in words(answer)
    assert "room 498 → room 499" in words(answer)
    seen = len(re.findall("<h3>", answer.text))
    while (found := re.search(r'rel="next" href="([^"]+)"', answer.text)) is not None:
        answer = looked.client.get(found[1], headers=looked.cookie(Role.VIEWER))
        seen += len(re.findall("<h3>", answer.text))
        assert len(answer.content) < 100_000
        assert "Location room 499" in words(answer)
    assert seen == 500
    assert "Newest (" in words(answer)


def test_runs_with_much_to_say_are_folded_so_that_the_page_stays_small(looked: Looked, office: Office) -> None:
    many = "".join(
        f"""
  - name: says-much-{number}
    on: [BOOKING_CREATED]
    do:
{"".join(f"      - make: {'m' * 900}{number}{step}{chr(10)}" for step in range(12))}"""
        for number in range(20)
    )
    office.rules(f"rules:{many}", "much.yaml")
    for number in range(4):
        office.comes(uid="says-much", title=f"Call {number}")
    office.work(most=2_000)
    answer = looked.get("/bookings/says-much")
    assert answer.status_code == 200
    assert len(answer.content) < 100_000
    assert "more runs" in words(answer)


@pytest.mark.parametrize("query", [{"cursor": "garbage"}, {"cursor": "é" * 20}, {"connection": "x" * 2_000}])
def test_a_query_that_is_garbage_is_said_above_the_booking(looked: Looked, query: dict[str, Any]) -> None:
    looked.filled.event(uid="asked-wrongly")
    answer = looked.get("/bookings/asked-wrongly", **query)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "BOOKING_CREATED" in words(answer)


def test_the_text_for_a_ticket_says_the_same_in_plain_lines(looked: Looked, office: Office) -> None:
    rescheduled(looked.filled)
    event = office.comes(uid="uid-one-aaaa", at=START + 9 * MINUTE, title="Line\nfeed \x1b[31m")
    office.work()
    answer = looked.get("/bookings/uid-two-bbbb/text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert "5 events" in lines[0]
    assert "  time moved: 2026-11-20 10:00 -> 2026-11-27 10:00 UTC" in lines
    assert "Uid:         uid-two-bbbb, in place of uid-one-aaaa" in lines
    assert f"  event {event}" in lines
    assert '      asked    {"make": "thing of uid-one-aaaa"}' in lines
    assert "\x1b" not in answer.text
    assert "s3cr3t" not in answer.text


def test_a_text_that_nobody_knows_is_a_404(looked: Looked) -> None:
    assert looked.get("/bookings/nobody-knows/text").status_code == 404


def test_an_operator_replays_the_newest_delivery_from_the_page_and_a_viewer_is_not_offered_it(looked: Looked) -> None:
    looked.filled.event(uid="replay-me")
    newest = looked.filled.event(at=START + MINUTE, uid="replay-me", trigger="BOOKING_PAID")
    assert "<form" not in looked.get("/bookings/replay-me").text.partition("<main")[2]
    page = looked.get("/bookings/replay-me", role=Role.OPERATOR).text
    assert 'action="/bookings/replay-me/replay"' in page
    assert f'name="delivery" value="{newest}"' in page
    answer = looked.post("/bookings/replay-me/replay", delivery=str(newest))
    assert (answer.status_code, answer.headers["location"]) == (303, "/bookings/replay-me")
    assert looked.bell.ids == [newest]


@pytest.mark.parametrize("delivery", ["", "x", str(UUID(int=9))])
def test_a_delivery_that_is_not_there_is_not_replayed(looked: Looked, delivery: str) -> None:
    answer = looked.post("/bookings/replay-me/replay", delivery=delivery)
    assert answer.status_code in (404, 409)
    assert looked.bell.ids == []


def listed(answer: Any) -> list[str]:
    return re.findall(r'<tr>\s*<td[^>]*>\s*<span><a href="/bookings/([^"?]+)', answer.text)


def test_the_list_has_bookings_as_they_stand_the_one_told_of_last_first(looked_on_each: Looked) -> None:
    looked_on_each.filled.event(uid="older", at=START + 9 * MINUTE, title="Another call")
    rescheduled(looked_on_each.filled)
    looked_on_each.filled.event(uid="newer", at=START + 10 * MINUTE, title="A third")
    answer = looked_on_each.get("/bookings")
    assert listed(answer) == ["newer", "older", "uid-two-bbbb"]
    assert "Fri 27 Nov 2026, 10:00 to 10:45" in words(answer)
    assert "CANCELLED" in words(answer)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"email": "zoe@client.example"}, ["zoes"]),
        ({"host": "ada@acme.example"}, ["zoes", "jons"]),
        ({"host": "nobody@acme.example"}, []),
        ({"text": "yearly"}, ["jons"]),
        ({"status": "CANCELLED"}, ["zoes"]),
        ({"status": "ACCEPTED"}, ["jons"]),
        ({"since": "2026-11-01T09:05:00Z"}, ["zoes"]),
        ({"until": "2026-11-01T09:05:00Z"}, ["jons"]),
        ({"connection": "acme"}, ["zoes", "jons"]),
        ({"connection": "eu", "text": ""}, []),
    ],
)
def test_the_list_is_narrowed_by_what_is_asked(looked: Looked, params: dict[str, Any], found: list[str]) -> None:
    looked.filled.event(uid="jons", title="Yearly call")
    zoe = [{"name": "Zoe", "email": "zoe@client.example"}]
    looked.filled.event(
        uid="zoes", at=START + 9 * MINUTE, attendees=zoe, trigger="BOOKING_CANCELLED", status="CANCELLED"
    )
    answer = looked.get("/bookings", **params)
    assert answer.status_code == 200
    assert listed(answer) == found
    for value in filter(None, params.values()):
        assert f'value="{value}"' in answer.text or f"<option selected>{value}</option>" in answer.text


def test_pages_of_the_list_join(looked: Looked) -> None:
    looked.filled.events(70)
    answer, seen = looked.get("/bookings"), list[str]()
    seen += listed(answer)
    while (found := re.search(r'rel="next" href="([^"]+)"', answer.text)) is not None:
        answer = looked.client.get(found[1], headers=looked.cookie(Role.VIEWER))
        seen += listed(answer)
    assert seen == [f"uid-{number}" for number in reversed(range(70))]
    assert ">Newest</a>" in answer.text


@pytest.mark.parametrize(
    "params", [{"cursor": "garbage"}, {"since": "one day"}, {"email": "a" * 2_000}, {"status": ["x" * 9] * 60}]
)
def test_a_list_that_is_asked_for_wrongly_is_a_page_that_says_so(looked: Looked, params: dict[str, Any]) -> None:
    looked.filled.event(uid="there")
    answer = looked.get("/bookings", **params)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert listed(answer) == []


def test_rows_of_a_list_name_the_connection_where_there_are_several(looked: Looked) -> None:
    looked.filled.event(uid="same-uid")
    assert 'href="/bookings/same-uid"' in looked.get("/bookings").text
    looked.filled.event(at=START + MINUTE, uid="same-uid", webhook="eu", pcid="eu")
    text = looked.get("/bookings").text
    assert 'href="/bookings/same-uid?connection=eu"' in text
    assert 'href="/bookings/same-uid?connection=acme"' in text


def test_a_list_without_bookings_says_what_to_do(looked: Looked) -> None:
    assert "No booking yet." in words(looked.get("/bookings"))
    assert "No booking is like this." in words(looked.get("/bookings", text="nothing"))


def test_a_list_of_hostile_and_long_titles_stays_a_small_page(looked: Looked) -> None:
    looked.filled.events(35, title="<script>alert(1)</script>" + "T" * 50_000, organizer={"name": "<img src=x>" * 999})
    answer = looked.get("/bookings")
    assert len(answer.content) < 100_000
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text


def test_no_name_turns_the_line_of_the_text_that_it_stands_in(looked: Looked) -> None:
    turning = "\u202eJon\u2066 Doe"
    looked.filled.event(title=turning, attendees=[{"name": turning, "email": "jon@client.example"}])
    said = looked.get("/bookings/uid-0/text").text
    assert "Jon" in said
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", said)


def test_an_address_that_ends_before_the_uid_leads_to_all_bookings(looked: Looked) -> None:
    answer = looked.get("/bookings/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/bookings")
