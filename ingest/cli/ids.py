"""Ids as people type them at the command line; `ingest.ids` finds them, here is which command shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Connection

    from ingest.ids import Noun

_PLURAL = {"event": "events", "delivery": "deliveries", "run": "runs"}


def meant(sql: Connection, written: str, noun: Noun) -> UUID:
    """The id that is meant; whether a whole one exists is not asked. Raises BadInput, NotFound."""
    from ingest import ids

    return ids.meant(sql, written, noun, shows=f"`daybook {_PLURAL[noun]} list`")


def uid(sql: Connection, written: str) -> str:
    """The booking's uid that begins so. Raises BadInput, NotFound."""
    from ingest import ids

    return ids.uid(sql, written, finds="`daybook events list --text …`")
