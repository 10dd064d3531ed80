"""Ids of live messages."""

from __future__ import annotations

import contextlib
import re
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.live import ids
from workers.errors import BadInput
from workers.store.position import WINDOW, Position


@given(highest=st.integers(1, 10**17), back=st.frozensets(st.integers(1, 40), max_size=20))
def test_an_id_is_read_as_it_was_spelled(highest: int, back: frozenset[int]) -> None:
    position = Position(highest, frozenset(highest - one for one in back if one < highest))
    text = ids.spell(position)
    assert ids.read(text) == position
    assert re.search(ids.PATTERN, text)


@given(back=st.frozensets(st.integers(1, 2 * WINDOW), max_size=300))
def test_an_id_of_many_open_numbers_is_short_and_leaves_none_out(back: frozenset[int]) -> None:
    position = Position(10**17, frozenset(10**17 - one for one in back))
    text = ids.spell(position)
    assert len(text) <= ids.LONGEST
    assert ids.read(text).open >= position.open


@pytest.mark.parametrize(
    "held",
    [b"", b"1", b"1:", b"1:-1", b"1:01", b"2:5", b"1:5.", b"1:5.1", b"1:5.1-2", b"1:5.9-1", b"1:9.3-1.4-1", b"1:9\n"]
    + [b"1:99999999.30000-1", b"1:9999999999999999999", b"1:9.2-1.2-1", "1:٣".encode()],
)
def test_what_was_never_spelled_is_refused(held: bytes) -> None:
    with pytest.raises(BadInput, match="Last-Event-ID"):
        ids.read(urlsafe_b64encode(held).rstrip(b"=").decode())


@given(st.text(max_size=60) | st.text("MTo1LjE-_=", max_size=20) | st.just("M" * 100_000))
def test_no_text_is_more_than_refused(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert ids.spell(ids.read(text)) == text
