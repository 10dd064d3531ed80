"""One event: what it says, how it came, what rules made of it, and its payload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row
from starlette.responses import Response

from ingest import clocks, forgotten, standing
from ingest.brevity import cut
from ingest.dashboard.deliveries import headers_of
from ingest.dashboard.page import Shown, Visit
from ingest.dashboard.payload import held
from ingest.hearing import NOW, Hearing
from workers.catalogue.mask import mask
from workers.catalogue.own import ABOUT
from workers.errors import NotFound
from workers.store import deliveries, history, ledger, outcomes, rules, runs
from workers.store.events import payload, shape
from workers.store.history import Filter
from workers.store.keys import Role

#: characters of a title, a word, notes and a reason; people, runs and rules that are told of
_TITLE, _WORD, _NOTES, _REASON = 300, 100, 2_000, 300
_PEOPLE, _RUNS, _RULES = 50, 50, 50
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def one(visit: Visit) -> Shown:
    """The page of an event. Raises NotFound."""
    event_id = visit.id("event")
    with visit.store.read() as sql:
        row = _row(sql, event_id)
        said = shape(row)
        body = payload(sql, row)
        delivery = deliveries.one(sql, row.delivery_id) if row.delivery_id is not None else None
        gone = row.payload is None and bool(deliveries.bodiless(sql, [event_id]))
        sent = headers_of(sql, delivery.id) if delivery is not None else {"headers": [], "headers_left": 0}
        caused = [outcomes.run(each) for each in runs.of_events(sql, [event_id])]
        cause = ledger.causes(sql, [UUID(row.caused_by)]) if row.caused_by else []
        around = _around(sql, row)
        live = rules.live(sql)
    hearing = Hearing(visit.source.rules, live)
    lines = hearing.lines({**said, "payload": body}, caused)
    about = ABOUT.get(said["trigger"] or "")
    name = cut(said["trigger"], _WORD) or said["kind"]
    people = _people(said)
    told = {
        "event": {**said, "title": cut(said["title"], _TITLE), "notes": cut(said["notes"], _NOTES)},
        "trigger": name,
        "about": about,
        "sentence": sentence(said, caused),
        "times": [
            (of, said[key], _local(said[key], (said["organizer"] or {}).get("time_zone")))
            for of, key in (("Begins", "start"), ("Ends", "end"), ("Occurred", "occurred_at"))
            if said[key]
        ],
        "people": people[:_PEOPLE],
        "people_left": len(people[_PEOPLE:]),
        "delivery": deliveries.shape(delivery) if delivery is not None else None,
        **sent,
        "cause": next(iter(cause), None),
        "runs": [{**run, "reason": cut(run["reason"], _REASON)} for run in caused[:_RUNS]],
        "runs_left": len(caused[_RUNS:]),
        "rules": [{**line, "because": cut(line["because"], _REASON)} for line in lines if line["run"] is None][:_RULES],
        "note": hearing.note or NOW,
        "payload": held(mask(body)),
        "gone": forgotten.SENTENCE if gone else None,
        "around": around,
        "operator": visit.may(Role.OPERATOR),
    }
    return Shown("event.html", cut(said["title"], _WORD) or name, told)


def raw(visit: Visit) -> Response:
    """Its payload as it came, secrets and all, as JSON. Raises NotFound."""
    event_id = visit.id("event")
    with visit.store.read() as sql:
        whole = msgspec.json.encode(payload(sql, _row(sql, event_id)))
    if len(whole) <= _READABLE:
        whole = msgspec.json.format(whole, indent=2)
    return Response(whole, media_type="application/json")


#: bytes that are worth to be laid out for reading
_READABLE = 1024 * 1024


def sentence(said: Mapping[str, Any], caused: Sequence[Mapping[str, Any]]) -> str:
    """What happened, and what came of it, in plain words."""
    about = ABOUT.get(said["trigger"] or "")
    if about is not None:
        what = about
    elif said["kind"] == "unparsed":
        what = "Something came that is no JSON object"
    elif said["trigger"]:
        what = f"Cal.com told of {cut(said['trigger'], _WORD)}, which Daybook does not know"
    else:
        what = "Something came that names no trigger"
    beside = cut(standing.who({"organizer": None, "attendees": standing.unnamed(said)}), _TITLE)
    named = " with ".join(standing.apart(part) for part in (cut(said["title"], _TITLE), beside) if part)
    what += f": {named}" if named else ""
    starts = standing.minute(said["start"])
    return f"{what}{f', at {starts} UTC' if starts else ''}. {_done(caused)}"


def _done(caused: Sequence[Mapping[str, Any]]) -> str:
    if not caused:
        return "No rule acted on it."
    number = len(caused)
    spelt = _NUMBERS[number] if number < len(_NUMBERS) else str(number)
    states = ", ".join(f"{count} {state}" for state, count in Counter(run["state"] for run in caused).most_common())
    return f"{spelt} run{'' if number == 1 else 's'} of rules came of it: {states}."


def _row(sql: Connection, event_id: UUID) -> Row[Any]:
    row = history.one(sql, event_id)
    if row is None:
        raise NotFound("there is no event with this id.")
    return row


def _around(sql: Connection, row: Row[Any]) -> dict[str, Any]:
    """The events of the same booking before and after this one."""
    if row.booking_uid is None:
        return {"before": None, "after": None}
    wanted = Filter(booking=row.booking_uid, connection=row.connection)
    before = history.page(sql, wanted, before=row.id, limit=1)
    after = history.page(sql, wanted, before=row.id, limit=1, oldest_first=True)
    return {"before": before[0] if before else None, "after": after[0] if after else None}


def _people(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everyone named, each once with the part they have."""
    parts = [("Organizer", said["organizer"]), *(("Host", one) for one in said["hosts"])]
    parts += [("Attendee", one) for one in said["attendees"]]
    found: list[dict[str, Any]] = []
    hosts = set()
    for part, one in parts:
        if one is None or (part == "Host" and one["email"] in hosts):
            continue
        if part != "Attendee":
            hosts.add(one["email"])
        found.append(
            {
                "part": part,
                "name": cut(one["name"], _WORD),
                "email": cut(one["email"], _TITLE),
                "time_zone": cut(one["time_zone"], _WORD),
                "no_show": one.get("no_show"),
            }
        )
    return found


def _local(instant: str, name: str | None) -> str | None:
    """An instant where the organizer lives; None where that is not known, or no place."""
    zone = clocks.zone(name)
    then = clocks.there(instant, zone) if zone is not None else None
    return f"{then:%Y-%m-%d %H:%M} {name}" if then is not None else None
