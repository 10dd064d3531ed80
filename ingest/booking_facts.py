"""What is known of one booking, put together from its timeline for whoever reads a page or a ticket. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import UTC
from typing import Any

from ingest import clocks
from ingest.brevity import cut
from ingest.changed import length
from workers.catalogue.mask import mask
from workers.store.seats import happened

#: characters of a name or address
_NAME = 120


def facts(told: Mapping[str, Any], location: str | None) -> dict[str, Any]:
    """A booking as it stands. `told` is as `timeline.read` gives it.

    `{"status", "start", "utc", "there", "zone", "length", "event_type", "type", "location", "organizer", "hosts",
    "attendees", "seats", "uids": [as `uids` below, …]}`: `there` is when it is by the organizer's clock, in `zone`;
    hosts are those beside the organizer. A person is `{"name", "email", "time_zone", "no_show"}`, with long names cut.
    """
    state = told["state"]
    mine = [event for event in told["events"] if event["booking"]["uid"] == state["uid"]] or told["events"]
    newest = sorted(mine, key=happened, reverse=True)
    organizer = state["organizer"]
    zone = clocks.zone(organizer.get("time_zone") if organizer else None)
    hosts = _first(newest, "hosts") or []
    absent = _absent(told["events"])
    return {
        "status": state["status"],
        "start": state["start"],
        "utc": clocks.span(state["start"], state["end"], UTC),
        "there": clocks.span(state["start"], state["end"], zone) if zone is not None else None,
        "zone": zone.key if zone is not None else None,
        "length": length(state["start"], state["end"]),
        "event_type": _first(newest, "event_type"),
        "type": _first(newest, "type"),
        "location": location,
        "organizer": _person(organizer, absent),
        "hosts": [_person(each, absent) for each in hosts if _who(each) != _who(organizer)],
        "attendees": [_person(each, absent) for each in state["attendees"]],
        "seats": [{**seat, "attendee": _person(seat["attendee"], absent)} for seat in state["seats"]],
        "uids": uids(told),
    }


def uids(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The uids of the lineage in the order in which they took each other's place.

    `{"uid", "previous", "start", "at"}`: the uid it took the place of and when, and when it begins; None for what no
    event told.
    """
    elsewhere = {event["booking"]["uid"] for event in told["events"] if event["booking"]["lineage"] != told["lineage"]}
    known: dict[str, dict[str, Any]] = {
        uid: {"uid": uid, "previous": None, "start": None, "at": None} for uid in told["uids"] if uid not in elsewhere
    }
    for event in sorted(told["events"], key=happened):
        one = known.get(event["booking"]["uid"])
        if one is None:  # a seat went there, not the booking
            continue
        one["start"] = event["start"] or one["start"]
        if event["previous_uid"] and event["booking"]["seat"] is None:
            one["previous"], one["at"] = event["previous_uid"], one["at"] or event["occurred_at"]
    following = {one["previous"]: uid for uid, one in known.items() if one["previous"] in known}
    ordered: dict[str, dict[str, Any]] = {}
    for uid in [*(uid for uid, one in known.items() if one["previous"] not in known), *known]:
        at: str | None = uid
        while at is not None and at not in ordered:
            ordered[at] = known[at]
            at = following.get(at)
    return list(ordered.values())


def location(payload: Mapping[str, Any]) -> str | None:
    """Where a booking takes place, by its payload, without what lets one in; None where it says nothing."""
    shown = mask({name: payload.get(name) for name in ("location", "responses")})
    place = shown["location"]
    if not isinstance(place, str) or not place.strip():
        responses = shown["responses"]
        answer = responses.get("location") if isinstance(responses, dict) else None
        value = answer.get("value") if isinstance(answer, dict) else None
        place = (value.get("optionValue") or value.get("value")) if isinstance(value, dict) else value
    return place if isinstance(place, str) and place.strip() else None


def _first(events: Sequence[Mapping[str, Any]], field: str) -> Any:
    return next((event[field] for event in events if event[field]), None)


def _absent(events: Sequence[dict[str, Any]]) -> set[str | None]:
    """Who is said not to have come."""
    found: dict[str | None, bool] = {}
    for event in sorted(events, key=happened):
        found |= {_who(each): each["no_show"] for each in event["attendees"] if each.get("no_show") is not None}
    return {who for who, absent in found.items() if absent}


def _person(person: Mapping[str, Any] | None, absent: Container[str | None]) -> dict[str, Any] | None:
    if person is None:
        return None
    told = {name: cut(person.get(name), _NAME) for name in ("name", "email", "time_zone")}
    return {**told, "no_show": _who(person) in absent}


def _who(person: Mapping[str, Any] | None) -> str | None:
    return str(person.get("email") or person.get("name")).casefold() if person else None
