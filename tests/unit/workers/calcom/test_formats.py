"""The forms of single values: days, metadata, ids, and texts of any kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from workers.calcom import formats


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("2026-02-02", "2026-02-02T00:00:00.000Z"),
        (date(2026, 2, 2), "2026-02-02T00:00:00.000Z"),
        ("20260202", "2026-02-02T00:00:00.000Z"),
        ("2026-02-02T09:30:00Z", "2026-02-02T09:30:00.000Z"),
        ("2026-02-02T09:30:00.123456+00:00", "2026-02-02T09:30:00.000Z"),
        ("2026-02-02 09:30", "2026-02-02T09:30:00.000Z"),
        ("2026-02-02T00:00:00+09:00", "2026-02-01T15:00:00.000Z"),
        (datetime(2026, 2, 2, 9, tzinfo=UTC), "2026-02-02T09:00:00.000Z"),
        (datetime(2026, 2, 2, 0, tzinfo=timezone(timedelta(hours=-5))), "2026-02-02T05:00:00.000Z"),
        (datetime(2026, 2, 2, 9), "2026-02-02T09:00:00.000Z"),  # noqa: DTZ001
    ],
)
def test_a_day_or_time_is_brought_to_the_one_spelling_cal_com_takes(given: Any, sent: str) -> None:
    assert formats.first_day(given) == sent


def test_a_bare_last_day_is_meant_to_its_last_second() -> None:
    assert formats.last_day("2026-02-06") == "2026-02-06T23:59:59.000Z"
    assert formats.last_day("2026-02-06T08:00:00Z") == "2026-02-06T08:00:00.000Z"


@pytest.mark.parametrize("given", ["tomorrow", "", "2026-13-01", 1767225600, None, "0001-01-01T00:00:00+09:00"])
def test_what_is_no_day_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="must be a"):
        formats.first_day(given)


@pytest.mark.parametrize(
    "metadata",
    [
        {str(number): "x" for number in range(51)},
        {"k" * 41: "x"},
        {"k": "x" * 501},
        {"k": {"nested": 1}},
        {"k": [1]},
        {"k": float("inf")},
        {5: "x"},
    ],
)
def test_metadata_beyond_cal_com_s_limits_is_refused(metadata: Any) -> None:
    with pytest.raises(ValueError, match="may"):
        formats.metadata(metadata)


@pytest.mark.parametrize("identity", ["", ".", "..", "a/b", "a b", "a?b", "ä", "x" * 201])
def test_an_id_cannot_lead_to_another_path(identity: str) -> None:
    with pytest.raises(ValueError, match="must be an id"):
        formats.path_id(identity)


def test_a_time_zone_cannot_be_checked_without_zone_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_zones", dict)

    assert formats.time_zone("Mars/Olympus") == "Mars/Olympus"


@for_any(moment=st.datetimes(timezones=st.timezones()) | st.datetimes() | st.dates())
def test_any_moment_becomes_the_one_spelling_or_is_refused(moment: date) -> None:
    try:
        sent = formats.first_day(moment)
    except ValueError:
        return
    assert len(sent) == 24
    assert sent.endswith(".000Z")
    assert datetime.fromisoformat(sent).tzinfo == UTC


@for_any(text=st.text())
def test_any_text_is_taken_or_refused(text: str) -> None:
    for form in (
        formats.email,
        formats.hex_colour,
        formats.path_id,
        formats.time_zone,
        formats.avatar,
        formats.web_address,
        formats.first_day,
        formats.last_day,
    ):
        try:
            taken = form(text)
        except ValueError:
            continue
        assert taken
