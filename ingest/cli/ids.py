"""Ids as people type them: whole, or as much of the beginning as tells one from all others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from workers.errors import BadInput, NotFound

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Connection

Noun = Literal["event", "delivery", "run"]

_ONE = {"event": "an event", "delivery": "a delivery", "run": "a run"}
_PLURAL = {"event": "events", "delivery": "deliveries", "run": "runs"}
#: characters of a uid that are worth looking for
_LEAST = 4


def meant(sql: Connection, written: str, noun: Noun) -> UUID:
    """The id that is meant; whether a whole one exists is not asked. Raises BadInput, NotFound."""
    from workers.store import beginnings

    digits = _bare(written).lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{4,32}", digits):
        raise BadInput(f"{written!r} is no id of {_ONE[noun]}; `daybook {_PLURAL[noun]} list` shows them.")
    if len(digits) == 32:
        return UUID(digits)
    found = [str(each) for each in beginnings.ids(sql, noun, digits)]
    return UUID(_only(found, written, f"id of {_ONE[noun]}", f"`daybook {_PLURAL[noun]} list` shows those there are."))


def uid(sql: Connection, written: str) -> str:
    """The booking's uid that begins so. Raises BadInput, NotFound."""
    from workers.store import beginnings

    begins = _bare(written)
    found = beginnings.uids(sql, begins) if len(begins) >= _LEAST else []
    return _only(found, written, "uid of a booking", "`daybook events list --text …` finds events.")


def _only(found: list[str], written: str, what: str, remedy: str) -> str:
    if not found:
        raise NotFound(f"no {what} is {written!r} or begins so; {remedy}")
    if len(found) > 1:
        raise BadInput(f"{written!r} is how more than one {what} begins: {', '.join(found)}; write more of it.")
    return found[0]


def _bare(written: str) -> str:
    """Without the mark that a table cut it."""
    return written.strip().removesuffix("…")
