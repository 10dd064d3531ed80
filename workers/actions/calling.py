"""What steps that call a tool share: arguments checked as far as they are known, the output's shape, errors.

The tools themselves, and the check of whole arguments, are `workers.calcom`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from workers.actions.kind import Again, Call, Caller, Lost, Refused, Toolbox
from workers.calcom.arguments import check, unknown
from workers.calcom.tool import Param, Tool
from workers.calcom.tools import TOOLS
from workers.errors import BadArguments, CalcomUnavailable, DaybookError, RateLimited, StoreUnavailable
from workers.rules.kinds import UNKNOWN, Problem

ARGUMENTS = {
    "type": "object",
    "description": "The tool's parameters and their values; `daybook tools describe TOOL` names them. "
    "orgId is the connection's.",
}
#: what a reply holds that no step needs and no ledger should keep
SECRETS = ("secret",)


class _Unknown:
    """Stands in for what an expression will give, where arguments are looked at together."""

    def __bool__(self) -> bool:
        raise TypeError("it is not known")


def named(key: str, written: object, *, reading: bool = False) -> Problem | Tool:
    """The tool that is named under `key`; with `reading`, one that changes nothing."""
    known = {name: tool for name, tool in TOOLS.items() if tool.reads or not reading}
    if isinstance(written, str) and written in known:
        return known[written]
    if written is UNKNOWN or not isinstance(written, str):
        return Problem((key,), f"{key} must name its tool outright, not by an expression.")
    if written in TOOLS:
        return Problem((key,), f"{written} changes something: make it a step `tool: {written}`.")
    near = get_close_matches(written, known, 1, cutoff=0.3)
    hint = f" did you mean {near[0]}?" if near else ""
    return Problem((key,), f"there is no tool {written[:100]!r};{hint or ' `daybook tools list` shows them.'}")


def argument_problems(tool: Tool, written: object) -> Iterator[Problem]:
    """What is wrong with the parameters under `with`, as far as they are known."""
    if not isinstance(written, Mapping):
        yield Problem(("with",), "with must be a mapping of the tool's parameters to values.")
        return
    given = {"orgId": UNKNOWN, **written}
    if missing := [param.name for param in tool.params if param.required and param.name not in given]:
        yield Problem(("with",), f"{', '.join(missing)}: missing; {tool.name} cannot do without.")
    sound: dict[str, Any] = {}
    for name, value in given.items():
        param = tool.param(name)
        if param is None:
            yield Problem(("with", name), unknown(tool, name).message)
            continue
        try:
            sound[name] = _checked(param, value)
        except BadArguments as error:
            yield Problem(("with", name), error.message)
    if not missing and len(sound) == len(given):
        yield from _together(tool, sound)


def _checked(param: Param, value: Any) -> Any:
    """The value as it would be sent; a stand-in where an expression is part of it."""
    if isinstance(value, list) and param.many and UNKNOWN in value:
        known = [item for item in value if item is not UNKNOWN]
        if known:
            _checked(param, known)
        return _Unknown()
    if _holds_unknown(value):
        return _Unknown()
    alone = Tool(name="", sentence="", method="GET", path="", params=(replace(param, required=False),), data=None)
    return check(alone, {param.name: value})[param.name]


def _holds_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(_holds_unknown, value))
    return value is UNKNOWN


def _together(tool: Tool, sound: Mapping[str, Any]) -> Iterator[Problem]:
    for rule in tool.rules:
        try:
            rule(sound)
        except BadArguments as error:
            yield Problem(("with",), error.message)
        except TypeError:  # the rule turns on a value that is not known yet
            continue


def output_schema(tool: Tool) -> dict[str, Any]:
    """JSON Schema of a step's output: the reply's `data`; of a list tool `{"items": [...]}`. Without references."""
    document = tool.output_schema()
    described = document["properties"]["data"]["anyOf"][0]
    schema: dict[str, Any] = _inlined(described, document.get("$defs", {}))
    return {"type": "object", "properties": {"items": schema}, "required": ["items"]} if tool.lists else schema


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if isinstance(properties := schema.get("properties"), dict):
        schema = {**schema, "properties": {key: item for key, item in properties.items() if key not in SECRETS}}
    titled = isinstance(schema.get("title"), str)
    return {key: _inlined(item, definitions) for key, item in schema.items() if key != "title" or not titled}


def output(tool: Tool, data: Any) -> Any:
    """What later steps see of a reply's `data`, webhooks' secrets left out. Of nothing it is {}: no field is there."""
    if tool.lists:
        return {"items": [_open(item) for item in data] if isinstance(data, list) else []}
    return {} if data is None else _open(data)


def _open(data: Any) -> Any:
    return {key: value for key, value in data.items() if key not in SECRETS} if isinstance(data, dict) else data


def arguments(call: Call) -> dict[str, Any]:
    """The step's `with`."""
    given = call.values.get("with")
    return dict(given) if isinstance(given, Mapping) else {}


def reached(call: Call, box: Toolbox) -> Caller | Refused:
    """A client for the step's connection. Raises StoreUnavailable."""
    try:
        return box.caller(call.connection)
    except StoreUnavailable:
        raise
    except DaybookError as error:
        return Refused(error.message)


def ended(error: DaybookError, *, changes: bool) -> Again | Lost | Refused:
    """How an attempt ended that a tool's error ended. 5xx may come after the deed: such a change is lost."""
    if isinstance(error, RateLimited):
        return Again(error.message, error.after, counts=False)
    if isinstance(error, CalcomUnavailable):
        return Lost(error.message) if error.sent and changes else Again(error.message)
    return Refused(error.message)
