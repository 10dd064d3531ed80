"""What the audit log has of a call: too little to fill the database, and nothing that lets one in. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from ingest.brevity import cut, fit
from ingest.mcp.toolset import Target
from workers.actions.telling import masked

#: parameters that an entry has, characters of a name, bytes of all
_MOST, _NAME, _ROOM = 50, 60, 8_000


def target(
    connection: object,
    arguments: Mapping[str, Any],
    *,
    known: Collection[str],
    long: Collection[str] = (),
    secret: Collection[str] = (),
) -> Target:
    """What a call is about. Total. Of `long` parameters, and of those not `known`, only the length is told.

    What is given by a name that no tool has may be anything: a key, or what belongs under another name.
    """
    told = {
        name[:_NAME]: value if name in known and name not in long else _length(value)
        for name, value in islice(arguments.items(), _MOST)
    }
    shown = fit(masked(told, *secret), _ROOM)
    pcid = cut(connection, 200) if isinstance(connection, str) else None
    return Target(pcid, shown if isinstance(shown, dict) else {"…": shown})


def _length(value: Any) -> str:
    if isinstance(value, str):
        return f"({len(value)} characters)"
    return f"({len(value)} members)" if isinstance(value, Mapping | list | tuple) else "(a value)"
