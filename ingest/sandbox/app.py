"""The sandbox as an ASGI application: every endpoint of the organization tools, and its own controls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from ingest.sandbox import (
    attributes,
    bookings,
    control,
    delegation,
    memberships,
    ooo,
    options,
    organizations,
    users,
    webhooks,
)
from ingest.sandbox.pipeline import handler_of, me_handler, nowhere_handler
from ingest.sandbox.sandbox import Sandbox
from ingest.sandbox.setup import Options

#: the eight controllers of the tools, `options` before `attributes`: its paths are the longer ones
ENDPOINTS = (
    *options.ENDPOINTS,
    *attributes.ENDPOINTS,
    *organizations.ENDPOINTS,
    *delegation.ENDPOINTS,
    *memberships.ENDPOINTS,
    *users.ENDPOINTS,
    *ooo.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def make_sandbox(chosen: Options | None = None) -> Starlette:
    """The application; its `Sandbox` is `app.state.sandbox`. Deliveries are sent while its lifespan lasts."""
    sandbox = Sandbox(chosen or Options())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sandbox.sender:
            yield

    routes = [
        Route(f"/v2{endpoint.path}", handler_of(sandbox, endpoint), methods=[endpoint.method])
        for endpoint in (*ENDPOINTS, *bookings.ENDPOINTS)
    ]
    app = Starlette(
        routes=[
            Route("/v2/me", me_handler(sandbox), methods=["GET"]),
            *routes,
            *control.routes(sandbox),
            Route("/{path:path}", nowhere_handler(sandbox), methods=_METHODS),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.sandbox = sandbox
    return app
