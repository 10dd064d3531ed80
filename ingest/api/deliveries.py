"""The API's answers about deliveries, and what an operator does with them. The verbs are `workers.replay`'s."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from ingest import headers, one_delivery
from ingest.api import cursors, parameters
from ingest.api.endpoint import Ask, json, page, streamed
from workers import replay as verbs
from workers.errors import BadInput
from workers.store import deliveries
from workers.store.deliveries import Filter
from workers.store.events import spell
from workers.store.receipts import State


def every(ask: Ask) -> Response:
    """One page, newest first."""
    limit = ask.query.get("limit", parameters.DEFAULT_LIMIT)
    with ask.store.read() as connection:
        rows = deliveries.page(
            connection, parameters.delivery_filter(ask.query), before=ask.query.get("cursor"), limit=limit + 1
        )
    shown = [deliveries.shape(row) for row in rows[:limit]]
    return page(shown, cursors.spell(rows[limit - 1].id) if len(rows) > limit else None)


def export(ask: Ask) -> Response:
    """Every delivery of the filter, newest first, without headers and body."""
    told = map(deliveries.shape, deliveries.export(ask.store, parameters.delivery_filter(ask.query)))
    return streamed(ask, "deliveries", told, dict)


def one(ask: Ask) -> Response:
    """One delivery with its headers."""
    delivery = ask.id("delivery")
    with ask.store.read() as connection:
        row = deliveries.one(connection, delivery)
        if row is None:
            raise ask.no_such("delivery")
        sent = headers.shown(deliveries.headers(connection, delivery))
    return json({**deliveries.shape(row), "last_seen_at": spell(row.last_seen_at), "headers": sent})


def body(ask: Ask) -> Response:
    """What came, byte for byte."""
    delivery = ask.id("delivery")
    with ask.store.read() as connection:
        held = one_delivery.body(connection, delivery)
    attached = {"Content-Disposition": f'attachment; filename="{delivery}.body"'}
    return Response(held, headers=attached, media_type="application/octet-stream")


def release(ask: Ask) -> Response:
    """Out of quarantine, on its way to an event."""
    return json(deliveries.shape(one_delivery.release(ask.store, ask.broker, ask.id("delivery"))))


def discard(ask: Ask) -> Response:
    """Out of quarantine, for good."""
    return json(deliveries.shape(one_delivery.discard(ask.store, ask.broker, ask.id("delivery"))))


def replay_one(ask: Ask) -> Response:
    """Through the pipeline again."""
    return json(deliveries.shape(one_delivery.replay(ask.store, ask.broker, ask.id("delivery"))))


def replay_all(ask: Ask) -> Response:
    """Every persisted delivery of a filter through the pipeline again."""
    wanted = parameters.delivery_filter(ask.query)
    if wanted == Filter() and not ask.query.get("all", False):
        raise BadInput("name at least one of trigger, verdict, webhook, since, until, connection; or say all=true.")
    if ask.query.get("dry_run", False):
        with ask.store.read() as connection:
            number = deliveries.count(connection, replace(wanted, state=State.PERSISTED))
        return json({"deliveries": number, "dry_run": True})
    number = 0
    for ids in verbs.replay_all(ask.store, wanted):
        verbs.ring(ask.broker, ids)
        number += len(ids)
    return json({"deliveries": number, "dry_run": False})
