"""The web process: one Starlette application made of the doors. What a door does is in its own file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import anyio.to_thread
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from ingest import api, dashboard, health
from ingest.deliveries import Deliveries
from ingest.draining import Draining
from ingest.intake import Intake
from ingest.latency import Latency
from ingest.live.feed import Feed
from ingest.live_rules import Reader
from ingest.mcp.opening import Mcp
from ingest.metrics import Metrics, Own
from ingest.quarantine import Quarantine
from ingest.requests import Requests
from ingest.roster import Roster
from ingest.source import Source
from ingest.spool import Spool
from ingest.tally import Tally
from workers import queue
from workers.settings import Settings
from workers.store.engine import open_store
from workers.vault import open_vault

log = structlog.get_logger(__name__)


#: the path that webhook URLs begin with; a token follows
PREFIX = "/in/"


class Front:
    """Deliveries go straight to their endpoint; everything else goes through Starlette.

    Starlette's own layers (two error middlewares, the router) cost a delivery as much as its signature does.
    """

    def __init__(self, deliveries: Deliveries, rest: Starlette) -> None:
        self._deliveries = deliveries
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._deliveries(scope["path"][len(PREFIX) :], scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def make_app(settings: Settings) -> Requests:
    """The application for `settings`. Nothing is connected to before its lifespan begins, and little then:
    a web process starts, and keeps deliveries, while SQL or the broker is away."""
    store = open_store(settings.database)
    vault = open_vault(settings)
    broker = queue.open_broker(settings.broker)
    doorbell = queue.Doorbell(broker)
    spool = Spool(settings.data_dir / "spool", settings.spool_bytes)
    intake = Intake(store, spool, doorbell.ring)
    roster = Roster(store, vault)
    mcp = Mcp(settings, store, vault)
    feed = Feed(store)
    source = Source(store, broker, Reader(settings, store), feed, settings, vault)
    latency = Latency(store)
    draining = Draining(store, intake, spool)
    quarantine = Quarantine(store, settings)
    tally = Tally()
    deliveries = Deliveries(settings, roster, intake, quarantine, latency, tally)
    metrics = Metrics(settings, store, broker, Own(tally, latency, spool, intake, quarantine))

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        works = roster.keep_fresh(), draining.keep_drained(), latency.keep_adding()
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            await mcp.close()
            await feed.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await intake.close()
            if not intake.spooling:  # SQL answers, as far as is known
                await latency.add()
            await anyio.to_thread.run_sync(doorbell.close)
            broker.close()
            store.close()

    rest = Starlette(
        routes=[
            *health.routes(store, broker, intake, roster, spools=settings.spool_bytes > 0),
            metrics.route(),
            api.Mounted("/api/v1", api.make_app(source)),
            *mcp.routes,
            Mount("/", app=dashboard.make_app(source)),
        ],
        lifespan=lifespan,
    )
    rest.router.redirect_slashes = False  # a redirect is made of the Host header, which anyone may write
    return Requests(Front(deliveries, rest))
