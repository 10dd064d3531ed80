"""Which runs are meant by the parameters of `ingest.api.parameters.RUNS`, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from workers.store import history, runs
from workers.store.search import plain
from workers.store.timeline import MOST


def of(sql: Connection, values: Mapping[str, Any]) -> runs.Filter:
    """The filter; a booking stands for the newest events of its lineage."""
    booking = values.get("booking")
    about = history.page(sql, history.Filter(booking=booking), limit=MOST) if booking is not None else None
    return runs.Filter(
        states=values.get("state", ()),
        rules=tuple(map(plain, values.get("rule", ()))),
        event_id=values.get("event"),
        event_ids=tuple(row.id for row in about) if about is not None else None,
        connection=plain(values["connection"]) if "connection" in values else None,
        since=values.get("since"),
        until=values.get("until"),
    )
