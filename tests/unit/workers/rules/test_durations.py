from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.rules.durations import duration, spell


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86_400),
        ("90m", 5_400),
        ("2d", 172_800),
        ("1h30m", 5_400),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("1d12h", 129_600),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "h", "-1h", "1 h", "1h ", "1w", "1h30", "99999999d", "1e3s", "²h", "1h" * 60]
)
def test_what_is_no_duration_or_a_too_long_one_is_none(text: str) -> None:
    assert duration(text) is None


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3660)))
def test_a_duration_that_was_spelled_is_read_again(span: timedelta) -> None:
    assert duration(spell(span)) == span


@given(st.text(alphabet="0123456789.dhms ", max_size=20))
def test_any_text_is_a_duration_or_none(text: str) -> None:
    found = duration(text)

    assert found is None or found >= timedelta()
