"""The JSON Schema of a rule file, for editors: what can be said of one without reading its expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.catalogue.own import ABOUT
from workers.rules.kinds import KindSpec
from workers.rules.reading import NAME
from workers.rules.steps import ID, MOST_STEPS

Schema = dict[str, Any]

_EXPRESSION: Schema = {"type": "string", "pattern": r"\$\{\{"}
_SCALARS = {"string", "integer", "number", "boolean", "null"}


def schema(kinds: Mapping[str, KindSpec]) -> Schema:
    """The schema (2020-12) of a rule file whose steps are of these kinds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule file of Daybook",
        **_object({"rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}}}, "rules"),
        "$defs": {
            "rule": _rule(),
            "undo": _object({"on": _ref("on"), "when": _ref("condition"), "do": _ref("do")}, "on", "do"),
            "on": {"anyOf": [_ref("trigger"), {"type": "array", "items": _ref("trigger"), "minItems": 1}]},
            "trigger": {
                "enum": list(ABOUT),
            },
            "condition": {
                "description": "A CEL expression that is true or false.",
                "type": ["string", "boolean"],
            },
            "do": {"type": "array", "items": _ref("step"), "minItems": 1, "maxItems": MOST_STEPS},
            "duration": {
                "type": "string",
                "pattern": r"^(\d+(\.\d+)?(ms|d|h|m|s))+$",
                "examples": ["90s", "1h30m", "2d"],
            },
            "retry": _object(
                {
                    "attempts": {"type": "integer", "minimum": 1, "maximum": 100, "default": 8},
                    "first": {**_ref("duration"), "description": "The pause after the first attempt; default 10s."},
                    "longest": {**_ref("duration"), "description": "Pauses double up to this; default 1h."},
                }
            ),
            "step": {"oneOf": [_ref(f"step-{name}") for name in kinds]},
            **{f"step-{name}": _step(kind) for name, kind in kinds.items()},
        },
    }


def _rule() -> Schema:
    return _object(
        {
            "name": {"type": "string", "pattern": f"^{NAME}$", "description": "Unique over the folder of rules."},
            "description": {"type": "string"},
            "on": {**_ref("on"), "description": "The triggers it hears."},
            "connection": {
                "type": "string",
                "description": "PCID of the connection whose events it hears and for which its tools act; "
                "default: every connection's, each for its own.",
            },
            "when": _ref("condition"),
            "once_per": {
                **_EXPRESSION,
                "description": "What tells one occasion from another; default: the event's id.",
                "examples": ["${{ event.booking.uid }}"],
            },
            "entity": {
                **_EXPRESSION,
                "description": "Runs of the same entity keep their order; default: the booking, else the person.",
            },
            "dry_run": {"type": "boolean", "default": False, "description": "Record runs without acting."},
            "allow_echo": {
                "type": "boolean",
                "default": False,
                "description": "Hear events that the rule's own actions caused.",
            },
            "do": _ref("do"),
            "undo": {**_ref("undo"), "description": "How a run is taken back. It needs once_per."},
        },
        "name",
        "on",
        "do",
    )


def _step(kind: KindSpec) -> Schema:
    return _object(
        {
            "id": {"type": "string", "pattern": f"^{ID}$", "description": "Later steps name its output run.<id>."},
            "if": _ref("condition"),
            **{name: _varying(key.schema) for name, key in kind.keys.items()},
            "retry": _ref("retry"),
            "on_error": {"enum": ["stop", "continue"], "default": "stop"},
            "connection": {"type": "string", "description": "PCID of the connection that it acts for."},
        },
        *(name for name, key in kind.keys.items() if key.required),
    )


def _varying(inner: Any) -> Any:
    """A schema in which an expression may stand in place of every scalar."""
    if not isinstance(inner, Mapping):
        return inner
    made = {word: _within(word, value) for word, value in inner.items()}
    kinds = inner.get("type", [])
    scalar = "enum" in inner or "const" in inner or _SCALARS & set([kinds] if isinstance(kinds, str) else kinds)
    about = {word: made.pop(word) for word in ("description", "default", "examples") if word in made and scalar}
    return {"anyOf": [made, _EXPRESSION], **about} if scalar else made


def _within(word: str, value: Any) -> Any:
    if word in ("properties", "patternProperties", "$defs") and isinstance(value, Mapping):
        return {name: _varying(inner) for name, inner in value.items()}
    if word in ("items", "additionalProperties", "not"):
        return _varying(value)
    if word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [_varying(inner) for inner in value]
    return value


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(properties: Mapping[str, Any], *required: str) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
