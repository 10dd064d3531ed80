"""The door over HTTP, where no server is needed to see what it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from starlette.requests import Request

from ingest.mcp.door import Guard, McpDoor
from workers.store.audit import Who
from workers.store.keys import Role


class Open(Guard):
    """Anybody may come in."""

    def __init__(self) -> None: ...

    async def admit(self, request: Request) -> Who:
        return Who("ann", Role.VIEWER, None)


@pytest.mark.parametrize("before", [[], [{"type": "http.request", "body": b'{"json', "more_body": True}]])
def test_who_leaves_in_the_middle_of_a_message_is_no_error(before: list[dict[str, Any]]) -> None:
    door = McpDoor(Server("none"), Open())
    left = [*before, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/daybook", "headers": [], "query_string": b""}
    asyncio.run(door(scope, receive, send))

    assert not sent
