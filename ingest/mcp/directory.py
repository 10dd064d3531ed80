"""`/mcp`: which servers there are and what they offer, for whoever knows only Daybook's address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.mcp.toolset import Offer, Target, Toolset, ToolsOnly
from workers.calcom.tool import DIALECT
from workers.store.audit import Who
from workers.store.keys import Role

LIST = "listServers"

_SERVER = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "path": {"type": "string"},
        "url": {"type": "string"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "pcidRequired": {"type": "boolean"},
        "tools": {"type": "array", "items": {"type": "string"}},
    },
}


class Directory(ToolsOnly):
    """`ingest.mcp.toolset.Toolset` of one tool, that names the servers and their tools. `base_url` is Daybook's."""

    name = "mcp"
    title = "Daybook's MCP servers"
    instructions = f"Call {LIST} to see which servers there are; then speak to the one you need by its url."

    def __init__(self, base_url: str, servers: Sequence[Toolset]) -> None:
        self._base_url = base_url
        self._servers = servers

    def offers(self) -> Sequence[Offer]:
        """The one tool."""
        return (
            Offer(
                name=LIST,
                title="List the servers",
                description="The MCP servers of this Daybook: path, url, and the tools that your key may call.",
                input_schema={"$schema": DIALECT, "type": "object", "properties": {}, "additionalProperties": False},
                output_schema={
                    "$schema": DIALECT,
                    "type": "object",
                    "properties": {"servers": {"type": "array", "items": _SERVER}},
                },
            ),
        )

    def target(self, _name: str, _arguments: Mapping[str, Any]) -> Target:
        """It is about nothing in particular."""
        return Target(None, {})

    def call(self, who: Who, _name: str, _arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The servers, each with the tools that this role may call."""
        return {"servers": self.servers(who.role)}

    def servers(self, role: Role) -> list[dict[str, Any]]:
        """The same for a role."""
        return [
            {
                "name": server.name,
                "path": f"/{server.name}",
                "url": f"{self._base_url}/{server.name}",
                "title": server.title,
                "description": server.instructions,
                "pcidRequired": any("PCID" in offer.input_schema["required"] for offer in server.offers()),
                "tools": [offer.name for offer in server.offers() if role.covers(offer.role)],
            }
            for server in self._servers
        ]
