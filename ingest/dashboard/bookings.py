"""Bookings: the list of them as they stand, and what happened to one, on one page and as text for a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.responses import Response

from ingest import booking_facts, booking_text, changed, clocks, story
from ingest.api import cursors, parameters
from ingest.brevity import cut
from ingest.dashboard import filtering, timeline
from ingest.dashboard.look import segment
from ingest.dashboard.page import Sent, Shown, Visit
from ingest.story import Story
from workers import replay as verbs
from workers.errors import BadInput, Conflict, NotFound
from workers.store import connections, latest
from workers.store.keys import Role
from workers.store.search import plain

#: characters of a title in a heading, and in a window's
_HEADING, _WINDOW = 300, 80
#: bookings of a list; characters of a title and of a name there
_ROWS, _TITLE, _WORD = 30, 100, 60
#: the fields that are seen at once, and the statuses that are offered: Cal.com's own
_FIRST = ("email", "host", "text", "status", "since", "until")
_STATUSES = ("ACCEPTED", "PENDING", "CANCELLED", "REJECTED")


def every(visit: Visit) -> Shown:
    """Bookings as they stand, those told of last first; what cannot be meant in the filter is said above none."""
    problem, rows, older = "", list[dict[str, Any]](), None
    with visit.store.read() as sql:
        pcids = list(connections.names(sql))
        try:
            asked = visit.read((*parameters.BOOKINGS, parameters.CURSOR))
            wanted = parameters.event_filter(asked)
            found = latest.page(sql, wanted, before=asked.get("cursor"), limit=_ROWS)
            rows = [_row(told, several=len(pcids) > 1) for told in found.bookings]
            if found.next is not None:
                older = visit.address("/bookings", cursor=cursors.spell(found.next))
        except BadInput as error:
            problem = error.message
    fields = filtering.fields(visit, parameters.BOOKINGS, {"connection": pcids, "status": _STATUSES})
    told = {
        "problem": problem,
        "rows": rows,
        "several": len(pcids) > 1,
        "newest": visit.address("/bookings", cursor=None) if visit.asked("cursor") else None,
        "older": older,
        "first": [field for name in _FIRST for field in fields if field.name == name],
        "more": [field for field in fields if field.name not in _FIRST],
        "asked": filtering.asked(visit, "/bookings", parameters.BOOKINGS),
    }
    return Shown("bookings.html", "Bookings", told, 400 if problem else 200)


def _row(told: Mapping[str, Any], *, several: bool) -> dict[str, Any]:
    """A booking as a row: texts cut, and where it is; `several` connections may know one uid."""
    organizer, last = told["organizer"], told["last_event"]
    which = f"?connection={segment(told['connection'])}" if several else ""
    return {
        "href": f"/bookings/{segment(told['uid'])}{which}",
        "uid": told["uid"],
        "title": cut(told["title"], _TITLE),
        "status": cut(told["status"], _WORD),
        "when": clocks.span(told["start"], told["end"]),
        "organizer": organizer and {name: cut(organizer[name], _WORD) for name in ("name", "email")},
        "connection": told["connection"],
        "last": {**last, "trigger": cut(last["trigger"], _WORD) or last["kind"]},
    }


def one(visit: Visit) -> Shown | Sent:
    """What happened to a booking: how it stands, who is in it, and its timeline over the whole lineage."""
    problem, query = None, {}
    try:
        query = visit.read((parameters.CONNECTION, parameters.CURSOR))
    except BadInput as error:
        problem = error.message
    found = _found(visit, query.get("connection"))
    if not isinstance(found, Story):
        return found
    leaf = timeline.leaf(visit.source, found, query.get("cursor"))
    address = f"/bookings/{segment(found.uid)}"
    here = {"connection": query.get("connection")}
    heading = cut(found.told["state"]["title"], _HEADING) if found.told is not None else None
    told = {
        "uid": found.uid,
        "address": address,
        "problem": problem,
        "story": found,
        "sentences": found.sentences(visit.now),
        "dead": found.dead(),
        "beside": [cut(said, 2_000) for said in found.beside()],
        "facts": found.facts(leaf.place),
        "heading": heading or f"Booking {cut(found.uid, _WINDOW)}",
        "series": found.told["series"] if found.told is not None else None,
        "leaf": leaf,
        "earlier": visit.address(address, **here, cursor=leaf.cursor) if leaf.cursor else None,
        "latest": visit.address(address, **here, cursor=None) if leaf.later else None,
        "as_text": visit.address(f"{address}/text", **here, cursor=None),
        "newest": _newest(found) if visit.may(Role.OPERATOR) else None,
    }
    title = cut(heading, _WINDOW) or f"Booking {cut(found.uid, _WINDOW)}"
    return Shown("booking.html", title, told, 400 if problem else 200)


def text(visit: Visit) -> Response | Shown | Sent:
    """The same as plain text, to be pasted where people write about it."""
    query = visit.read((parameters.CONNECTION,))
    found = _found(visit, query.get("connection"), to="/text")
    if not isinstance(found, Story):
        return found
    with visit.store.read() as sql:
        held = story.bodies(sql, found.events[: -booking_text.MOST - 1 : -1])
    places = {event_id: booking_facts.location(payload) for event_id, payload in held.items()}
    changes = changed.along([{**event, "location": places.get(event["id"])} for event in found.events])
    place = next((places[event["id"]] for event in reversed(found.events) if places.get(event["id"])), None)
    said = booking_text.text(found, found.facts(place), changes, now=visit.now)
    return Response(said, media_type="text/plain")


def replay(visit: Visit) -> Sent:
    """The delivery that was the newest when the page was made goes through the pipeline again."""
    uid = plain(visit.path["uid"])
    try:
        delivery = UUID(visit.given("delivery"))
    except ValueError:
        raise NotFound("there is no delivery with this id.") from None
    moved = verbs.replay(visit.store, [delivery])
    if not moved:
        raise Conflict("this delivery is not persisted, or there is none any more; its page says what became of it.")
    verbs.ring(visit.source.broker, moved)
    return Sent(f"/bookings/{segment(uid)}", "The newest delivery is on its way through the pipeline again.")


def _found(visit: Visit, pcid: str | None, *, to: str = "") -> Story | Shown | Sent:
    """The story; or the way to it, where only the beginning of its uid is asked for; or what to do."""
    uid = plain(visit.path["uid"])
    with visit.store.read() as sql:
        found = story.read(sql, uid, pcid)
        begun = story.begun(sql, uid) if found is None else []
        known = story.read(sql, uid, None) is not None if found is None and pcid is not None else False
    if found is not None:
        return found
    if not uid:
        return Sent("/bookings")
    if len(begun) == 1 and begun[0] != uid:
        return Sent(visit.address(f"/bookings/{segment(begun[0])}{to}"))
    told: dict[str, Any] = {"uid": cut(uid, 200), "sought": cut(uid, 200), "begun": begun, "known": known, "pcid": pcid}
    return Shown("booking-unknown.html", "No such booking", told, 404)


def _newest(found: Story) -> str | None:
    """The id of the delivery that came last and is an event."""
    came = [event["delivery"]["id"] for event in found.events if event["delivery"] is not None]
    return came[-1] if came else None
