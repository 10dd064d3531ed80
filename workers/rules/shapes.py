"""The shapes of what expressions see: a JSON Schema becomes protobuf message types, made at run time.

Shapes come in two makes. Exact ones are for checking: an instant is an instant. Those for running hold an instant as
`Any`, because an event without a start has none, where protobuf would make it 1970. Every scalar may be null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from google.protobuf import any_pb2, descriptor_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor_pool import DescriptorPool

Schema: TypeAlias = Mapping[str, Any]
#: makes of a JSON value what the constructor of its message takes; raises Unfit
Fit: TypeAlias = Callable[[Any], Any]

_PACKAGE = "daybook"
_WELL_KNOWN = (any_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
URL = "type.googleapis.com/"
_TIMESTAMP_URL = URL + "google.protobuf.Timestamp"
_INT64 = range(-(2**63), 2**63)


class Unfit(ValueError):
    """A value is not of the shape that was promised."""


def _object(title: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "title": title, "properties": properties}


_TEXT: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_INSTANT: Schema = {"type": "instant"}
_PERSON = _object(
    "a person",
    id=_INTEGER,
    name=_TEXT,
    email=_TEXT,
    time_zone=_TEXT,
    username=_TEXT,
    no_show={"type": "boolean"},
)
#: the event, as history shows it; an instant is what JSON Schema has no type for
EVENT: Schema = _object(
    "event",
    id=_TEXT,
    trigger=_TEXT,
    kind=_TEXT,
    connection=_TEXT,
    webhook=_TEXT,
    webhook_version=_TEXT,
    delivery_id=_TEXT,
    received_at=_INSTANT,
    occurred_at=_INSTANT,
    caused_by=_TEXT,
    title=_TEXT,
    status=_TEXT,
    type=_TEXT,
    start=_INSTANT,
    end=_INSTANT,
    booking=_object("event.booking", uid=_TEXT, id=_INTEGER, lineage=_TEXT, seat=_TEXT, series=_TEXT),
    event_type=_object("event.event_type", id=_INTEGER, slug=_TEXT),
    organizer=_PERSON,
    hosts={"type": "array", "items": _PERSON},
    attendees={"type": "array", "items": _PERSON},
    notes=_TEXT,
    payload={"type": "object"},
)


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise Unfit("not text")
    return {"value": value}


def _integer(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or value not in _INT64:
        raise Unfit("not an integer of 64 bits")
    return {"value": value}


def _number(value: Any) -> Any:
    if type(value) is not float and type(value) is not int:
        raise Unfit("not a number")
    return {"value": float(value)}


def _boolean(value: Any) -> Any:
    if type(value) is not bool:
        raise Unfit("not true or false")
    return {"value": value}


def _instant(value: Any) -> Any:
    """An instant packed, from text that history spelled."""
    try:
        since = datetime.fromisoformat(value) - _EPOCH
    except (TypeError, ValueError, OverflowError) as error:
        raise Unfit("not an instant") from error
    packed = _TIMESTAMP(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)
    return {"type_url": _TIMESTAMP_URL, "value": packed.SerializeToString()}


def _struct(value: Any) -> Any:
    if not isinstance(value, dict):
        raise Unfit("not a mapping")
    return value


def _list(value: Any) -> Any:
    if not isinstance(value, list):
        raise Unfit("not a list")
    return value


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = timestamp_pb2.Timestamp
_SIMPLE: dict[str, tuple[str, Fit]] = {
    "string": ("google.protobuf.StringValue", _text),
    "integer": ("google.protobuf.Int64Value", _integer),
    "number": ("google.protobuf.DoubleValue", _number),
    "boolean": ("google.protobuf.BoolValue", _boolean),
    "object": ("google.protobuf.Struct", _struct),
    "array": ("google.protobuf.ListValue", _list),
}


class Types:
    """Message types made of schemas: the file that declares them, and how values are fitted into them."""

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact
        self._file = descriptor_pb2.FileDescriptorProto(name="daybook.proto", package=_PACKAGE, syntax="proto3")
        self._file.dependency.extend(module.DESCRIPTOR.name for module in _WELL_KNOWN)
        self._made: dict[str, tuple[str, Fit]] = {}
        #: of each message type: what people call it, and its fields
        self.names: dict[str, tuple[str, tuple[str, ...]]] = {}

    def message(self, schema: Schema, called: str) -> tuple[str, Fit]:
        """The name of the type for a schema with properties, and what fits a value into it."""
        key = json.dumps([called, schema], sort_keys=True, default=str)
        if key not in self._made:
            fields = {name: self.field(inner, f"{called}.{name}") for name, inner in schema["properties"].items()}
            name = self.declare(called, {name: kind[:2] for name, kind in fields.items()})
            fits = {name: fit for name, (_, _, fit) in fields.items()}
            self._made[key] = (name, lambda value: _members(value, fits))
        return self._made[key]

    def declare(self, called: str, fields: Mapping[str, tuple[str, bool]]) -> str:
        """A message type of fields, each the name of its type and whether there are many of it."""
        made = self._file.message_type.add(name=f"T{len(self.names)}")
        for number, (field, (type_name, many)) in enumerate(fields.items(), 1):
            made.field.add(
                name=field,
                json_name=f"f{number}",
                number=number,
                type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
                type_name=f".{type_name}",
                label=_MANY if many else _ONE,
            )
        self.names[f"{_PACKAGE}.{made.name}"] = (called, tuple(fields))
        return f"{_PACKAGE}.{made.name}"

    def field(self, schema: Schema, called: str) -> tuple[str, bool, Fit]:
        schema = without_null(schema)
        kind = schema.get("type")
        if kind == "instant":
            return ("google.protobuf.Timestamp" if self.exact else "google.protobuf.Any"), False, _instant
        if has_fields(schema):
            name, fit = self.message(schema, schema.get("title", called) if called.startswith("event") else called)
            return name, False, fit
        if kind == "array" and has_fields(items := without_null(schema.get("items"))):
            name, fit = self.message(items, "a person" if items is _PERSON else f"an item of {called}")
            return name, True, lambda values: [fit(value) for value in _list(values)]
        name, fit = _SIMPLE.get(kind, _ANYTHING) if isinstance(kind, str) else _ANYTHING
        return name, False, fit

    def pool(self) -> DescriptorPool:
        """All types, for an environment and for making messages."""
        pool = DescriptorPool()
        for module in _WELL_KNOWN:
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        pool.AddSerializedFile(self._file.SerializeToString())
        return pool


_ONE = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
_MANY = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def json_value(value: Any) -> Any:
    """The fields of a `google.protobuf.Value`."""
    if value is None:
        return {"null_value": 0}
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int | float):
        return {"number_value": float(value)}
    if isinstance(value, str):
        return {"string_value": value}
    return {"struct_value": value} if isinstance(value, dict) else {"list_value": _list(value)}


_ANYTHING: tuple[str, Fit] = ("google.protobuf.Value", json_value)


def _members(value: Any, fits: Mapping[str, Fit]) -> dict[str, Any]:
    if type(value) is not dict:
        raise Unfit("not a mapping")
    return {name: fits[name](inner) for name, inner in value.items() if inner is not None and name in fits}


def without_null(schema: Any) -> Schema:
    """A schema of what a value is when it is not null; {} where that cannot be told."""
    if not isinstance(schema, Mapping):
        return {}
    for word in ("anyOf", "oneOf"):
        if word in schema:
            choices = [choice for choice in schema[word] if choice != {"type": "null"}]
            return without_null(choices[0]) if len(choices) == 1 and len(choices) < len(schema[word]) else {}
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": kinds[0]} if len(kinds) == 1 else {}
    return schema


def has_fields(schema: Schema) -> bool:
    """Whether an object's schema says which fields there are, and that there are no others."""
    names = schema.get("properties")
    return (
        schema.get("type") == "object"
        and isinstance(names, Mapping)
        and len(names) > 0
        and not schema.get("additionalProperties")
        and all(_FIELD.fullmatch(name) for name in names)
    )
