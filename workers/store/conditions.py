"""Everything that is as it should not be, as alerts tell it: read from SQL, changing nothing; and what was told of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from workers.alerting import Condition, Standing
from workers.attention import Item
from workers.store import budgets, overview, spools
from workers.store.ledger import ActionState
from workers.store.receipts import State
from workers.store.runs import RunState
from workers.store.tables import UNSETTLED, actions, alerts, receipts, runs

#: rules whose dead runs are told of one by one
_RULES = 200
#: minutes that deliveries may wait for their events
LAG = timedelta(minutes=1)


def standing(sql: Connection) -> list[Standing]:
    """What was told of and is not over."""
    names = ("trigger", "about", "connection", "count", "since", "told_at", "away_since")
    rows = sql.execute(select(*(alerts.c[name] for name in names)).order_by(alerts.c.trigger, alerts.c.about))
    return [Standing(*row) for row in rows]


def keep(sql: Connection, changed: Sequence[Standing], dropped: Sequence[Standing]) -> None:
    """Keep how things stand now, in place of how they stood."""
    for one in (*changed, *dropped):
        sql.execute(delete(alerts).where(alerts.c.trigger == one.trigger, alerts.c.about == one.about))
    for one in changed:
        sql.execute(
            insert(alerts).values(
                trigger=one.trigger, about=one.about, connection=one.connection, count=one.count, since=one.since,
                told_at=one.told_at, away_since=one.away_since,
            )
        )  # fmt: skip


def holding(sql: Connection, now: datetime) -> list[Condition]:
    """The conditions that hold now."""
    return [
        *_of("daybook.quarantined", overview.quarantined(sql), now),
        *_dead(sql, now),
        *_of("daybook.drift", overview.drifted(sql), now, of_connection=True),
        *_of("daybook.silent", overview.silent(sql, now), now),
        *_budgets(sql, now),
        *_spools(sql, now),
        *_lag(sql, now),
    ]


def _of(trigger: str, items: Iterable[Item], now: datetime, *, of_connection: bool = False) -> list[Condition]:
    return [
        Condition(
            trigger, one.about or "", one.count, one.since or now, one.says, one.next,
            connection=one.about or "" if of_connection else "",
        )
        for one in items
    ]  # fmt: skip


def _dead(sql: Connection, now: datetime) -> list[Condition]:
    """Dead runs, by rule."""
    doubted = (actions.c.run_id == runs.c.id) & (actions.c.state == ActionState.UNKNOWN)
    query = (
        select(
            runs.c.rule,
            func.count().label("number"),
            func.min(runs.c.ended_at).label("since"),
            func.count().filter(select(actions.c.id).where(doubted).exists()).label("unknown"),
        )
        .where(runs.c.state == RunState.DEAD)
        .group_by(runs.c.rule)
        .order_by(runs.c.rule)
        .limit(_RULES)
    )
    found = []
    for rule, number, since, unknown in sql.execute(query):
        runs_of = f"{number:,} run{'s' if number > 1 else ''} of {rule} {'are' if number > 1 else 'is'} dead"
        doubt = f"; of {unknown:,} nobody knows whether the last step was done" if unknown else ""
        found.append(
            Condition(
                "daybook.run_dead", rule, number, since or now, f"{runs_of}{doubt}.",
                f"`daybook runs list --state dead --rule {rule}` shows why; mend the cause, then `daybook runs retry`.",
            )
        )  # fmt: skip
    return found


def _budgets(sql: Connection, now: datetime) -> list[Condition]:
    found = []
    for one in budgets.standings(sql):
        if one.halted_until is not None:
            says = f"Cal.com wants no calls of {one.connection} until {one.halted_until:%H:%M:%S} UTC."
        elif one.left == 0:
            says = f"All calls that {one.connection} may make a minute ({one.per_minute}) are used up; actions wait."
        else:
            continue
        following = "Actions go on by themselves; if it stays so, give the connection's rules less to do."
        found.append(Condition("daybook.budget", one.connection, 1, now, says, following, connection=one.connection))
    return found


def _spools(sql: Connection, now: datetime) -> list[Condition]:
    """What is in a journal, and what was lately; an outage is often over before anyone looks."""
    found = {one.about or "": one for one in reversed(overview.spooled(sql))}
    told = {place: _of("daybook.spooling", [item], now)[0] for place, item in found.items()}
    for held in spools.every(sql):
        if held.place not in told and held.drained_at is not None and now - held.drained_at < spools.RECENT:
            says = (
                f"While the database was away {held.drained:,} "
                f"{'delivery was' if held.drained == 1 else 'deliveries were'} kept in the journal on disk, "
                f"{held.place}; "
                f"{'it is' if held.drained == 1 else 'they are'} in the database now."
            )
            told[held.place] = Condition(
                "daybook.spooling", held.place, held.drained, held.drained_at, says, "Look why the database was away."
            )
    return list(told.values())


def _lag(sql: Connection, now: datetime) -> list[Condition]:
    waiting = UNSETTLED, receipts.c.state == State.RECEIVED.value
    oldest = sql.execute(
        select(receipts.c.received_at).where(*waiting).order_by(receipts.c.id).limit(1)
    ).scalar_one_or_none()
    if oldest is None or now - oldest < LAG:
        return []
    number = sql.execute(select(func.count()).select_from(receipts).where(*waiting)).scalar_one()
    waits = f"{number:,} {'delivery waits' if number == 1 else 'deliveries wait'}"
    says = f"{waits} to become {'an event' if number == 1 else 'events'}, the oldest for {_minutes(now - oldest)}."
    return [Condition("daybook.lag", "", number, oldest, says, "Run more `daybook work`; `daybook doctor` looks why.")]


def _minutes(span: timedelta) -> str:
    minutes = int(span / timedelta(minutes=1))
    return f"{minutes} minute{'s' if minutes != 1 else ''}"
