"""/health/live and /health/ready: is this process alive, and what of the things it needs is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dramatiq import Broker
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ingest.asking import Asking
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

    sql_asked, broker_asked = Asking("ask-sql", _PATIENCE), Asking("ask-broker", _PATIENCE)

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> JSONResponse:
        sql, bell = await asyncio.gather(
            _answers(sql_asked, store.ping), _answers(broker_asked, lambda: queue.depth(broker))
        )
        keeps = sql or (roster.looked_at > 0 and spools)
        state: dict[str, Any] = {
            "status": "ready" if sql else "spooling" if keeps else "away",
            "database": "ok" if sql else "away",
            "broker": "ok" if bell else "away",
            "spooling": intake.spooling,
        }
        return JSONResponse(state, status_code=200 if keeps else 503)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _answers(asking: Asking, question: Callable[[], object]) -> bool:
    try:
        await asking.ask(question)
    except Exception:  # whatever it is, it does not answer; the state says which
        return False
    return True
