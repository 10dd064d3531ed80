"""The search of the header: where what is typed leads."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from uuid_utils.compat import uuid7

from tests.contract.store.filled import body
from tests.integration.dashboard.conftest import Looked

UID = "bFJeNb2uX8ANpT3JL5EfXw"


def _leads(looked: Looked, typed: str) -> str:
    answer = looked.get(f"/search?q={quote(typed)}")
    assert answer.status_code == 303
    return answer.headers["location"]


def test_a_uid_leads_to_its_booking_and_so_does_a_beginning_that_only_it_has(looked_on_each: Looked) -> None:
    looked = looked_on_each
    looked.filled.event(uid=UID)
    looked.filled.event(uid="bFJeNb2uAnotherBooking")
    assert _leads(looked, f" {UID} ") == f"/bookings/{UID}"
    assert _leads(looked, UID[:9]) == f"/bookings/{UID}"
    assert _leads(looked, "bFJeNb2u") == "/events?text=bFJeNb2u"
    assert _leads(looked, "bFJeNb2uA") == "/bookings/bFJeNb2uAnotherBooking"


def test_a_uid_with_odd_characters_leads_to_its_booking(looked: Looked) -> None:
    looked.filled.event(uid="a/b?c#d%")
    assert _leads(looked, "a/b?c#d%") == "/bookings/a%2Fb%3Fc%23d%25"


def test_a_short_word_is_a_word_even_where_a_uid_begins_so(looked: Looked) -> None:
    looked.filled.event(uid="callUvWxYz12345")
    assert _leads(looked, "call") == "/events?text=call"
    assert _leads(looked, "callUvW…") == "/bookings/callUvWxYz12345"
    looked.filled.event(uid="conferenceUvWxYz12345")
    assert _leads(looked, "conference") == "/events?text=conference"
    assert _leads(looked, "conferenceU") == "/bookings/conferenceUvWxYz12345"


def test_an_id_leads_to_the_event_or_delivery_or_to_its_words(looked_on_each: Looked) -> None:
    looked = looked_on_each
    event, delivery = looked.filled.event(), looked.filled.keep(body(uid="b"), verdict="mismatch")
    assert _leads(looked, str(event)) == f"/events/{event}"
    assert _leads(looked, event.hex.upper()) == f"/events/{event}"
    assert _leads(looked, str(event)[:18]) == f"/events/{event}"
    assert _leads(looked, str(delivery)) == f"/deliveries/{delivery}"
    nobody = str(uuid7())
    assert _leads(looked, nobody) == f"/events?text={nobody}"


def test_an_email_leads_to_the_events_of_that_person_and_words_to_those_that_have_them(looked: Looked) -> None:
    assert _leads(looked, "Jon@Client.example") == "/events?email=Jon%40Client.example"
    assert _leads(looked, "intro call & more") == "/events?text=intro%20call%20%26%20more"
    assert _leads(looked, "") == "/events"


@pytest.mark.parametrize("typed", ["\x00", "\x00" * 40, "%", "…", "x" * 5_000, "🎉שלום", "//evil.example", "@", "a@"])
def test_whatever_is_typed_leads_to_a_page(looked_on_each: Looked, typed: str) -> None:
    leads = _leads(looked_on_each, typed)
    assert leads.startswith("/events?")
    assert looked_on_each.get(leads).status_code in (200, 400)
