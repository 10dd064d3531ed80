"""What an expression gave, as plain JSON. What has no JSON is Unresolved, never something close to it."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import timestamp_pb2
from google.protobuf.message import Message

from workers.rules import durations
from workers.rules.functions import LONGEST_TEXT

#: what CEL says of an `Any` that is not set
_NO_VALUE = "unable to find descriptor for type URL"
#: levels of lists and mappings within each other
DEEPEST = 64
#: values in one result, each member of a list or mapping counted
MOST_VALUES = 100_000


class Unresolved(Exception):
    """An expression has no value here and now. The reason is for people, and names no more than the expression does."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def plain(value: Any, depth: int = 0) -> Any:
    """JSON of a value of CEL: instants are ISO text in UTC, durations text like `90s`, integral doubles integers.

    `depth` is how deep in other JSON it will be. Raises Unresolved.
    """
    return _Plain().value(value, depth)


def reason(error: str) -> str:
    """What CEL says of an expression that has no value, in words, at most a line of it."""
    if _NO_VALUE in error:
        return "an instant or an output that it names is not there; has(…) tells whether one is"
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", error.partition("\n")[0])[:300] or "it cannot be evaluated"


def written(value: Any) -> str:
    """JSON as it is put into text: text as it is, nothing for null."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def moment(value: datetime) -> str:
    """An instant as ISO text in UTC, with milliseconds if there are any."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


class _Plain:
    """One conversion, which counts what it makes."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def value(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Unresolved(f"it gives more than {MOST_VALUES:,} values")
        if depth > DEEPEST:
            raise Unresolved(f"it gives values nested more than {DEEPEST} levels deep")
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, float):
            return _number(value)
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return {_key(key): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, datetime):
            return moment(value)
        if isinstance(value, timedelta):
            return durations.spell(value)
        if isinstance(value, Message):
            return self._message(value, depth)
        raise Unresolved(f"it gives {type(value).__name__}, which is no JSON")

    def _message(self, message: Any, depth: int) -> Any:
        name = message.DESCRIPTOR.full_name
        match name:
            case "google.protobuf.Timestamp":
                return moment(message.ToDatetime(UTC))
            case "google.protobuf.Any":
                return self._packed(message, depth)
            case "google.protobuf.Struct":
                return {key: self.value(item, depth + 1) for key, item in message.fields.items()}
            case "google.protobuf.ListValue":
                return [self.value(item, depth + 1) for item in message.values]
            case "google.protobuf.Value":
                kind = message.WhichOneof("kind")
                return None if kind in (None, "null_value") else self.value(getattr(message, kind), depth)
        if name.startswith("google.protobuf.") and name.endswith("Value"):
            return self.value(message.value, depth)
        return {field.name: self._field(message, field, depth) for field in message.DESCRIPTOR.fields}

    def _field(self, message: Any, field: Any, depth: int) -> Any:
        if field.is_repeated:
            return [self.value(item, depth + 1) for item in getattr(message, field.name)]
        return self.value(getattr(message, field.name), depth + 1) if message.HasField(field.name) else None

    def _packed(self, message: Any, depth: int) -> Any:
        if message.type_url.endswith("/google.protobuf.Timestamp"):
            return self.value(timestamp_pb2.Timestamp.FromString(message.value), depth)
        raise Unresolved("it gives the outputs of all steps at once; name one of them")


def _text(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise Unresolved(f"it gives a text longer than {LONGEST_TEXT:,} characters")
    return value


def _number(value: float) -> float | int:
    if not math.isfinite(value):
        raise Unresolved(f"it gives {value}, which is no JSON")
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return _text(key)
    if isinstance(key, bool | int):
        return json.dumps(key)
    raise Unresolved("it gives a mapping with a key that is no text")


def occasion(value: Any) -> str:
    """JSON as one text that is the same for equal values."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
