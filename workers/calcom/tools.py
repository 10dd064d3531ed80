"""The registry: all 37 tools, in the order of the tool list. Each is described in its controller's file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from workers.calcom import (
    attributes,
    delegation,
    memberships,
    ooo,
    options,
    organizations,
    users,
    webhooks,
)
from workers.calcom.tool import Tool
from workers.errors import NotFound

CONTROLLERS = (attributes, options, organizations, delegation, memberships, users, ooo, webhooks)

TOOLS: Mapping[str, Tool] = MappingProxyType(
    {tool.name: tool for controller in CONTROLLERS for tool in controller.TOOLS}
)


def find(name: str) -> Tool:
    """The tool of exactly that name. Raises NotFound, which names the nearest one."""
    if tool := TOOLS.get(name):
        return tool
    near = get_close_matches(str(name), TOOLS, n=1)
    hint = f" The nearest name is {near[0]}." if near else ""
    raise NotFound(f"There is no such tool.{hint} `daybook tools list` shows all of them.")
