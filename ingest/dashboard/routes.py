"""The table of pages: each with its method, its address, the role that it takes and who makes it."""

from __future__ import annotations

from ingest.dashboard import audit, keys, overview, quarantine, settings
from ingest.dashboard.page import Page
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role
_CHOSEN = ("only", "id", "webhook", "until", "all")

PAGES: tuple[Page, ...] = (
    Page("GET", "/", VIEWER, overview.home),
    Page("GET", "/quarantine", VIEWER, quarantine.every),
    Page("POST", "/quarantine/release", OPERATOR, quarantine.release, _CHOSEN),
    Page("POST", "/quarantine/discard", OPERATOR, quarantine.discard, _CHOSEN),
    Page("GET", "/keys", ADMIN, keys.every),
    Page("POST", "/keys", ADMIN, keys.create, ("name", "key_role")),
    Page("POST", "/keys/{id}/link", ADMIN, keys.link),
    Page("POST", "/keys/{id}/revoke", ADMIN, keys.revoke),
    Page("GET", "/audit", ADMIN, audit.every),
    Page("GET", "/audit/{id}", ADMIN, audit.one),
    Page("GET", "/settings", ADMIN, settings.every),
)
