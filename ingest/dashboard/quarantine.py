"""The page of the quarantine: deliveries that nothing proves to be Cal.com's, and what a person does with them.

The verbs are `workers.replay`'s; what one delivery holds is shown elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Row

from ingest.api import cursors
from ingest.api.parameters import CURSOR, REPLAYED, UNTIL
from ingest.api.parameters import read as read_values
from ingest.dashboard.page import Sent, Shown, Visit
from workers import replay as verbs
from workers.errors import BadInput, Conflict, NotFound
from workers.replay import Verb
from workers.store import deliveries
from workers.store.deliveries import Filter
from workers.store.events import spell
from workers.store.keys import Role
from workers.store.receipts import State

_ROWS = 50
#: deliveries that one form may name
MOST = 200
#: bytes of a body in which its trigger is looked for: Cal.com writes it first
_OPENING = 256
_TRIGGER = re.compile(rb'"triggerEvent"\s*:\s*"([A-Z0-9_]{1,60})"')
_FILTERS = tuple(each for each in REPLAYED if each.name in ("webhook", "verdict"))


def every(visit: Visit) -> Shown:
    """One page, newest first, and how much there is of each webhook."""
    with visit.store.read() as sql:
        held = deliveries.held(sql)
        try:
            asked = visit.read((*_FILTERS, CURSOR))
        except BadInput as error:
            return _shown(visit, held, error=error)
        wanted = Filter(State.QUARANTINED, asked.get("verdict"), asked.get("webhook"))
        rows = deliveries.page(sql, wanted, before=asked.get("cursor"), limit=_ROWS + 1)
        openings = deliveries.openings(sql, [row.id for row in rows[:_ROWS]], _OPENING)
    more = cursors.spell(rows[_ROWS - 1].id) if len(rows) > _ROWS else None
    return _shown(visit, held, [_told(row, openings) for row in rows[:_ROWS]], more)


def release(visit: Visit) -> Sent:
    """Out of quarantine, on their way to events: one, those that are named, or all of a webhook."""
    return _moved(visit, verbs.release, "Released")


def discard(visit: Visit) -> Sent:
    """Out of quarantine, for good; likewise."""
    return _moved(visit, verbs.discard, "Discarded")


def _moved(visit: Visit, verb: Verb, said: str) -> Sent:
    left_alone = 0
    if visit.given("all"):
        moved = _all_moved(visit, verb)
    else:
        named = _named(visit)
        moved = verb(visit.store, named)
        left_alone = len(named) - len(moved)
        if not moved:
            raise _why_none(visit, named)
        if verb is verbs.release:
            verbs.ring(visit.source.broker, moved)
    told = f"{said} {_deliveries(len(moved))}."
    if left_alone:
        told += f" {_deliveries(left_alone)} {'was' if left_alone == 1 else 'were'} in quarantine no more."
    shown = visit.given("shown")
    return Sent(f"/quarantine?{urlencode({'webhook': shown})}" if shown else "/quarantine", told)


def _all_moved(visit: Visit, verb: Verb) -> list[UUID]:
    """Those of one webhook that had come when the page was made: what came since then nobody has seen."""
    if not visit.given("webhook"):
        raise BadInput("webhook is missing: whose deliveries are meant.")
    asked = read_values((UNTIL,), [("until", visit.given("until"))], visit.now)
    wanted = Filter(State.QUARANTINED, webhook=visit.given("webhook"), until=asked["until"])
    moved: list[UUID] = []
    for ids in verbs.each(visit.store, verb, wanted):
        if verb is verbs.release:
            verbs.ring(visit.source.broker, ids)
        moved += ids
    return moved


def _named(visit: Visit) -> list[UUID]:
    only = visit.given("only")
    texts = [only] if only else visit.all_given("id")
    if not texts:
        raise BadInput("no delivery was chosen; tick those that are meant.")
    if len(texts) > MOST:
        raise BadInput(f"{len(texts)} deliveries are more than the {MOST} that one form may name.")
    try:
        return list(dict.fromkeys(UUID(text) for text in texts))
    except ValueError:
        raise NotFound("there is no delivery with this id.") from None


def _why_none(visit: Visit, named: Sequence[UUID]) -> Conflict | NotFound:
    with visit.store.read() as sql:
        rows = deliveries.some(sql, named)
    if not rows:
        return NotFound("there is no delivery with this id.")
    return Conflict(f"the delivery is {rows[0].state}; only one that is quarantined can be moved so.")


def _told(row: Row[Any], openings: Mapping[UUID, bytes]) -> dict[str, Any]:
    says = _TRIGGER.search(openings.get(row.id, b""))
    return {**deliveries.shape(row), "last_seen_at": row.last_seen_at, "says": says[1].decode() if says else None}


def _shown(
    visit: Visit,
    held: Sequence[deliveries.Held],
    rows: Sequence[dict[str, Any]] = (),
    more: str | None = None,
    error: BadInput | None = None,
) -> Shown:
    told = {
        "held": held,
        "rows": rows,
        "webhook": visit.asked("webhook"),
        "verdict": visit.asked("verdict"),
        "reasons": ("mismatch", "unsigned"),
        "until": spell(visit.now),
        "operator": visit.may(Role.OPERATOR),
        "first": visit.address("/quarantine", cursor=None) if visit.asked("cursor") else None,
        "next": visit.address("/quarantine", cursor=more) if more else None,
        "problem": error.message if error is not None else "",
    }
    return Shown("quarantine.html", "Quarantine", told, error=error)


def _deliveries(number: int) -> str:
    return f"{number:,} deliver{'y' if number == 1 else 'ies'}"
