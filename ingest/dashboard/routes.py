"""The table of pages: each with its method, its address, the role that it takes and who makes it."""

from __future__ import annotations

from ingest.dashboard import overview
from ingest.dashboard.page import Page
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role

PAGES: tuple[Page, ...] = (Page("GET", "/", VIEWER, overview.home),)
