"""The door over stdio: one client, which started this process and may do what the role it was started with covers."""

from __future__ import annotations

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from ingest.mcp.server import make_server
from ingest.mcp.toolset import Toolset
from workers.store.audit import Who
from workers.store.engine import Store
from workers.store.keys import Role


async def serve(store: Store, toolset: Toolset, role: Role) -> None:
    """Answer what comes on stdin until it ends."""
    who = Who("stdio", role, None)
    server: Server[object] = make_server(store, toolset, lambda _: who, per_minute=0)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())
