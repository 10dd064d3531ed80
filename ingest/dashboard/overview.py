"""The first page: how things go, and what needs a person."""

from __future__ import annotations

from ingest.dashboard.page import Shown, Visit


def home(_visit: Visit) -> Shown:
    """What came lately, by its verdict; how fast it was taken; what became of it."""
    return Shown("overview.html", "Overview")
