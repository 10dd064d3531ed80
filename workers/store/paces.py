"""How often each key may ask: one number a key, shared by all processes. How it is reckoned is `calcom.budget`'s."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from workers.calcom.budget import Level, reserve
from workers.store.clock import clock
from workers.store.tables import key_rates

#: calls that may come at once after a pause, as a part of a minute's
_BURST = 4


def ask(sql: Connection, key: str, *, per_minute: int) -> float:
    """Take one call of a key; where it has none left now, nothing is taken and it is the seconds until it has.

    `key` is what tells it from others; `per_minute` is more than 0. In a transaction that writes.
    """
    query = select(key_rates.c.next_at).where(key_rates.c.key == key).with_for_update()
    found = sql.execute(query).scalar_one_or_none()
    now = float(sql.execute(select(clock(sql))).scalar_one())
    if found is None:
        _forget(sql, now)
        try:
            with sql.begin_nested():
                sql.execute(insert(key_rates).values(key=key, next_at=0.0))
        except IntegrityError:
            pass  # another process made it a moment ago
        found = sql.execute(query).scalar_one()
    level, seconds = reserve(Level(float(found)), now, per_minute=per_minute, burst=max(1, per_minute // _BURST))
    if seconds <= 0:
        sql.execute(update(key_rates).where(key_rates.c.key == key).values(next_at=level.next_at))
    return seconds


def _forget(sql: Connection, now: float) -> None:
    """Keys that could ask as if they never had: there may be as many as there are addresses to ask from."""
    rested = select(key_rates.c.key).where(key_rates.c.next_at < now).with_for_update(skip_locked=True)
    sql.execute(delete(key_rates).where(key_rates.c.key.in_(rested)))
