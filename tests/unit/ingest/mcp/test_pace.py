from __future__ import annotations

import pytest

from ingest.mcp.pace import Pace, TooManyRequests
from workers.store.audit import Who
from workers.store.keys import Role

ANN, BOB = Who("ann", Role.VIEWER, None), Who("bob", Role.VIEWER, None)


def test_a_key_may_send_a_minutes_worth_at_once_and_then_waits_by_itself() -> None:
    now = [0.0]
    pace = Pace(30, clock=lambda: now[0])
    for _ in range(30):
        pace.take(ANN)
    for _ in range(3):
        with pytest.raises(TooManyRequests, match="30 calls a minute; the next may come in 2 s") as caught:
            pace.take(ANN)
    assert (caught.value.after, caught.value.kind) == (2.0, "too_many_requests")
    pace.take(BOB)
    now[0] = 2.0
    pace.take(ANN)


def test_however_slow_the_pace_a_client_can_begin() -> None:
    pace = Pace(1, clock=lambda: 0.0)
    for _ in range(10):
        pace.take(ANN)
    with pytest.raises(TooManyRequests):
        pace.take(ANN)


def test_no_pace_is_none() -> None:
    pace = Pace(0, clock=lambda: 0.0)
    for _ in range(1_000):
        pace.take(ANN)
