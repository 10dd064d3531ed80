"""Look whether all is as it should be, and tell what is not, as events of Daybook's own that rules hear."""

from __future__ import annotations

from datetime import datetime

import structlog

from workers.alerting import changes
from workers.record import Found, record
from workers.rulebook import Live
from workers.store import ahead, conditions, spools
from workers.store.engine import Store

log = structlog.get_logger(__name__)


def watch(store: Store, live: Live, now: datetime) -> int:
    """Tell what began, lasts or is over; returns how many events that are. What is told, and that it was told, is
    committed together: after a crash it is told once. What a wrong clock put off goes on."""
    with store.write() as sql:
        changed = changes(conditions.standing(sql), conditions.holding(sql, now), now)
        conditions.keep(sql, changed.keep, changed.drop)
        record(sql, live, [Found(event, connection) for event, connection in changed.told], now=now)
        spools.forget(sql, now)
        late = ahead.set_right(sql, now)
    if late:
        log.warning("watch.clock_was_ahead", runs=late)
    for event, _ in changed.told:
        log.info("watch.told", trigger=event.trigger, status=event.status)
    return len(changed.told)
