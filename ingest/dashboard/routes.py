"""The table of pages: each with its method, its address, the role that it takes and who makes it."""

from __future__ import annotations

from ingest.dashboard import bookings, overview
from ingest.dashboard.page import Page
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role

#: a literal end of a path stands before the path that takes anything, for the first that fits answers
PAGES: tuple[Page, ...] = (
    Page("GET", "/", VIEWER, overview.home),
    Page("GET", "/bookings/{uid:path}/text", VIEWER, bookings.text),
    Page("POST", "/bookings/{uid:path}/replay", OPERATOR, bookings.replay, ("delivery",)),
    Page("GET", "/bookings/{uid:path}", VIEWER, bookings.one),
)
