"""One instant, many spellings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from workers.catalogue.times import instant, utc

THREE = datetime(2026, 12, 3, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-03T15:00:00Z",
        "2026-12-03T15:00:00+00:00",
        "2026-12-03T15:00:00.000Z",
        "2026-12-03T16:00:00+01:00",
        "2026-12-03T10:00:00.000-05:00",
        "2026-12-03T15:00:00",
        "2026-12-03 15:00",
    ],
)
def test_every_spelling_is_the_same_instant_in_utc(text: str) -> None:
    moment = instant(text)
    assert moment == THREE
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        True,
        1764774000000,
        [],
        {},
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        "2026-12-03T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "1899-12-31T23:59:59Z",
        "2199-12-31T23:59:59-01:00",
        "+010000-01-01T00:00:00Z",
        "2026-12-03T15:00:00Z" + " " * 50,
        "2026-12-03T15:00:00\ufffd",
    ],
)
def test_what_names_no_instant_is_none(value: object) -> None:
    assert instant(value) is None


def test_a_moment_without_offset_is_utc() -> None:
    assert utc(THREE.replace(tzinfo=None)) == THREE
    assert utc(THREE.astimezone(timezone(timedelta(hours=-7)))).tzinfo is UTC
