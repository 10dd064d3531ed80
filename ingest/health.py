"""/health/live and /health/ready: is this process alive, and what of the things it needs is away."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.to_thread
from dramatiq import Broker
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ingest.intake import Intake
from ingest.roster import Roster
from workers import queue
from workers.store.engine import Store

#: seconds that each of them may take to answer
_PATIENCE = 3.0


def routes(store: Store, broker: Broker, intake: Intake, roster: Roster, *, spools: bool) -> list[Route]:
    """The two routes. Ready means: deliveries can be kept, in SQL or, once the webhooks are known, in the spool.

    A process that spools must not be taken out of service: it is what keeps deliveries while SQL is away.
    """

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> JSONResponse:
        sql, bell = await asyncio.gather(_answers(store.ping), _answers(lambda: queue.depth(broker)))
        keeps = sql or (roster.looked_at > 0 and spools)
        state: dict[str, Any] = {
            "status": "ready" if sql else "spooling" if keeps else "away",
            "database": "ok" if sql else "away",
            "broker": "ok" if bell else "away",
            "spooling": intake.spooling,
        }
        return JSONResponse(state, status_code=200 if keeps else 503)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _answers(question: Any) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            await anyio.to_thread.run_sync(question, abandon_on_cancel=True)
    except Exception:  # whatever it is, it does not answer; the state says which
        return False
    return True
