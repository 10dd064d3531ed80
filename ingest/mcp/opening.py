"""MCP, opened when it is first asked for: whoever runs no agents pays neither the time nor the memory that it takes."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING

import anyio.to_thread
import structlog
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from workers.settings import Settings
from workers.store.engine import Store
from workers.vault import Vault

if TYPE_CHECKING:  # it takes more than a second to load
    from ingest.mcp.routes import McpServers

log = structlog.get_logger(__name__)

#: where the servers are
PATHS = ("/cal-organizations", "/daybook", "/mcp")


class Mcp:
    """An ASGI application that answers at `PATHS`. `close` it."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self._settings, self._store, self._vault = settings, store, vault
        self._opened: asyncio.Future[ASGIApp] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        """To be hung under the root."""
        return [Route(path, self) for path in PATHS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()
            # In a task of its own, for what is opened has to be closed in the same one.
            self._task = asyncio.create_task(self._keep_open(self._opened), context=Context())
        app = await asyncio.shield(self._opened)
        await app(scope, receive, send)

    async def close(self) -> None:
        """Ends what was opened."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_open(self, opened: asyncio.Future[ASGIApp]) -> None:
        try:
            servers = await anyio.to_thread.run_sync(self._made)
            router = Router(servers.routes, redirect_slashes=False)
            async with servers.running():
                opened.set_result(router)
                await asyncio.Event().wait()
        except Exception as error:  # told to those who wait, and tried again by the next
            log.exception("mcp.not_opened")
            self._opened = None
            opened.set_exception(error)

    def _made(self) -> McpServers:
        from ingest.mcp.routes import McpServers

        return McpServers(self._settings, self._store, self._vault)
