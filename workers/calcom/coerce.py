"""Text to arguments: what `--arg key=value` means for a tool. The limits are checked elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workers.calcom.arguments import unknown
from workers.calcom.tool import Param, Tool
from workers.errors import BadArguments


def coerce(tool: Tool, texts: Mapping[str, str]) -> dict[str, Any]:
    """The arguments those texts stand for, by each parameter's type.

    Numbers and true/false as usual, lists as a JSON list or with commas, objects as JSON, `null` where null
    may be sent, and texts as they are. Raises BadArguments that names the parameter.
    """
    arguments = {}
    for name, text in texts.items():
        param = tool.param(name)
        if param is None:
            raise unknown(tool, name)
        arguments[name] = _read(param, text)
    return arguments


def _read(param: Param, text: str) -> Any:
    if param.nullable and text == "null":
        return None
    if not param.many:
        return _one(param, text)
    if text.lstrip().startswith("[") or param.item in ("object", "any"):
        return _json(param, text)
    return [_one(param, part.strip()) for part in text.split(",") if part.strip()]


def _one(param: Param, text: str) -> Any:
    match param.item:
        case "number":
            return _number(param, text)
        case "boolean":
            if text.strip().lower() not in ("true", "false"):
                raise BadArguments(f"{param.name}: must be true or false.")
            return text.strip().lower() == "true"
        case "object":
            return _json(param, text)
        case _:
            return text


def _number(param: Param, text: str) -> int | float:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    raise BadArguments(f"{param.name}: must be a number.")


def _json(param: Param, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        shape = "list" if param.many and param.item != "any" else "object"
        raise BadArguments(f"{param.name}: must be JSON, here an {shape}.".replace("an l", "a l")) from None
