"""/api/v1: history and operations as JSON, for scripts and other systems. What it answers is in the files beside."""

from __future__ import annotations

import re
from typing import Any

from dramatiq import Broker
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.api import endpoint, problems
from ingest.api.routes import ENDPOINTS
from ingest.live.feed import Feed
from ingest.live_rules import Reader
from ingest.session import Doorkeeper
from workers.settings import Settings
from workers.store.engine import Store
from workers.vault import Vault

_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
_NAMES = {name for name, _ in _HEADERS}


def make_app(settings: Settings, store: Store, vault: Vault, broker: Broker, feed: Feed) -> Starlette:
    """The API, to be mounted. It answers with JSON and nothing else, errors as problems (RFC 9457)."""
    doorkeeper = Doorkeeper(settings, store, pages=True)
    limiter = endpoint.limiter()
    source = endpoint.Source(store, broker, Reader(settings, store), feed, settings, vault)
    made = Starlette(
        routes=[each.route(source, doorkeeper, limiter) for each in ENDPOINTS],
        middleware=[Middleware(_Headers)],
        exception_handlers={HTTPException: _http_problem},
    )
    made.router.redirect_slashes = False  # a redirect is made of the Host header, which anyone may write
    return made


class Mounted(Mount):
    """Where the API is: every path below `path`, also one with a line break in it, is the API's to answer."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


async def _http_problem(_request: Request, error: Any) -> Response:
    return problems.answer(error)


class _Headers:
    """Every answer says that it is no page, and not to be kept: it holds people's names and addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [header for header in message.get("headers", ()) if header[0] not in _NAMES]
                message = {**message, "headers": [*others, *_HEADERS]}
            await send(message)

        await self._app(scope, receive, sending)
