"""A Starlette route that verifies a delivery and forgets it: the most that any Starlette receiver could do."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.bench.contenders.verified import verified


async def take(request: Request) -> PlainTextResponse:
    """202 for a signed delivery."""
    if not verified(await request.body(), request.headers.get("x-cal-signature-256")):
        return PlainTextResponse("Not signed.", 401)
    return PlainTextResponse("Kept.", 202)


app = Starlette(routes=[Route("/in/{token}", take, methods=["POST"])])
