"""/metrics for Prometheus: what this web process counts itself, and how the installation stands, as SQL says.

A scrape never waits long: SQL and the broker are asked once in a few seconds, whoever asks, and where they do not
answer in time the rest is told without them. No label has a value that a stranger or a person chose.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from dramatiq import Broker
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ingest.asking import Asking
from ingest.intake import Intake
from ingest.latency import Latency
from ingest.quarantine import Quarantine
from ingest.session import Doorkeeper, NotAllowed, SignInNeeded, allow
from ingest.spool import Spool
from ingest.tally import Tally
from workers import queue
from workers.errors import StoreUnavailable
from workers.histogram import SECONDS
from workers.settings import Settings
from workers.store import keys
from workers.store.engine import Store
from workers.store.gauges import Gauges, gauges
from workers.store.keys import Role

#: seconds that each of SQL and the broker may take; Prometheus gives a scrape ten
_PATIENCE = 3.0
#: seconds that their answers are good for: several who scrape cost no more than one
_GOOD_FOR = 2.0
#: seconds that a key which was good may still read what is this process's own, while SQL cannot be asked for it
_TRUSTED = 3600.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Own:
    """What this process knows without asking anybody."""

    tally: Tally
    latency: Latency
    spool: Spool
    intake: Intake
    quarantine: Quarantine

    def collect(self) -> Iterable[Metric]:
        """What is told of it."""
        took = HistogramMetricFamily(
            "daybook_accept_latency_seconds", "From a delivery's arrival to its answer 202 or 503, of this process"
        )
        took.add_metric([], _cumulated(self.latency.whole), self.latency.seconds)
        yield took
        answered = CounterMetricFamily(
            "daybook_deliveries",
            "Deliveries that this process answered, by verdict on the signature (none: refused before) and status",
            labels=["verdict", "status"],
        )
        for (verdict, status), number in sorted(self.tally.answered.items()):
            answered.add_metric([verdict, str(status)], number)
        yield answered
        yield CounterMetricFamily(
            "daybook_quarantine_refused",
            "Deliveries that this process did not keep because quarantine was full",
            value=self.quarantine.refused,
        )
        yield _gauge("daybook_spool_bytes", "Bytes of deliveries on this machine's disk", self.spool.bytes())
        yield _gauge("daybook_spool_limit_bytes", "Bytes that the spool may hold", self.spool.limit)
        yield _gauge("daybook_spool_aside_files", "Files of the spool set aside for a person", self.spool.aside())
        yield _gauge("daybook_spooling", "1 while this process takes SQL for away", self.intake.spooling)


@dataclass(frozen=True, slots=True)
class Outside:
    """What SQL and the broker answered; None where they did not."""

    sql: Gauges | None
    depths: dict[str, int] | None

    def collect(self) -> Iterable[Metric]:
        """What is told of it."""
        yield _gauge("daybook_database_up", "1 where SQL answered this scrape in time", self.sql is not None)
        yield _gauge("daybook_broker_up", "1 where the broker answered this scrape in time", self.depths is not None)
        yield _labelled(
            "daybook_broker_messages", "Messages that wait at the broker, by queue", "queue", self.depths or {}
        )
        if self.sql is not None:
            yield from _of_sql(self.sql)


def _of_sql(sql: Gauges) -> Iterable[Metric]:
    yield _gauge(
        "daybook_queue_age_seconds", "How long the oldest receipt without an event has waited; 0: none", sql.queue_age
    )
    yield _gauge("daybook_queue_receipts", "Receipts without an event, counted up to 100,000", sql.waiting)
    yield _gauge("daybook_quarantined_deliveries", "Deliveries in quarantine, counted up to 100,000", sql.quarantined)
    yield _labelled("daybook_runs", "Runs that are not done, by state, each counted up to 100,000", "state", sql.runs)
    yield _gauge("daybook_run_due_age_seconds", "How long the run that is due longest has waited; 0: none", sql.due_age)
    yield CounterMetricFamily("daybook_events", "Events written since the installation began", value=sql.events)
    newest = sql.newest_event.timestamp() if sql.newest_event is not None else 0
    yield _gauge(
        "daybook_newest_event_timestamp_seconds", "When the newest event was received; 0: there is none", newest
    )
    yield _gauge("daybook_sweep_leader", "1 where a worker process leads the sweep", sql.sweep_leader is not None)
    yield _labelled(
        "daybook_calcom_budget_calls",
        "Calls of a connection that could be made at once now, of those that have a rate",
        "connection",
        {one.connection: one.left for one in sql.budgets if one.left is not None},
    )
    yield _labelled(
        "daybook_calcom_halted_until_timestamp_seconds",
        "Until when Cal.com wants no calls of a connection; 0: it does not mind them",
        "connection",
        {one.connection: one.halted_until.timestamp() if one.halted_until else 0 for one in sql.budgets},
    )


class Metrics:
    """Answers a scrape. `opened`: whoever asks, else a key with role viewer does."""

    def __init__(self, settings: Settings, store: Store, broker: Broker, own: Own) -> None:
        self._open = settings.metrics_open
        self._doorkeeper = Doorkeeper(settings, store)
        self._store = store
        self._broker = broker
        self._own = own
        self._asking = {name: Asking(f"metrics-{name}", _PATIENCE) for name in ("key", "sql", "broker")}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        #: when each key was good, by its digest
        self._good: dict[bytes, float] = {}
        self._outside = Outside(None, None)
        self._asked_at = -_GOOD_FOR
        self._one = asyncio.Lock()

    def route(self) -> Route:
        """Where it is scraped."""
        return Route("/metrics", self._answer, methods=["GET"])

    async def _answer(self, request: Request) -> Response:
        try:
            if not self._open:
                await self._may(request)
        except SignInNeeded:
            said = "Send `Authorization: Bearer …` with a key that `daybook keys create` made, role viewer.\n"
            return PlainTextResponse(said, 401, {"WWW-Authenticate": "Bearer"})
        except NotAllowed as error:
            return PlainTextResponse(f"{error.message}\n", 403)
        except StoreUnavailable:
            return PlainTextResponse("The database cannot be asked whose key this is.\n", 503)
        text = await asyncio.to_thread(self._told, await self._look())
        return Response(text, headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4, "cache-control": "no-store"})

    async def _may(self, request: Request) -> None:
        """Raises `SignInNeeded`, `NotAllowed`, or `StoreUnavailable` for a key that is not known to be good."""
        claim = self._doorkeeper.claim(request)
        digest = keys.digest(request.headers["authorization"].partition(" ")[2].strip())
        try:
            allow(await self._asking["key"].ask(claim), Role.VIEWER)
        except (TimeoutError, StoreUnavailable):
            if time.monotonic() - self._good.get(digest, -_TRUSTED) >= _TRUSTED:
                raise StoreUnavailable("whose key this is cannot be asked.") from None
        except SignInNeeded:
            self._good.pop(digest, None)
            raise
        else:
            self._good[digest] = time.monotonic()

    async def _look(self) -> Outside:
        """What SQL and the broker say, or said a moment ago."""
        async with self._one:
            if time.monotonic() - self._asked_at >= _GOOD_FOR:
                sql, depths = await asyncio.gather(
                    _answered(self._asking["sql"], self._ask_sql), _answered(self._asking["broker"], self._ask_broker)
                )
                self._outside, self._asked_at = Outside(sql, depths), time.monotonic()
            return self._outside

    def _ask_sql(self) -> Gauges:
        with self._store.read() as connection:
            return gauges(connection, datetime.now(UTC))

    def _ask_broker(self) -> dict[str, int]:
        return {name: queue.depth(self._broker, name) for name in (queue.PERSIST, queue.ACT)}

    def _told(self, outside: Outside) -> bytes:
        registry = CollectorRegistry()
        for collected in (self._own.collect, outside.collect):
            registry.register(_Collected(collected))
        return generate_latest(registry) + generate_latest(self._process)


class _Collected(Collector):
    """Metrics as a registry takes them."""

    def __init__(self, collected: Callable[[], Iterable[Metric]]) -> None:
        self._collected = collected

    def collect(self) -> Iterable[Metric]:
        return self._collected()


async def _answered(asking: Asking, question: Callable[[], _T]) -> _T | None:
    try:
        return await asking.ask(question)
    except Exception:  # whatever it is, it does not answer; a metric says so
        return None


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _labelled(name: str, says: str, label: str, values: dict[str, float] | dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _cumulated(counts: list[int]) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each counts those below it too."""
    found, below = [], 0
    for bound, number in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
        below += number
        found.append((bound, float(below)))
    return found
