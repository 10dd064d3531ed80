"""The first page: what came and what became of it, and what needs a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.store.filled import body
from tests.integration.dashboard.conftest import Looked, words


def test_an_empty_history_says_what_to_do(looked_on_each: Looked) -> None:
    answer = looked_on_each.get("/")
    assert answer.status_code == 200
    said = words(answer)
    assert "Nothing: no delivery waits" in said
    assert "daybook trigger BOOKING_CREATED" in said
    assert "<svg" not in answer.text


def test_what_came_is_counted_and_drawn(looked_on_each: Looked) -> None:
    looked = looked_on_each
    _came(looked)
    answer = looked.get("/")
    said = words(answer)
    assert "3 signed" in said
    assert "1 mismatch" in said
    assert 'class="series signed"' in answer.text
    assert "BOOKING_CREATED 3 3" in said
    assert "1 delivery waits in quarantine" in said
    assert 'href="/quarantine"' in answer.text


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "", "a year", "\x00"])
def test_any_window_gives_a_page_and_one_that_there_is_not_the_day(looked: Looked, window: str) -> None:
    _came(looked)
    answer = looked.get("/", window=window)
    assert answer.status_code == 200
    assert f"Deliveries, {({'1h': 'hour', '7d': '7 days'}).get(window, '24 hours')}" in words(answer)
    assert len(answer.content) < 100_000


def _came(looked: Looked) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        looked.filled.event(uid=f"uid-{number}", at=now - timedelta(minutes=number + 1))
    looked.filled.keep(body(uid="uid-9"), at=now - timedelta(minutes=5), verdict="mismatch")
