"""Events that no delivery brought, wherever events are shown: as what they are, and a booking stands as they say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ingest.mcp.history.toolset import History
from tests.contract.mcp.conftest import conforms
from tests.contract.store.filled import START
from tests.integration.dashboard.conftest import Looked, words
from workers.catalogue.event import Event, Kind
from workers.gaps import bookings
from workers.gaps.telling import Looked as Between
from workers.record import Found, record
from workers.rulebook import NOTHING
from workers.store import events, history, timeline
from workers.store.audit import Who
from workers.store.keys import Role

ROW = {
    "uid": "a", "id": 7, "status": "cancelled", "title": "Intro call", "updatedAt": "2026-11-02T10:00:00Z",
    "start": "2026-11-20T10:00:00Z", "end": "2026-11-20T10:30:00Z", "eventType": {"id": 3, "slug": "intro-call"},
    "hosts": [{"id": 41, "name": "Ada Berg", "email": "Ada@acme.example"}], "cancellationReason": "no time",
    "attendees": [{"name": "Jon Doe", "email": "jon@client.example"}],
}  # fmt: skip


def found(looked: Looked) -> dict[str, Any]:
    """A booking was told of, and its cancellation was found."""
    looked.filled.event(uid="a")
    one = bookings.booking(ROW)
    assert one is not None
    now = START + timedelta(days=1, hours=2)
    event = bookings.event(one, "BOOKING_CANCELLED", Between(START, now))
    with looked.source.store.write() as sql:
        record(sql, NOTHING, [Found(event, "acme")], now=now)
        alert = Event(kind=Kind.SYNTHETIC, trigger="daybook.lag", status="RAISED")
        record(sql, NOTHING, [Found(alert)], now=now)
    with looked.source.store.read() as sql:
        rows = history.page(sql, history.Filter(triggers=("BOOKING_CANCELLED",)), limit=1)
        return events.whole(sql, rows[0])


def test_its_page_says_that_it_was_found_and_its_booking_stands_as_it_says(looked_on_each: Looked) -> None:
    event = found(looked_on_each)

    assert (event["kind"], event["webhook"], event["delivery_id"]) == ("synthetic", None, None)
    said = words(looked_on_each.get(f"/events/{event['id']}"))
    assert "none: Daybook found it at Cal.com" in said
    assert "no time" in said
    story = words(looked_on_each.get("/bookings/a"))
    assert "No delivery: Daybook found this at Cal.com" in story
    assert "CANCELLED" in story
    assert "Intro call" in words(looked_on_each.get("/events", kind="synthetic"))
    with looked_on_each.source.store.read() as sql:
        told = timeline.read(sql, "a")
    assert told is not None
    assert told["state"]["status"] == "CANCELLED"


def test_an_alert_has_a_page_that_names_no_connection(looked: Looked) -> None:
    found(looked)
    with looked.source.store.read() as sql:
        (alert,) = history.page(sql, history.Filter(triggers=("daybook.lag",)), limit=1)

    page = looked.get(f"/events/{alert.id}")
    assert "none: Daybook says this of itself" in words(page)
    assert "<dt>Connection</dt>" not in page.text


def test_models_are_told_the_same(looked_on_each: Looked) -> None:
    event = found(looked_on_each)
    source = looked_on_each.source
    tools = History(looked_on_each.settings, source.store, source.vault)
    for tool, arguments in (("get_event", {"event": event["id"]}), ("explain_booking", {"booking": "a"})):
        answer = tools.call(Who("test", Role.OPERATOR, None), tool, arguments)
        conforms(tool, answer)
        assert "synthetic" in str(answer)
