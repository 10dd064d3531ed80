"""How much of an answer a model is given."""

from __future__ import annotations

from ingest.mcp.history import brief


def test_a_page_has_at_least_one_row_and_more_where_a_number_is_asked_for() -> None:
    rows = ["x" * 9_000] * 20
    assert brief.within(rows, {}) == 2
    assert brief.within(rows, {"limit": 20}) == 8
    assert brief.within(["x" * 90_000], {}) == 1
    assert brief.within([], {}) == 0
