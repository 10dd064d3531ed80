"""How many Daybooks a call came through. One whose connection leads back to itself would call itself without end."""

from __future__ import annotations

from contextvars import ContextVar

#: goes with every call of an MCP server's tools
HEADER = "X-Daybook-Hops"
#: more are taken for a circle: a Daybook for a Daybook is enough
MOST = 3

#: of the call that is being answered here; 0: it began here
came_through: ContextVar[int] = ContextVar("came_through", default=0)


def read(text: str | None) -> int:
    """What the header says; 0 for what is none."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 4 else 0
