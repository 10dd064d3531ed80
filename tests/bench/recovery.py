"""Recovery: how long it takes after an outage of SQL until all that came meanwhile is in SQL and is an event.

PostgreSQL is stopped, gets as many deliveries as an outage of that length brings at the steady rate, all at once so
that nobody waits five minutes, and is started. An SQLite file cannot be away: there the web process finds the same
spool from one moment to the next. Deliveries of the steady rate come all the while.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from ingest.spool import BATCH, Spool
from tests.bench import arrivals, deliveries
from tests.bench.databases import KINDS, TITLES, Kind
from tests.bench.failure import BenchFailed
from tests.bench.load import Sent, drive, driving
from tests.bench.plan import Bench
from tests.bench.report import Line
from tests.bench.servers import Running
from workers.store.history import lowest_id

#: of the sender of the steady rate: each delivery finds one that is free
_CONNECTIONS = 16
#: seconds that a recovery may take
_PATIENCE = 300


@dataclass(frozen=True, slots=True)
class _Turn:
    """Seconds from SQL being back, and the steady deliveries' 99th percentiles in milliseconds."""

    seconds: float
    p99: float
    usual: float  #: when there was nothing to recover


def measure(bench: Bench) -> list[Line]:
    """On both databases the seconds, the deliveries a second, and what those that come meanwhile wait for an answer."""
    plan = bench.plan
    found = bench.alternate("recovery", {TITLES[kind]: partial(_turn, bench, kind) for kind in KINDS})
    part = f"recovery: {_owed(bench):,} deliveries, {plan.outage} s of {plan.steady}/s, became events"
    lines = []
    for title, turns in found.items():
        took = [turn.seconds for turn in turns]
        lines += [
            Line(part, f"since SQL is back, {title}", "s", took),
            Line(part, f"deliveries a second, {title}", "/s", [_owed(bench) / seconds for seconds in took]),
            Line(
                part,
                f"answered meanwhile, p99, {title}",
                "ms",
                [turn.p99 for turn in turns],
                "nothing to recover",
                [turn.usual for turn in turns],
                note=f"of {plan.steady}/s",
            ),
        ]
    return lines


def _owed(bench: Bench) -> int:
    return bench.plan.steady * bench.plan.outage


def _turn(bench: Bench, kind: Kind) -> _Turn:
    with bench.servers.daybook(kind, worker=True) as running, contextlib.ExitStack() as stack:
        committed = running.committed
        assert committed is not None
        kept = bench.warm(running)
        usual = _steadily(bench, running, lambda: time.sleep(bench.plan.seconds))
        kept += usual.kept
        committed.wait(kept)
        back = _spooled(bench, running) if kind == "sqlite" else _away(bench, running, stack)
        kept += _owed(bench)
        last = lowest_id(datetime.now(UTC))  # of what has to be recovered; what comes from here on is answered by SQL

        def recover() -> float:
            back()
            began = time.time()
            committed.reopen()
            return committed.wait(kept, before=last) - began

        took: list[float] = []
        live = _steadily(bench, running, lambda: took.append(recover()))
        committed.wait(kept + live.kept)  # nothing was lost on the way
        return _Turn(took[0], live.p99, usual.p99)


def _spooled(bench: Bench, running: Running) -> Callable[[], None]:
    """Write what is owed into a spool beside the web process's; what puts it where that one looks."""
    settings = running.settings
    assert settings is not None
    webhook = arrivals.webhook(settings)
    aside, place = settings.data_dir / "owed", settings.data_dir / "spool"
    spool = Spool(aside, settings.spool_bytes)
    began = datetime.now(UTC) - timedelta(seconds=bench.plan.outage)
    numbers = deliveries.numbers(_owed(bench))
    for start in range(0, len(numbers), BATCH):
        spool.append(
            [
                arrivals.receipt(
                    webhook, began + timedelta(seconds=position / bench.plan.steady), deliveries.body(number)
                )
                for position, number in enumerate(numbers[start : start + BATCH], start)
            ]
        )
    spool.close()

    def back() -> None:
        place.mkdir(mode=0o700, exist_ok=True)
        for path in sorted(aside.glob("*.journal")):
            path.rename(place / path.name)

    return back


def _away(bench: Bench, running: Running, stack: contextlib.ExitStack) -> Callable[[], None]:
    """Stop SQL and send what is owed; what starts SQL again, which also happens where anything fails."""
    outage = stack.enter_context(contextlib.ExitStack())
    outage.enter_context(bench.servers.sql_away())
    owed = _owed(bench)
    kept = drive(running.ports, seconds=_PATIENCE, at_most=owed, connections=bench.plan.connections).kept
    if kept != owed:
        raise BenchFailed(f"while SQL was away only {kept} of {owed} deliveries were answered with 202.")
    return outage.close


def _steadily(bench: Bench, running: Running, meanwhile: Callable[[], object]) -> Sent:
    """What the sender of the steady rate saw while something else was done."""
    rate = bench.plan.steady
    with driving(
        running.ports,
        seconds=_PATIENCE,
        at_most=rate * _PATIENCE,
        connections=_CONNECTIONS,
        per_second=rate,
    ) as sender:
        meanwhile()
        return sender.stop()
