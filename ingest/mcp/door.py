"""The door over HTTP: who asks, from what page, how large; then the SDK's transport, without sessions.

A plain POST of one JSON-RPC message that accepts JSON is enough: nothing has to be initialized.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ingest.mcp.pace import TOO_MANY, TooManyRequests
from ingest.session import Doorkeeper, NotAllowed, SignInNeeded
from workers.calcom import hops
from workers.errors import BadInput, DaybookError, StoreUnavailable
from workers.store.audit import Who
from workers.store.keys import Role

log = structlog.get_logger(__name__)

#: bytes of a message: the largest argument is a service account's key, of a few KB
LARGEST = 1024 * 1024
_WHO = "daybook.who"


class TooLarge(BadInput):
    """The message is larger than 1 MiB; nothing a tool takes is."""


class NoMessage(BadInput):
    """The body must be one JSON-RPC 2.0 message, an object with method and params; batches are not taken."""


#: HTTP's status and JSON-RPC's code
_STATUS: dict[type[DaybookError], tuple[int, int]] = {
    TooLarge: (413, -32013),
    NoMessage: (400, -32600),
    SignInNeeded: (401, -32001),
    NotAllowed: (403, -32003),
    TooManyRequests: (429, TOO_MANY),
    StoreUnavailable: (503, -32603),
}
#: of every answer that is no JSON-RPC server's
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


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
        hops.came_through.set(hops.read(request.headers.get(hops.HEADER)))
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
            return refused(405, -32005, "Only POST: no sessions or streams are kept.", headers={"Allow": "POST"})
        try:
            who = await self._guard.admit(request)
            body = await _body(request)
        except DaybookError as error:
            return of(error)
        except ClientDisconnect:  # in the middle of its message: there is nobody to be told, and nothing amiss
            return None
        await self._manager.handle_request({**scope, _WHO: who}, _again(body, receive), send)
        return None


async def _body(request: Request) -> bytes:
    """One JSON-RPC message. The SDK would quote what it cannot read, at length; here it is told in a sentence."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise TooLarge
    try:
        message = msgspec.json.decode(bytes(body))
    except (msgspec.DecodeError, RecursionError):
        raise NoMessage("The body is not JSON.") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise NoMessage
    if not isinstance(message.get("params", {}), dict):
        raise NoMessage("params must be an object.")
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body, to be received once more."""
    left = [body]

    async def received() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return received


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """It was answered."""


def of(error: DaybookError) -> Response:
    """An error as HTTP says it, and JSON-RPC."""
    found = (both for kind, both in _STATUS.items() if isinstance(error, kind))
    status, code = next(found, (500, -32603))
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, TooManyRequests):
        headers = {"Retry-After": str(math.ceil(error.after))}
    return refused(status, code, error.message, headers=headers)


def refused(status: int, code: int, message: str, *, headers: dict[str, str]) -> Response:
    """An answer to a message that was not looked at."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(msgspec.json.encode(body), status, {**HEADERS, **headers}, "application/json")
