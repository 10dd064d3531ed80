"""Cursors come back as they went, and nothing else does."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.api import cursors
from workers.errors import BadInput


@given(st.uuids())
def test_a_cursor_holds_its_id(last: UUID) -> None:
    assert cursors.read(cursors.spell(last)) == last


@pytest.mark.parametrize("cursor", ["", "é", "!!!!", "AQ", "A" * 23, "AgAAAAAAAAAAAAAAAAAAAAA", "a" * 1000])
def test_what_was_never_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        cursors.read(cursor)


def test_a_cursor_that_was_changed_in_a_way_that_decodes_the_same_is_refused() -> None:
    cursor = cursors.spell(UUID(int=5))
    for changed in (cursor + "=", cursor + "\n", cursor[:-1] + chr(ord(cursor[-1]) + 1)):
        with pytest.raises(BadInput):
            cursors.read(changed)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        last = cursors.read(text)
    except BadInput:
        return
    assert cursors.spell(last) == text
