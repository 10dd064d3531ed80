"""An action in words: what it is, how it stands, and JSON on a line. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingest.standing import short

#: characters of what an action names
_LONGEST = 120


def what(action: Mapping[str, Any]) -> str:
    """What an action is: its kind, and the tool, URL or time that it names."""
    named = action["request"].get(action["kind"])
    if named is None:
        return str(action["kind"])
    return f"{action['kind']} {short(named if isinstance(named, str) else compact(named), _LONGEST)}"


def ended(action: Mapping[str, Any]) -> str:
    """How an action stands, in how many attempts, and why."""
    number = action["attempts"]
    said = f"{action['state']} at attempt {number}" if number > 1 else str(action["state"])
    return f"{said}: {action['reason']}" if action["reason"] else said


def compact(value: Any) -> str:
    """JSON on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
