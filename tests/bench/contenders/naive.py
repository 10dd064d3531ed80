"""The naive design: the handler sends one Dramatiq message for each delivery, an actor writes one row for each message.

Served by uvicorn, worked by the `dramatiq` command, everything else at Dramatiq's defaults.
"""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.bench.contenders import table
from tests.bench.contenders.verified import verified

broker = RedisBroker(url=os.environ["BENCH_BROKER_URL"])  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)
engine = table.from_environment(pool_size=8)  # one for each of the worker's threads


@dramatiq.actor
def store(body: str) -> None:
    """The worker's half."""
    table.keep(engine, body.encode())


async def take(request: Request) -> PlainTextResponse:
    """The handler's half."""
    body = await request.body()
    if not verified(body, request.headers.get("x-cal-signature-256")):
        return PlainTextResponse("Not signed.", 401)
    store.send(body.decode())
    return PlainTextResponse("Kept.", 202)


app = Starlette(routes=[Route("/in/{token}", take, methods=["POST"])])
