"""Every address of the API, on one screen: the routes and the OpenAPI document are both made of this table."""

from __future__ import annotations

from starlette.responses import Response

from ingest.api import audit, bookings, connections, deliveries, events, keys, openapi, rules, runs, stats, webhooks
from ingest.api.endpoint import Ask, Endpoint, json
from ingest.api.parameters import (
    AUDIT,
    BOOKINGS,
    COMING,
    CONNECTION,
    CURSOR,
    DELIVERIES,
    DONE,
    DRY_RUN,
    EVENTS,
    EVERYTHING,
    FORMAT,
    KEY_NAME,
    KEY_ROLE,
    LAST_EVENT,
    LAST_EVENT_ID,
    LIMIT,
    LOOK,
    LOOKED_AT,
    PAYLOAD,
    REPLAYED,
    RUNS,
    STEP,
    UNMASKED,
    WINDOW,
)
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN


def _document(_ask: Ask) -> Response:
    return json(openapi.document(ENDPOINTS))


#: a literal path stands before one with an id, for the first that fits answers
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET", "/events", VIEWER, events.every, "Events, newest first", (*EVENTS, CURSOR, LIMIT, UNMASKED), "EventPage"
    ),
    Endpoint(
        "GET",
        "/events/stats",
        VIEWER,
        events.statistics,
        "How many events, by trigger, kind, connection, day",
        EVENTS,
        "Statistics",
    ),
    Endpoint(
        "GET",
        "/events/export",
        VIEWER,
        events.export,
        "Every event, newest first",
        (*EVENTS, FORMAT, UNMASKED),
        "Event",
        "application/x-ndjson",
        csv=True,
    ),
    Endpoint(
        "GET",
        "/events/live",
        VIEWER,
        events.live,
        "Events as they are written, as server-sent events",
        (*COMING, PAYLOAD, LAST_EVENT),
        media="text/event-stream",
        headers=(LAST_EVENT_ID,),
        messages={"event": "LiveEvent", "gap": "Gap"},
    ),
    Endpoint("GET", "/events/{id}", VIEWER, events.one, "One event", (UNMASKED,), "Event"),
    Endpoint(
        "GET",
        "/deliveries",
        VIEWER,
        deliveries.every,
        "Deliveries, newest first",
        (*DELIVERIES, CURSOR, LIMIT),
        "DeliveryPage",
    ),
    Endpoint(
        "GET",
        "/deliveries/export",
        VIEWER,
        deliveries.export,
        "Every delivery, newest first",
        (*DELIVERIES, FORMAT),
        "Delivery",
        "application/x-ndjson",
        csv=True,
    ),
    Endpoint(
        "POST",
        "/deliveries/replay",
        OPERATOR,
        deliveries.replay_all,
        "Replay every persisted delivery of a filter",
        (*REPLAYED, EVERYTHING, DRY_RUN),
        "Replayed",
    ),
    Endpoint(
        "GET", "/deliveries/{id}", VIEWER, deliveries.one, "One delivery with its headers", (), "DeliveryWithHeaders"
    ),
    Endpoint(
        "GET",
        "/deliveries/{id}/body",
        OPERATOR,
        deliveries.body,
        "The body of a delivery, byte for byte",
        (),
        None,
        "application/octet-stream",
        raw=True,
    ),
    Endpoint(
        "POST",
        "/deliveries/{id}/release",
        OPERATOR,
        deliveries.release,
        "Release a delivery from quarantine",
        (),
        "Delivery",
    ),
    Endpoint(
        "POST",
        "/deliveries/{id}/discard",
        OPERATOR,
        deliveries.discard,
        "Discard a delivery in quarantine",
        (),
        "Delivery",
    ),
    Endpoint(
        "POST",
        "/deliveries/{id}/replay",
        OPERATOR,
        deliveries.replay_one,
        "Send a delivery through the pipeline again",
        (),
        "Delivery",
    ),
    Endpoint(
        "GET",
        "/bookings",
        VIEWER,
        bookings.every,
        "Bookings as they stand, those told of last first",
        (*BOOKINGS, CURSOR, LIMIT),
        "BookingPage",
    ),
    Endpoint(
        "GET",
        "/bookings/{uid}",
        VIEWER,
        bookings.one,
        "The timeline of a booking and what it was rescheduled from and to",
        (CONNECTION,),
        "Timeline",
    ),
    Endpoint("GET", "/runs", VIEWER, runs.every, "Runs, newest first", (*RUNS, CURSOR, LIMIT), "RunPage"),
    Endpoint(
        "GET",
        "/runs/export",
        VIEWER,
        runs.export,
        "Every run, newest first",
        (*RUNS, FORMAT),
        "Run",
        "application/x-ndjson",
        csv=True,
    ),
    Endpoint("GET", "/runs/{id}", VIEWER, runs.one, "One run with what each step did", (), "RunWithActions"),
    Endpoint(
        "POST", "/runs/{id}/retry", OPERATOR, runs.retry, "Try a dead or failed run again", (LOOK,), "RunWithActions"
    ),
    Endpoint(
        "POST", "/runs/{id}/cancel", OPERATOR, runs.cancel, "Do nothing more of an unfinished run", (), "RunWithActions"
    ),
    Endpoint(
        "POST",
        "/runs/{id}/resolve",
        OPERATOR,
        runs.resolve,
        "Say whether the step whose end is unknown was done; the run goes on",
        (DONE, STEP),
        "RunWithActions",
    ),
    Endpoint("GET", "/rules", VIEWER, rules.every, "The rules that are live, by name", (), "RuleList"),
    Endpoint("GET", "/rules/{name}", VIEWER, rules.one, "One rule with its text and versions", (), "RuleWithVersions"),
    Endpoint(
        "GET", "/audit", ADMIN, audit.every, "Who asked for what, newest first", (*AUDIT, CURSOR, LIMIT), "AuditPage"
    ),
    Endpoint("GET", "/webhooks", VIEWER, webhooks.every, "The webhooks and how each stands", (), "WebhookList"),
    Endpoint(
        "GET",
        "/webhooks/drift",
        VIEWER,
        webhooks.drifts_seen,
        "What the last look at each connection saw of its webhooks",
        (),
        "DriftList",
    ),
    Endpoint(
        "POST",
        "/webhooks/drift",
        OPERATOR,
        webhooks.look,
        "Look now whether Cal.com's webhooks are as daybook.yaml wants; nothing is changed there",
        (LOOKED_AT,),
        "Drift",
    ),
    Endpoint("GET", "/connections", VIEWER, connections.every, "The connections, by PCID", (), "ConnectionList"),
    Endpoint("GET", "/keys", ADMIN, keys.every, "Keys, revoked ones too, without themselves", (), "KeyList"),
    Endpoint("POST", "/keys", ADMIN, keys.create, "Make a key and show it, once", (KEY_NAME, KEY_ROLE), "KeyMade"),
    Endpoint("DELETE", "/keys/{id}", ADMIN, keys.revoke, "Make a key worthless, at once", (), "Key"),
    Endpoint(
        "GET",
        "/stats/overview",
        VIEWER,
        stats.figures,
        "Deliveries, how long they took, events, runs and API budgets of a window",
        (WINDOW,),
        "Overview",
    ),
    Endpoint(
        "GET",
        "/attention",
        VIEWER,
        stats.attention,
        "What needs a person, the most pressing first",
        (),
        "AttentionList",
    ),
    Endpoint("GET", "/openapi.json", None, _document, "This document"),
)
