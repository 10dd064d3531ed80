"""Deliveries: the list of what came in, one with its headers, and what an operator does with it.

The verbs are `one_delivery`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from dramatiq import Broker
from sqlalchemy import Connection
from starlette.responses import Response

from ingest import forgotten, headers, one_delivery
from ingest.api import cursors, parameters
from ingest.api.parameters import CURSOR, DELIVERIES
from ingest.brevity import cut
from ingest.dashboard import filtering
from ingest.dashboard.page import Sent, Shown, Visit
from workers.catalogue.triggers import TRIGGERS
from workers.errors import BadInput
from workers.store import deliveries, webhooks
from workers.store.engine import Store
from workers.store.events import spell
from workers.store.keys import Role
from workers.store.receipts import State

#: deliveries of a page; headers of one, and characters of a header's name and value
_ROWS, _HEADERS, _NAME, _VALUE = 50, 60, 100, 400

_STANDS = {
    State.RECEIVED: "It waits for a worker to make an event of it.",
    State.PERSISTED: "It became an event.",
    State.QUARANTINED: "It is in quarantine: nothing was made of it, and anybody may have sent it. A person decides.",
    State.DISCARDED: "A person discarded it. It is kept, and nothing is made of it.",
}
_VERDICTS = {
    "signed": "Its signature is right.",
    "mismatch": "Its signature fits none of the webhook’s secrets.",
    "unsigned": "It came without a signature.",
}


def every(visit: Visit) -> Shown:
    """One page of the list; what in the filter cannot be meant is said above an empty one."""
    problem, rows, older = "", list[dict[str, Any]](), None
    with visit.store.read() as sql:
        names = list(webhooks.names(sql))
        try:
            asked = visit.read((*DELIVERIES, CURSOR))
            wanted = parameters.delivery_filter(asked)
            found = deliveries.page(sql, wanted, before=asked.get("cursor"), limit=_ROWS + 1)
            rows = [deliveries.shape(row) for row in found[:_ROWS]]
            if len(found) > _ROWS:
                older = visit.address("/deliveries", cursor=cursors.spell(found[_ROWS - 1].id))
        except BadInput as error:
            problem = error.message
    told = {
        "problem": problem,
        "rows": rows,
        "newest": visit.address("/deliveries", cursor=None) if visit.asked("cursor") else None,
        "older": older,
        "fields": filtering.fields(visit, DELIVERIES, {"trigger": list(TRIGGERS), "webhook": names}),
        "asked": filtering.asked(visit, "/deliveries", DELIVERIES),
    }
    return Shown("deliveries.html", "Deliveries", told, 400 if problem else 200)


def one(visit: Visit) -> Shown:
    """One delivery with its headers. Raises NotFound."""
    delivery = visit.id("delivery")
    with visit.store.read() as sql:
        row = deliveries.one(sql, delivery)
        if row is None:
            raise one_delivery.no_such()
        sent = headers_of(sql, delivery)
        gone = bool(deliveries.bodiless(sql, [delivery]))
    told = {
        "delivery": {**deliveries.shape(row), "last_seen_at": spell(row.last_seen_at)},
        "sentence": f"{_VERDICTS.get(row.verdict, '')} {_STANDS[State(row.state)]}".strip(),
        **sent,
        "gone": forgotten.SENTENCE if gone else None,
        "operator": visit.may(Role.OPERATOR),
    }
    return Shown("delivery.html", f"Delivery {str(delivery)[:8]}", told)


def headers_of(sql: Connection, delivery: UUID) -> dict[str, Any]:
    """The headers of a delivery as pages show them: `headers`, and how many are left out; none where none are kept."""
    sent = headers.shown(deliveries.headers(sql, delivery))
    shown = [(cut(name, _NAME), cut(value, _VALUE)) for name, value in sent[:_HEADERS]]
    return {"headers": shown, "headers_left": len(sent[_HEADERS:])}


def body(visit: Visit) -> Response:
    """What came, byte for byte, to be kept as a file. Raises NotFound."""
    delivery = visit.id("delivery")
    with visit.store.read() as sql:
        held = one_delivery.body(sql, delivery)
    attached = {"Content-Disposition": f'attachment; filename="{delivery}.body"'}
    return Response(held, headers=attached, media_type="application/octet-stream")


def release(visit: Visit) -> Sent:
    """Out of quarantine, on its way to an event."""
    return _moved(visit, one_delivery.release, "Released: it is on its way to an event.")


def discard(visit: Visit) -> Sent:
    """Out of quarantine, for good."""
    return _moved(visit, one_delivery.discard, "Discarded: it never becomes an event.")


def replay(visit: Visit) -> Sent:
    """Through the pipeline again."""
    return _moved(visit, one_delivery.replay, "Replayed: its event is read anew.")


def _moved(visit: Visit, verb: Callable[[Store, Broker, UUID], object], said: str) -> Sent:
    delivery = visit.id("delivery")
    verb(visit.store, visit.source.broker, delivery)
    return Sent(f"/deliveries/{delivery}", said)
