"""The door over HTTP: who asks, from what page, how large; then the SDK's transport, without sessions.

A plain POST of one JSON-RPC message that accepts JSON is enough: nothing has to be initialized.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingest.session import Doorkeeper, NotAllowed, SignInNeeded
from workers.errors import DaybookError, StoreUnavailable
from workers.store.audit import Who
from workers.store.keys import Role

log = structlog.get_logger(__name__)

#: bytes of a message: the largest argument is a service account's key, of a few KB
LARGEST = 1024 * 1024
_WHO = "daybook.who"
_STATUS: dict[type[DaybookError], int] = {SignInNeeded: 401, NotAllowed: 403, StoreUnavailable: 503}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def asker(context: ServerRequestContext[Any]) -> Who:
    """Who sent a message that came by this door."""
    request = context.request
    assert isinstance(request, Request)
    who = request.scope[_WHO]
    assert isinstance(who, Who)
    return who


class Guard:
    """Who may come in: with a key, and from no web page but those whose origin is allowed."""

    def __init__(self, doorkeeper: Doorkeeper, origins: frozenset[str]) -> None:
        self._doorkeeper = doorkeeper
        self._origins = origins

    async def admit(self, request: Request) -> Who:
        """Raises SignInNeeded, NotAllowed, StoreUnavailable."""
        origin = request.headers.get("origin")
        # A page that somebody looks at could ask whatever their browser can reach.
        if origin is not None and origin.lower() not in self._origins:
            raise NotAllowed(f"Pages of {origin[:100]} may not ask here; DAYBOOK_ALLOWED_ORIGINS names those that may.")
        identity = await self._doorkeeper.identify(request, Role.VIEWER)
        return Who(identity.name, identity.role, identity.key_id)


class McpDoor:
    """An ASGI application for one server. It works while `running` is entered."""

    def __init__(self, server: Server[Any], guard: Guard) -> None:
        self._guard = guard
        self._manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=LARGEST
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Once in its life."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request, scope, receive, send) or _nothing)(scope, receive, send)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """What is to be answered; None where it was."""
        if request.method != "POST":
            return refused(405, "Only POST: this server keeps no sessions and no streams.", headers={"Allow": "POST"})
        try:
            who = await self._guard.admit(request)
        except DaybookError as error:
            return of(error)
        await self._manager.handle_request({**scope, _WHO: who}, receive, send)
        return None


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """It was answered."""


def of(error: DaybookError) -> Response:
    """An error as HTTP says it, and JSON-RPC."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    return refused(status, error.message, headers={"WWW-Authenticate": "Bearer"} if status == 401 else {})


def refused(status: int, message: str, *, headers: dict[str, str]) -> Response:
    """An answer to a message that was not looked at."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000 - (status - 400) % 100, "message": message}}
    return Response(msgspec.json.encode(body), status, {**_HEADERS, **headers}, "application/json")
