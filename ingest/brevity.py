"""Long texts and JSON cut down to a size, and it is said what was cut. Pure and total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

#: characters of texts and members of lists and objects that are kept, ever fewer until it fits
_STEPS = ((500, 50), (200, 20), (100, 8), (40, 4))
#: levels of JSON that are kept
_DEEPEST = 8
#: a number beyond is told as text: few who read JSON keep it
_LARGEST_NUMBER = 2**63 - 1
#: bytes that are said of what cannot be written as JSON: more than there is room for anywhere
_UNKNOWN = 2**31


def cut(text: str | None, most: int) -> str | None:
    """A text of at most about `most` characters; of what is cut the length is said."""
    if text is None:
        return None
    # Half a surrogate pair is no JSON in UTF-8, and a NUL no text of PostgreSQL's.
    whole = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return whole if len(whole) <= most else f"{whole[:most]}… ({len(whole)} characters)"


def fit(value: Any, room: int) -> Any:
    """JSON that is written in so many bytes: long texts, lists and depths of it are cut, and it is said."""
    for texts, members in _STEPS:
        cut_down = _cut(value, texts, members, 0)
        if size(cut_down) <= room:
            return cut_down
    return f"({size(value)} bytes of JSON: too long to be shown)"


def _cut(value: Any, texts: int, members: int, depth: int) -> Any:
    if isinstance(value, str):
        return cut(value, texts)
    if isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER:  # nor is NaN
        return "(a number too large for JSON)"
    if not isinstance(value, Mapping | list | tuple) or not value:
        return value
    if depth == _DEEPEST:
        return f"({len(value)} members)"
    more = len(value) - members
    if isinstance(value, Mapping):
        kept = {
            cut(str(key), texts): _cut(inner, texts, members, depth + 1) for key, inner in [*value.items()][:members]
        }
        return {**kept, "…": f"({more} more members)"} if more > 0 else kept
    some = [_cut(inner, texts, members, depth + 1) for inner in value[:members]]
    return [*some, f"({more} more items)"] if more > 0 else some


def size(value: Any) -> int:
    """Bytes of JSON."""
    try:
        return len(msgspec.json.encode(value))
    except (UnicodeEncodeError, RecursionError, OverflowError):  # what `fit` is about to cut
        return _UNKNOWN
