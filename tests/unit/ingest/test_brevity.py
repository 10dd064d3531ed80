"""Cutting JSON until it fits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.brevity import cut, fit


def test_what_is_short_stays_as_it_is() -> None:
    value = {"a": [1, None, True, "text"], "b": {}}
    assert fit(value, 1_000) == value


def test_what_is_cut_says_how_long_it_was() -> None:
    assert cut("x" * 11, 10) == f"{'x' * 10}… (11 characters)"
    assert fit({"a": "x" * 1_000}, 700) == {"a": f"{'x' * 500}… (1000 characters)"}
    assert fit(["x" * 20] * 100, 700) == [*["x" * 20] * 20, "(80 more items)"]
    assert fit({str(n): "x" * 30 for n in range(100)}, 500)["…"] == "(92 more members)"


def test_what_cannot_be_cut_is_told_by_its_bytes() -> None:
    assert fit([[["x" * 40] * 9] * 9] * 9, 100).startswith("(")


@pytest.mark.parametrize("odd", ["\ud800", 10**40, -(10**40)])
def test_what_json_cannot_say_becomes_text(odd: Any) -> None:
    msgspec.json.encode(fit({"a": [odd]}, 1_000))


def test_what_nests_deeply_ends_somewhere() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert "(1 members)" in msgspec.json.encode(fit(deep, 1_000)).decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
)


@given(JSON, st.integers(min_value=60, max_value=2_000))
def test_it_always_fits(value: Any, room: int) -> None:
    assert len(msgspec.json.encode(fit(value, room))) <= room
