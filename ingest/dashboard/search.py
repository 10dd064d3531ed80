"""The search of the header: to the one thing that is meant, or else to the events that may be."""

from __future__ import annotations

import re
from uuid import UUID

from sqlalchemy import Connection

from ingest.dashboard.look import segment
from ingest.dashboard.page import Sent, Visit
from ingest.ids import Noun
from workers.store import beginnings, deliveries, history, runs
from workers.store.history import Filter

#: characters of a search that are looked at
_LONGEST = 1_000
#: characters of a beginning: a shorter one is rather a word, unless a page cut it with its mark
_SURE = 8
_MARK = "…"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
#: no index knows beginnings, and hardly a uid begins as a word does
_WORD = re.compile(r"[A-Z]?[^\W\dA-Z_]+")
_UID = re.compile(r"\S{4,255}")
_DIGITS = re.compile(r"[0-9a-f]{8,32}")
_PAGES: dict[Noun, str] = {"event": "/events/", "delivery": "/deliveries/", "run": "/runs/"}


def find(visit: Visit) -> Sent:
    """Where what was typed leads. A uid or an id leads to its page, an e-mail to that person's events."""
    typed = visit.asked("q")[:_LONGEST]
    if not typed:
        return Sent("/events")
    with visit.store.read() as sql:
        return Sent(_by_id(sql, typed) or _by_uid(sql, typed) or _events(typed))


def _by_id(sql: Connection, typed: str) -> str | None:
    """The page of the event, delivery or run with this id, or with the only one that begins so."""
    digits = typed.removesuffix(_MARK).lower().replace("-", "")
    if not _DIGITS.fullmatch(digits):
        return None
    if len(digits) == 32:
        return _page(sql, UUID(digits))
    found = [(noun, each) for noun in _PAGES for each in beginnings.ids(sql, noun, digits)]
    # an event has the id of its delivery
    return _page(sql, found[0][1]) if len({each for _, each in found}) == 1 else None


def _page(sql: Connection, thing: UUID) -> str | None:
    if history.one(sql, thing) is not None:
        return f"{_PAGES['event']}{thing}"
    if deliveries.one(sql, thing) is not None:
        return f"{_PAGES['delivery']}{thing}"
    return f"{_PAGES['run']}{thing}" if runs.one(sql, thing) is not None else None


def _by_uid(sql: Connection, typed: str) -> str | None:
    """The page of the booking with this uid, or with the only one that begins so."""
    begins = typed.removesuffix(_MARK)
    if not _UID.fullmatch(begins):
        return None
    if history.page(sql, Filter(booking=begins), limit=1):
        return f"/bookings/{segment(begins)}"
    if _EMAIL.fullmatch(typed) or (begins == typed and (len(typed) < _SURE or _WORD.fullmatch(typed))):
        return None
    found = beginnings.uids(sql, begins)
    return f"/bookings/{segment(found[0])}" if len(found) == 1 else None


def _events(typed: str) -> str:
    name = "email" if _EMAIL.fullmatch(typed) else "text"
    return f"/events?{name}={segment(typed)}"
