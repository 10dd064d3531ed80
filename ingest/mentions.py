"""Deliveries that mention a booking and are no event of it: what waits, what is in quarantine, what was discarded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from workers.store import deliveries
from workers.store.deliveries import Filter
from workers.store.receipts import State

#: deliveries without an event that are looked into, of each state the newest; and bytes of one
_LOOKS, _LARGEST = 100, 256 * 1024
#: uids that are looked for, and characters of one that are worth it in what is not proved to be Cal.com's
_UIDS, _SURE = 100, 8
_UNSETTLED = {
    State.RECEIVED: "it waits for a worker to make an event of it",
    State.QUARANTINED: "it is in quarantine, so nothing was made of it; anybody may have sent it, and a person decides",
    State.DISCARDED: "a person discarded it, so nothing is made of it",
}


def read(sql: Connection, uids: Sequence[str], known: Collection[str], pcid: str | None) -> list[dict[str, Any]]:
    """Those that mention one of the uids, as `deliveries.shape`. `known`: ids of the events that are told anyhow."""
    rows: list[Row[Any]] = []
    for state in _UNSETTLED:
        rows += deliveries.page(sql, Filter(state=state), limit=_LOOKS)
    rows = [row for row in rows if pcid in (None, row.pcid) and str(row.id) not in known]
    some = [row.id for row in rows if row.bytes <= _LARGEST]
    found = {
        each for uid in uids[:_UIDS] if len(uid) >= _SURE and some for each in deliveries.mentioning(sql, some, uid)
    }
    return [deliveries.shape(row) for row in rows if row.id in found]


def note(told: Mapping[str, Any], *, deciding: str = "") -> str:
    """Why there is no event of such a delivery. `deciding`: how a person decides on one in quarantine."""
    state = State(told["state"])
    how = f" ({deciding})" if deciding and state is State.QUARANTINED else ""
    return f"This delivery mentions the booking; {_UNSETTLED[state]}{how}."


def counted(number: int) -> str:
    """How many there are, as a sentence."""
    return f"{number} deliver{'y that mentions it is' if number == 1 else 'ies that mention it are'} no event."
