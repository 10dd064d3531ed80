"""`daybook mcp --stdio`: the tools and the history for a client on this machine, such as a desktop application."""

from __future__ import annotations

from typing import Annotated

import typer

from ingest.cli.workspace import opened
from workers.errors import BadInput

#: seconds that a call to Cal.com may take, and of them those for its budget
_CALL, _PATIENCE = 60.0, 20.0


def add_to(app: typer.Typer) -> None:
    """Hang the command under `app`."""
    app.command(name="mcp")(serve)


def serve(
    stdio: Annotated[bool, typer.Option("--stdio", help="Speak MCP over stdin and stdout.")] = False,
    role: Annotated[
        str, typer.Option(help="What the client may do: viewer reads; operator also changes; admin: all.")
    ] = "viewer",
) -> None:
    """Serve Cal.com's tools and Daybook's history to an MCP client that starts this command.

    Over HTTP they are part of the web process, at /cal-organizations and /daybook; that asks for keys.
    """
    if not stdio:
        raise BadInput("Give --stdio. Over HTTP `daybook up` serves MCP at /cal-organizations and /daybook.")

    import asyncio
    import contextlib

    from ingest.mcp.desk import serve as served
    from ingest.mcp.routes import toolsets
    from ingest.mcp.together import Together
    from workers.store.keys import Role
    from workers.toolbox import Box

    if role not in list(Role):
        raise BadInput(f"--role must be one of {', '.join(Role)}.")
    with (
        opened() as workspace,
        contextlib.closing(Box(workspace.store, workspace.vault, _CALL, gives_way=_PATIENCE)) as box,
    ):
        every = toolsets(workspace.settings, workspace.store, workspace.vault, box)
        asyncio.run(served(workspace.store, Together(every), Role(role)))
