"""Ids as people and models write them: whole, or as much of the beginning as tells one from all others."""

from __future__ import annotations

import re
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection

from workers.errors import BadInput, NotFound
from workers.store import beginnings

Noun = Literal["event", "delivery", "run"]

_ONE = {"event": "an event", "delivery": "a delivery", "run": "a run"}
#: characters of a uid that are worth looking for
_LEAST = 4


def meant(sql: Connection, written: str, noun: Noun, *, shows: str) -> UUID:
    """The id that is meant; whether a whole one exists is not asked. `shows` names what shows those there are.

    Raises BadInput, NotFound.
    """
    digits = _bare(written).lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{4,32}", digits):
        raise BadInput(f"{written!r} is no id of {_ONE[noun]}; {shows} shows them.")
    if len(digits) == 32:
        return UUID(digits)
    found = [str(each) for each in beginnings.ids(sql, noun, digits)]
    return UUID(_only(found, written, f"id of {_ONE[noun]}", f"{shows} shows those there are."))


def uid(sql: Connection, written: str, *, finds: str) -> str:
    """The booking's uid that begins so; `finds` names what finds events. Raises BadInput, NotFound."""
    begins = _bare(written)
    found = beginnings.uids(sql, begins) if len(begins) >= _LEAST else []
    return _only(found, written, "uid of a booking", f"{finds} finds events.")


def _only(found: list[str], written: str, what: str, remedy: str) -> str:
    if not found:
        raise NotFound(f"no {what} is {written!r} or begins so; {remedy}")
    if len(found) > 1:
        raise BadInput(f"{written!r} is how more than one {what} begins: {', '.join(found)}; write more of it.")
    return found[0]


def _bare(written: str) -> str:
    """Without the mark that a table cut it."""
    return written.strip().removesuffix("…")
