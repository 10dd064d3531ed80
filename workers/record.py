"""Write events that no delivery brought: what Daybook found at Cal.com, and what it has to say of itself.

They are in the history like any other, and the rules hear them in the transaction that writes them. Whoever found
something keeps in that same transaction what it must know not to find it once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from workers import decide
from workers.catalogue.event import Event, Kind
from workers.rulebook import Live
from workers.store import bookings, events
from workers.store.receipts import Arrived


@dataclass(frozen=True, slots=True)
class Found:
    """One event, with the PCID of the connection that it is about; "" where it is about none.

    Its kind is taken for `synthetic`. Texts in it must be as the databases take them: `search.plain`.
    """

    event: Event
    connection: str = ""


def record(connection: Connection, live: Live, found: Sequence[Found], *, now: datetime) -> int:
    """Write these events, in their order, and the runs that they cause; returns how many runs are to be done. Those
    wait for the sweep, which looks every few seconds."""
    made = [
        (
            Arrived(
                id=uuid7(), received_at=now, headers=[], body=b"", webhook="", connection=one.connection,
                has_event=False, delivered=False,
            ),
            replace(one.event, kind=Kind.SYNTHETIC, occurred_at=one.event.occurred_at or now),
        )
        for one in found
    ]  # fmt: skip
    whole = {arrived.id: event for arrived, event in made}
    heard = decide.heard(live, made, lambda arrived: whole[arrived.id], now=now)
    events.write_own(connection, made)
    bookings.tell(
        connection,
        (
            (arrived.connection, event.booking.uid, event.booking.replaces)
            for arrived, event in made
            if event.booking is not None and event.booking.replaces
        ),
        on_sqlite=connection.dialect.name == "sqlite",
    )
    return decide.plan(connection, live, heard, now=now)
