"""Bodies no well-meaning sender would send, and what is stored of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.catalogue.bodies import DEPTH, TOO_DEEP, decode


def nested(levels: int) -> bytes:
    """An object with so many levels of nesting, its own included."""
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def depth_of(value: Any) -> int:
    depth = 0
    while isinstance(value, dict):
        depth += 1
        value = value.get("a")
    return depth


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a":1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        ('{"a":"é"}'.encode("utf-16"), {"a": "é"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"a":"\xed\xa0\x80"}', {"a": "\ufffd\ufffd\ufffd"}),
        (rb'{"a":"\ud83c\udf34"}', {"a": "🌴"}),
        (rb'{"a":"\ud83c"}', {"a": "\ufffd"}),
        (rb'{"a\u0000":"\u0000"}', {"a\ufffd": "\ufffd"}),
        (rb'{"a":"\\u0000"}', {"a": r"\u0000"}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":NaN,"b":Infinity,"c":-Infinity,"d":1e999}', {"a": None, "b": None, "c": None, "d": None}),
        (b'{"a":9223372036854775807,"b":-9223372036854775808}', {"a": 2**63 - 1, "b": -(2**63)}),
        (b'{"a":9223372036854775808}', {"a": float(2**63)}),
        (b'{"a":[-9223372036854775809]}', {"a": [float(-(2**63))]}),
        (b'{"a":NaN,"b":-9223372036854775808}', {"a": None, "b": -(2**63)}),
        (b'{"a":' + b"9" * 400 + b"}", {"a": None}),
        (b'{"a":' + b"9" * 5000 + b"}", {"a": None}),
    ],
)
def test_an_odd_object_is_made_storable(body: bytes, document: dict[str, Any]) -> None:
    assert decode(body) == document


@pytest.mark.parametrize("body", [b"", b"\x00", b"[" * 5000, b'{"a":' * 5000, b"[]", b'{"a":"\x00"}', b"{'a':1}"])
def test_what_is_no_object_is_none(body: bytes) -> None:
    assert decode(body) is None


def test_nesting_is_kept_up_to_the_limit() -> None:
    document = decode(nested(DEPTH))
    assert depth_of(document) == DEPTH
    assert TOO_DEEP not in json.dumps(document)


@pytest.mark.parametrize("levels", [DEPTH + 1, DEPTH + 2, 500, 5_000, 100_000])
def test_nesting_is_cut_at_the_limit_however_deep_it_goes(levels: int) -> None:
    document = decode(nested(levels))
    assert depth_of(document) == DEPTH
    assert TOO_DEEP in json.dumps(document)


def test_a_body_nested_beyond_any_decoder_keeps_what_lies_beside_the_nesting() -> None:
    hostile = b"[" * 20_000 + rb'"]}\"", {"b": 1}' + b"]" * 20_000
    document = decode(b'{"uid":"before","x":' + hostile + b',"y":{"z":"after"}}')
    assert document is not None
    assert document["uid"] == "before"
    assert document["y"] == {"z": "after"}


def test_lists_count_as_levels_too() -> None:
    document = decode(b'{"a":' + b"[" * 70 + b"1" + b"]" * 70 + b"}")
    assert document is not None
    value, levels = document["a"], 1
    while isinstance(value, list):
        value, levels = value[0], levels + 1
    assert (value, levels) == (TOO_DEEP, DEPTH)


def test_many_shallow_objects_are_left_as_they_are() -> None:
    body = json.dumps({"rows": [{"n": n} for n in range(500)]}).encode()
    assert decode(body) == json.loads(body)
