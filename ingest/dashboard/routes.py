"""The table of pages: each with its method, its address, the role that it takes and who makes it."""

from __future__ import annotations

from ingest.dashboard import bookings, deliveries, event, events, overview, search
from ingest.dashboard.page import Page
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role

#: a literal end of a path stands before the path that takes anything, for the first that fits answers
PAGES: tuple[Page, ...] = (
    Page("GET", "/", VIEWER, overview.home),
    Page("GET", "/search", VIEWER, search.find),
    Page("GET", "/events", VIEWER, events.every),
    Page("GET", "/events/{id}", VIEWER, event.one),
    Page("GET", "/events/{id}/raw", OPERATOR, event.raw, raw=True),
    Page("GET", "/deliveries", VIEWER, deliveries.every),
    Page("GET", "/deliveries/{id}", VIEWER, deliveries.one),
    Page("GET", "/deliveries/{id}/body", OPERATOR, deliveries.body, raw=True),
    Page("POST", "/deliveries/{id}/release", OPERATOR, deliveries.release),
    Page("POST", "/deliveries/{id}/discard", OPERATOR, deliveries.discard),
    Page("POST", "/deliveries/{id}/replay", OPERATOR, deliveries.replay),
    Page("GET", "/bookings", VIEWER, bookings.every),
    Page("GET", "/bookings/{uid:path}/text", VIEWER, bookings.text),
    Page("POST", "/bookings/{uid:path}/replay", OPERATOR, bookings.replay, ("delivery",)),
    Page("GET", "/bookings/{uid:path}", VIEWER, bookings.one),
)
