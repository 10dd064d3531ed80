"""The 37 organization tools, for any of the connections: each as it is described, and `PCID` beside its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ingest.mcp import entries
from ingest.mcp.toolset import Offer, Target, ToolsOnly
from ingest.session import NotAllowed
from workers.calcom import hops
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS, find
from workers.errors import BadArguments, CalcomUnavailable
from workers.store import connections
from workers.store.audit import Who
from workers.store.engine import Store
from workers.store.keys import Role
from workers.toolbox import Box

PCID = "PCID"
#: PCIDs that the schema names; there may be thousands
_NAMED = 20
#: levels of JSON in an answer: neither the SDK nor its clients take what a remote server could nest
_DEEPEST = 100


class CalcomTools(ToolsOnly):
    """`ingest.mcp.toolset.Toolset` of Cal.com's tools. With `destructive` those that delete may be called."""

    name = "cal-organizations"
    title = "Cal.com organization tools"
    instructions = (
        "Tools that read and change a Cal.com organization: users, memberships, attributes, out-of-office entries, "
        "webhooks. Every call needs PCID, the connection it is made for, unless there is only one. Read before you "
        "change. A call that is refused says what to do; after 'it may have been done or not' look first. Cal.com "
        "allows few calls a minute, and automations go first: on rate_limited wait as long as it says."
    )

    def __init__(self, store: Store, box: Box, *, destructive: bool) -> None:
        self._store = store
        self._box = box
        self._destructive = destructive

    def offers(self) -> Sequence[Offer]:
        """All of them, in the order of the tool list."""
        return offers(tuple(self._pcids()))

    def target(self, name: str, arguments: Mapping[str, Any]) -> Target:
        """The connection that is named, or the only one; arguments without secret parameters."""
        params = TOOLS[name].params if name in TOOLS else ()
        pcid = arguments.get(PCID)
        if pcid is None and len(names := self._pcids()) == 1:
            pcid = names[0]
        return entries.target(
            pcid,
            {key: value for key, value in arguments.items() if key != PCID},
            known={param.name for param in params},
            secret={param.name for param in params if param.secret},
        )

    def call(self, who: Who, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Cal.com's reply. Raises BadArguments, NotFound (the connection), NotAllowed, a CalcomError."""
        tool = find(name)
        if tool.destructive and not self._destructive:
            raise NotAllowed(
                f"{name} deletes, which is off: whoever runs Daybook turns it on with DAYBOOK_MCP_DESTRUCTIVE=true."
            )
        pcid = self._chosen(arguments.get(PCID))
        if (passed := hops.came_through.get()) > hops.MOST:
            raise NotAllowed(
                f"The call came here through {passed} Daybooks: a connection of kind mcp leads back to itself. "
                "Point its base URL, or its remote PCID, elsewhere."
            )
        reply = self._box.caller(pcid).call(name, {key: value for key, value in arguments.items() if key != PCID})
        if _deeper(reply.json, _DEEPEST):
            raise CalcomUnavailable(
                f"{name}: the answer is nested too deeply to be passed on; {_DEEPEST} levels are the most."
                + ("" if tool.reads else " It may have been done or not: look first."),
                status=reply.status,
                request_id=reply.request_id,
            )
        return reply.json

    def _pcids(self) -> Sequence[str]:
        with self._store.read() as sql:
            return connections.names(sql)

    def _chosen(self, pcid: object) -> str:
        known = self._pcids()
        if pcid is None and len(known) == 1:
            return known[0]
        if pcid is None and known:
            raise BadArguments(f"{PCID}: missing; there are: {', '.join(known)}.")
        if pcid is not None and not isinstance(pcid, str):
            raise BadArguments(f"{PCID}: must be a text, the name of a connection.")
        if pcid is None or pcid not in known:
            raise connections.unknown(pcid or "", known)
        return pcid


def _deeper(value: Any, most: int) -> bool:
    """Whether JSON is nested deeper than so many levels."""
    level = [value]
    for _ in range(most):
        level = [
            inner
            for one in level
            if isinstance(one, Mapping | list)
            for inner in (one.values() if isinstance(one, Mapping) else one)
        ]
    return any(isinstance(one, Mapping | list) for one in level)


@cache
def offers(pcids: tuple[str, ...]) -> tuple[Offer, ...]:
    """Every tool for these connections."""
    return tuple(_offer(tool, pcids) for tool in TOOLS.values())


def _offer(tool: Tool, pcids: tuple[str, ...]) -> Offer:
    schema = tool.input_schema()
    known = f": {', '.join(pcids)}" if 0 < len(pcids) <= _NAMED else ""
    pcid: dict[str, Any] = {"type": "string", "description": f"The connection to act for{known}."}
    required = list(schema["required"])
    if len(pcids) == 1:
        pcid["default"] = pcids[0]
    else:
        required.insert(0, PCID)
    return Offer(
        name=tool.name,
        title=tool.sentence.removesuffix("."),
        description=tool.description,
        input_schema={**schema, "properties": {PCID: pcid, **schema["properties"]}, "required": required},
        output_schema=tool.output_schema(),
        role=Role.VIEWER if tool.reads else Role.ADMIN if tool.destructive else Role.OPERATOR,
        reads=tool.reads,
        destructive=tool.destructive,
        idempotent=tool.method != "POST" and not tool.unrepeatable_with,
        open_world=True,
    )
