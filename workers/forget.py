"""Forgetting what is past its age, in small batches that yield to deliveries. What is past is `retention.py`'s to say.

SQLite has one writer, and on PostgreSQL workers may wait for a row: a batch is one short transaction, and after each
there is a breath as long as it took. It may end anywhere, and the next time goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection

from workers.errors import StoreUnavailable
from workers.retention import Past, Plan, past, plan_of
from workers.settings import Settings
from workers.store import forgetting, months
from workers.store.engine import Store
from workers.store.filters import lowest_id

log = structlog.get_logger(__name__)

#: rows of one transaction
_BATCH = 200
#: seconds of the least breath between two
_BREATH = 0.01

_Find = Callable[[Connection, UUID], list[UUID]]
_Delete = Callable[[Connection, list[UUID]], dict[str, int]]


@dataclass(slots=True)
class Report:
    """What one time of forgetting did: rows deleted by table, months dropped and made, and whether it came to its end.

    `kept` counts what is past and stays for now: a run of it is under way, or it is to become an event again.
    """

    deleted: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    ended: bool = True

    def shape(self) -> dict[str, Any]:
        """As it is shown."""
        return {
            "deleted": {table: number for table, number in sorted(self.deleted.items()) if number},
            "kept": {what: number for what, number in sorted(self.kept.items()) if number},
            "partitions": {"dropped": self.dropped, "made": self.made},
            "ended": self.ended,
        }


def forget(settings: Settings, store: Store, now: datetime, stop: Event, *, budget: float = 300.0) -> Report:
    """What `daybook.yaml` and the settings say is past at `now` is deleted; on PostgreSQL months are made ahead.

    It ends when all is done, when `stop` is set, or after `budget` seconds. `Misconfigured` for a wrong section,
    `StoreUnavailable` where SQL is away; what was deleted by then is.
    """
    return carry_out(store, plan_of(settings), now, stop, budget=budget)


def carry_out(
    store: Store,
    plan: Plan,
    now: datetime,
    stop: Event,
    *,
    budget: float = 300.0,
    tell: Callable[[int], None] = lambda _: None,
) -> Report:
    """The same for a plan; `tell` is told how many rows are deleted by now."""
    report = Report()
    _make_months(store, now, report)
    work = _Work(store, report, stop, time.monotonic() + budget, tell)
    gone = past(plan, now)
    _drop_months(work, gone)
    if gone.quarantined is not None:
        before = gone.quarantined
        work.through(
            "deliveries",
            lambda sql, after: forgetting.quarantined_past(sql, before, after=after, limit=_BATCH),
            forgetting.forget_quarantined,
        )
    for kind, instant in gone.kinds.items():
        _events(work, kind, instant, now)
    if gone.bodies is not None:
        bodies_before = gone.bodies
        work.through(
            "bodies",
            lambda sql, after: forgetting.bodies_past(sql, bodies_before, after=after, limit=_BATCH),
            forgetting.forget_bodies,
        )
    if gone.audit is not None:
        work.until_none(lambda sql: forgetting.forget_audit(sql, _known(gone.audit), limit=_BATCH))
    if report.deleted or report.dropped:
        log.info("retention.forgot", **report.shape())
    return report


def count(store: Store, plan: Plan, now: datetime) -> dict[str, int]:
    """How much is past: events by kind, `bodies`, `quarantined` deliveries, `audit` entries. Nothing is deleted."""
    gone = past(plan, now)
    with store.read() as sql:
        found = {kind: forgetting.count(sql, kind, before) for kind, before in gone.kinds.items()}
        if gone.bodies is not None:
            found["bodies"] = forgetting.count_bodies(sql, gone.bodies)
        if gone.quarantined is not None:
            found["quarantined"] = forgetting.count_quarantined(sql, gone.quarantined)
        if gone.audit is not None:
            found["audit"] = forgetting.count_audit(sql, gone.audit)
    return found


@dataclass(slots=True)
class _Work:
    store: Store
    report: Report
    stop: Event
    until: float
    tell: Callable[[int], None]

    def over(self) -> bool:
        """Whether to go no further; then the report says so."""
        if self.stop.is_set() or time.monotonic() > self.until:
            self.report.ended = False
        return not self.report.ended

    def through(self, what: str, find: _Find, remove: _Delete) -> None:
        """Remove all that is found, going along their ids: what stays is passed by, and met again the next time."""
        after = UUID(int=0)
        while not self.over():
            with self.store.read() as sql:
                ids = find(sql, after)
            if not ids:
                return
            counts = self._write(lambda sql, ids=ids: remove(sql, ids))  # type: ignore[misc]
            least = counts.get({"deliveries": "receipts"}.get(what, what), 0)
            self.report.kept[what] += max(0, len(ids) - least)
            after = ids[-1]

    def until_none(self, remove: Callable[[Connection], dict[str, int]]) -> None:
        """Remove as long as there is something."""
        while not self.over() and any(self._write(remove).values()):
            continue

    def _write(self, remove: Callable[[Connection], dict[str, int]]) -> dict[str, int]:
        began = time.monotonic()
        with self.store.write(durable=False) as sql:
            counts = remove(sql)
        self.report.deleted.update(counts)
        self.tell(sum(self.report.deleted.values()))
        self.stop.wait(max(_BREATH, time.monotonic() - began))
        return counts


def _events(work: _Work, kind: str, before: datetime, now: datetime) -> None:
    work.through(
        "events",
        lambda sql, after: forgetting.events_past(sql, kind, before, after=after, limit=_BATCH),
        lambda sql, ids: forgetting.forget_events(sql, ids, now),
    )


def _make_months(store: Store, now: datetime, report: Report) -> None:
    """Each in a transaction of its own: one that cannot be made now, because the table is busy, is made next time."""
    with store.read() as sql:
        wanted: Sequence[datetime] = months.missing(sql, now)
    for begin in wanted:
        try:
            with store.write() as sql:
                if months.make(sql, begin):
                    report.made.append(f"{begin:%Y-%m}")
        except StoreUnavailable as error:
            log.warning("retention.month_not_made", month=f"{begin:%Y-%m}", reason=error.message)


def _drop_months(work: _Work, gone: Past) -> None:
    if gone.every_body is None:
        return
    before = lowest_id(gone.every_body)
    with work.store.read() as sql:
        old = [month for month in months.every(sql) if month.end <= before]
    for month in old:
        if work.over():
            return
        try:
            with work.store.read() as sql:  # others wait for who holds it, so it is not counted then
                number = months.count(sql, month)
            with work.store.write() as sql:
                months.hold(sql, month)
                if not forgetting.may_drop(sql, month, gone.quarantined):
                    return  # what has to be kept of it stays; the rest goes row by row
                months.drop(sql, month)
        except StoreUnavailable as error:  # it is busy: next time
            log.warning("retention.month_not_dropped", month=month.name, reason=error.message)
            return
        work.report.deleted["bodies"] += number
        work.report.dropped.append(month.name)


def _known(instant: datetime | None) -> datetime:
    assert instant is not None, "it was asked for"
    return instant
