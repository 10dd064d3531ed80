"""Moments as they are written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.moments import moment
from workers.errors import BadInput

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("45s", datetime(2026, 11, 23, 12, 29, 15, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 23, 0, 30, tzinfo=UTC)),
        ("30d", datetime(2026, 10, 24, 12, 30, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 9, 12, 30, tzinfo=UTC)),
        ("0s", NOW),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01 08:00:00Z", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T08:00:00+02:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        (" 2026-11-01T08:00:00.250Z ", datetime(2026, 11, 1, 8, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_an_instant_or_an_age(written: str, meant: datetime) -> None:
    assert moment(written, NOW, name="since") == meant


def test_a_date_as_an_end_means_the_whole_day() -> None:
    assert moment("2026-11-01", NOW, name="until", until=True) == datetime(2026, 11, 2, tzinfo=UTC)
    assert moment("2026-11-01T08:00Z", NOW, name="until", until=True) == datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert moment("30m", NOW, name="until", until=True) == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "30", "m", "-5m", "1.5h", "30 m", "３０m", "2026-13-01", "2026-02-30", "999999999w",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "25:00", "2026-11-01T08:00:00 02:00", "1y"],
)  # fmt: skip
def test_what_is_none_is_refused_with_the_name_and_what_may_be_written(written: str) -> None:
    with pytest.raises(BadInput, match=r"^since must be a date .* an age"):
        moment(written, NOW, name="since")


def test_the_last_day_of_the_calendar_has_no_day_after_it() -> None:
    with pytest.raises(BadInput):
        moment("9999-12-31", NOW, name="until", until=True)


@given(st.text(max_size=30), st.booleans())
def test_any_text_is_a_moment_in_utc_or_refused(written: str, until: bool) -> None:
    try:
        meant = moment(written, NOW, name="x", until=until)
    except BadInput:
        return
    assert meant.tzinfo is UTC
