"""Tests for the pure parts of registering webhooks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.registering import duration, short
from workers.errors import BadInput


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        (" 12H ", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta(0)),
    ],
)
def test_an_overlap_is_a_number_and_a_unit(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1w", "1.5h", "٧d", "9999999d"])
def test_any_other_overlap_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="overlap"):
        duration(text)


@pytest.mark.parametrize(
    ("value", "said"),
    [(["A", "B", "C", "D"], "4 (A, B, C, …)"), (("A",), "1 (A)"), (True, "True"), (None, "None"), ([1], "1 (1)")],
)
def test_a_long_value_is_said_by_its_number_and_beginning(value: object, said: str) -> None:
    assert short(value) == said
