"""All that the overview shows, in two questions: `overview`, the figures of a window, and `attention`, what needs a
person. Both are plain JSON, as the API answers it; instants are ISO text ending in Z.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from workers import attention as needed
from workers.attention import Item
from workers.histogram import BOUNDS, BUCKETS, quantile
from workers.store import accept_times, budgets, drifts, figures, silences, spools
from workers.store.budgets import Standing
from workers.store.events import spell
from workers.store.figures import Grid, Window
from workers.store.ledger import ActionState
from workers.store.receipts import State
from workers.store.runs import RunState
from workers.store.tables import UNSETTLED, actions, receipts, runs

__all__ = ["Window", "attention", "drifted", "overview", "quarantined", "silent", "spooled"]

_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def overview(sql: Connection, window: Window, now: datetime) -> dict[str, Any]:
    """The figures of the window that ends at `now`::

        {"window": "24h", "since", "until", "minutes": 15,           # the first point begins, the last ends; its length
         "points": [{"at", "signed": n, "mismatch": n, "unsigned": n,            # deliveries, by verdict
                     "accepted": n, "p50": ms | null, "p95": …, "p99": …}],      # how long they took to be answered
         "deliveries": {"signed": n, "mismatch": n, "unsigned": n},
         "accepted": {"since", "number": n, "p50", "p95", "p99", "buckets": [{"up_to": ms | null, "number": n}]},
         "events": {"BOOKING_CREATED": n, …},                                    # the most frequent first
         "runs": {"planned", "running", "failed", "dead", "unknown", "done", "skipped"},
         "budgets": [{"connection", "per_minute", "left": n | null, "halted_until": … | null}]}

    A window has at most 120 points. Deliveries that took longer than the last bucket's `up_to` are in the one whose
    `up_to` is null, and a quantile among them is told as that bound. How long answers took is known for 48 hours:
    `accepted.since` says where it begins. Of `runs`, `done` and `skipped` were planned in the window, the others are
    all there are; `unknown` are among the `dead`. `left` is null for a connection without a rate of its own.
    """
    grid = Grid.of(window, now)
    arrived = figures.deliveries(sql, grid)
    known_since = max(grid.since, now - accept_times.KEPT)
    accepted = accept_times.sums(sql, known_since, step=grid.step)
    points = [
        {"at": spell(at), **counts, **_quantiles(accepted.get(accept_times.minute(at), [0] * BUCKETS))}
        for at, counts in zip(grid.starts, arrived, strict=True)
    ]
    together = [sum(numbers) for numbers in zip([0] * BUCKETS, *accepted.values(), strict=True)]
    buckets = zip((*BOUNDS, None), together, strict=True)
    of_all = _quantiles(together)
    return {
        "window": window.value,
        "since": spell(grid.since),
        "until": spell(grid.until),
        "minutes": grid.step,
        "points": points,
        "deliveries": {name: sum(counts[name] for counts in arrived) for name in arrived[0]},
        "accepted": {
            "since": spell(known_since),
            "number": of_all.pop("accepted"),
            **of_all,
            "buckets": [{"up_to": bound, "number": number} for bound, number in buckets],
        },
        "events": figures.triggers(sql, grid),
        "runs": figures.states(sql, grid),
        "budgets": [_budget(one) for one in budgets.standings(sql)],
    }


def attention(sql: Connection, now: datetime) -> list[dict[str, Any]]:
    """What needs a person, the most pressing first; an empty list where nothing does::

        [{"kind": "quarantine", "about": null, "count": 3, "since", "says": "3 deliveries wait …", "next": "Compare …"}]

    `kind` is one of `workers.attention.Kind`.
    """
    found = [*quarantined(sql), *_stopped(sql), *spooled(sql), *drifted(sql), *silent(sql, now)]
    return [_item(one) for one in found]


def spooled(sql: Connection) -> list[Item]:
    """What the machines say of the journals on their disks."""
    held = spools.every(sql)
    aside = [needed.set_aside(one.place, one.aside, one.at) for one in held if one.aside]
    return aside + [needed.spool(one.place, one.bytes, one.at) for one in held if one.bytes]


def drifted(sql: Connection) -> list[Item]:
    """What the last look at Cal.com saw, of each connection."""
    found = []
    for look in drifts.every(sql):
        if look.at is not None and look.problem is not None:
            found.append(needed.unseen(look.connection, look.problem, look.at))
        elif look.at is not None and look.differences:
            found.append(needed.drift(look.connection, _in_words(look.differences), look.at))
    return found


def silent(sql: Connection, now: datetime) -> list[Item]:
    """The triggers that fell silent, each once."""
    found = [needed.silent(one, now) for one in silences.silent(sql, now)]
    known = {item.about for item in found}
    return found + [needed.unheard(one) for one in silences.unheard(sql, now) if one.trigger not in known]


def _quantiles(counts: Sequence[int]) -> dict[str, Any]:
    return {"accepted": sum(counts), **{name: quantile(counts, part) for name, part in _QUANTILES.items()}}


def _budget(one: Standing) -> dict[str, Any]:
    return {
        "connection": one.connection,
        "per_minute": one.per_minute,
        "left": one.left,
        "halted_until": spell(one.halted_until),
    }


def quarantined(sql: Connection) -> list[Item]:
    """The deliveries in quarantine, as one item."""
    held = receipts.c.state == State.QUARANTINED.value, UNSETTLED
    count = sql.execute(select(func.count()).select_from(receipts).where(*held)).scalar_one()
    oldest = select(receipts.c.received_at).where(*held).order_by(receipts.c.id).limit(1)
    since = sql.execute(oldest).scalar_one_or_none()
    return [needed.quarantine(count, since)] if count and since is not None else []


def _stopped(sql: Connection) -> list[Item]:
    """Dead runs, in two items: a step whose end is unknown asks for something else than a failure does."""
    dead = runs.c.state == RunState.DEAD
    count = sql.execute(select(func.count()).select_from(runs).where(dead)).scalar_one()
    unknown, begun = figures.stopped(sql)
    found = [needed.unknown(unknown, begun)] if unknown and begun is not None else []
    if count > unknown:
        doubted = (actions.c.run_id == runs.c.id) & (actions.c.state == ActionState.UNKNOWN)
        oldest = select(runs.c.ended_at).where(dead, ~select(actions.c.id).where(doubted).exists())
        since = sql.execute(oldest.order_by(runs.c.id).limit(1)).scalar_one_or_none()
        found.append(needed.dead(count - unknown, since))
    return found


def _in_words(differences: Sequence[Mapping[str, Any]]) -> list[tuple[str | None, str]]:
    return [(one["webhook"], str(one["kind"])) for one in differences]


def _item(one: Item) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "about": one.about,
        "count": one.count,
        "since": spell(one.since),
        "says": one.says,
        "next": one.next,
    }
