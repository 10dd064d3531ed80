"""Where the servers are: `/cal-organizations`, `/daybook`, and `/mcp`, which names them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import anyio.to_thread
import msgspec
from mcp import types
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ingest.mcp.calcom import CalcomTools
from ingest.mcp.directory import LIST, Directory
from ingest.mcp.door import HEADERS, Guard, McpDoor, asker, of
from ingest.mcp.history.toolset import History
from ingest.mcp.pace import Pace
from ingest.mcp.server import Context, make_server, told
from ingest.mcp.toolset import Toolset
from ingest.session import Doorkeeper
from workers.errors import DaybookError
from workers.settings import Settings
from workers.store.engine import Store
from workers.toolbox import Box
from workers.vault import Vault

#: seconds that a call to Cal.com may take, and of them those for its budget
_CALL, _PATIENCE = 60.0, 20.0


def toolsets(settings: Settings, store: Store, vault: Vault, box: Box) -> Sequence[Toolset]:
    """What each server offers."""
    return (CalcomTools(store, box, destructive=settings.mcp_destructive), History(settings, store, vault))


class McpServers:
    """All of them, for one web process. `routes` answer while `running` is entered."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self._box = Box(store, vault, _CALL, gives_way=_PATIENCE)
        servers = toolsets(settings, store, vault, self._box)
        directory = Directory(settings.base_url, servers)
        self._guard = Guard(Doorkeeper(settings, store), frozenset((_own(settings), *settings.allowed_origins)))
        self._directory = directory
        self._pace = Pace(settings.mcp_per_minute)
        self._doors: dict[str, McpDoor] = {}
        for toolset in (*servers, directory):
            server = make_server(store, toolset, asker, per_minute=settings.mcp_per_minute)
            if toolset is directory:
                server.add_request_handler(LIST, types.RequestParams, self._list)
            self._doors[toolset.name] = McpDoor(server, self._guard)

    @property
    def routes(self) -> list[BaseRoute]:
        """To be hung under the root."""
        asked = Route("/mcp", self._listed, methods=["GET"])
        return [asked, *(Route(f"/{name}", door) for name, door in self._doors.items())]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Once in its life."""
        async with AsyncExitStack() as stack:
            for door in self._doors.values():
                await stack.enter_async_context(door.running())
            try:
                yield
            finally:
                await anyio.to_thread.run_sync(self._box.close)

    async def _listed(self, request: Request) -> Response:
        try:
            who = await self._guard.admit(request)
            self._pace.take(who)
            found = await anyio.to_thread.run_sync(self._directory.servers, who.role)
        except DaybookError as error:
            return of(error)
        return Response(msgspec.json.encode({"servers": found}), 200, HEADERS, "application/json")

    async def _list(self, context: Context, _: types.RequestParams | None) -> dict[str, object]:
        who = asker(context)
        await told(self._pace.take, who)
        found = await told(self._directory.servers, who.role)
        return {"servers": found}


def _own(settings: Settings) -> str:
    """The origin of Daybook's own pages."""
    return "/".join(settings.base_url.split("/", 3)[:3]).lower()
