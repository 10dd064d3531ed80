"""How the tools of a connection are spoken to: Cal.com's API, or an MCP server. One module each, of the same shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from workers.calcom import mcp, rest
from workers.calcom.connection import BearerKey, ClientCredentials, Connection, McpToken
from workers.calcom.requests import Reply, Request
from workers.calcom.tool import Tool


class Dialect(Protocol):
    """What a module is that speaks one. Pure."""

    #: whether a list asked for without `take` and `skip` is answered to its end
    WHOLE_LISTS: bool

    def build(self, tool: Tool, connection: Connection, arguments: Mapping[str, Any], /) -> Request:
        """The request for checked arguments."""
        ...

    def decipher(
        self, tool: Tool, status: int, headers: Mapping[str, str], body: bytes, /, *, secrets: Collection[str]
    ) -> Reply:
        """The reply in an answer, or the error it means. Total: any status, headers and bytes will do."""
        ...


_SPOKEN: Mapping[type, Dialect] = {BearerKey: rest, ClientCredentials: rest, McpToken: mcp}


def spoken(connection: Connection) -> Dialect:
    """The one that the connection's credential is for."""
    return _SPOKEN[type(connection.credential)]
