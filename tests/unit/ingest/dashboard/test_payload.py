"""How much of a payload a page shows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from ingest.dashboard.payload import held

ROOM = 60_000


def test_a_payload_of_usual_size_is_whole() -> None:
    payload = {"title": "Intro call", "attendees": [{"name": "Jon"}]}
    shown = held(payload)
    assert shown.whole
    assert msgspec.json.decode(shown.text) == payload


@pytest.mark.parametrize("text", ["x" * 200_000, '"' * 20_000, "<&" * 30_000, "🎉" * 50_000])
def test_a_long_text_is_cut_by_what_it_takes_in_a_page(text: str) -> None:
    shown = held({"description": text, "uid": "kept"})
    assert not shown.whole
    assert '"uid": "kept"' in shown.text
    assert "characters)" in shown.text
    assert len(escape(shown.text).encode()) <= ROOM


def test_a_list_of_many_and_what_nests_deeply_are_cut_too() -> None:
    deep: Any = 1
    for _ in range(3_000):
        deep = {"a": [deep]}
    for payload in ({"list": [{"text": '"' * 400}] * 5_000}, {str(n): "<" * 90 for n in range(5_000)}, deep):
        shown = held(payload)
        assert not shown.whole
        assert len(escape(shown.text).encode()) <= ROOM


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
)


@given(JSON)
def test_whatever_it_holds_there_is_something_to_show(payload: Any) -> None:
    assert held(payload).text
