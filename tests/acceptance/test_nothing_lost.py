"""Nothing lost and every effect once, in small: what `make chaos` does at length."""

from __future__ import annotations

import shutil

import pytest

from tests.chaos.flood import Plan, flood
from tests.chaos.sender import Sender, Sent
from tests.conftest import PATIENCE, lacking

#: a minute of Cal.com's in a second or two
_SOON = (0.3, 0.5, 0.8)


@pytest.mark.parametrize(
    ("kind", "faults"),
    [
        ("sqlite-valkey", ("kill -9 of the supervisor", "SQLite locked", "broker gone")),
        ("postgresql-valkey", ("kill -9 of a web process", "PostgreSQL gone", "clock stepped")),
        ("postgresql-rabbitmq", ("kill -9 of a worker", "broker killed")),
    ],
)
def test_what_was_accepted_is_one_event_and_every_effect_is_there_once(kind: str, faults: tuple[str, ...]) -> None:
    if kind.endswith("rabbitmq") and shutil.which("rabbitmq-server") is None:
        lacking("RabbitMQ is not installed (Debian: rabbitmq-server)")
    plan = Plan(
        kind, seed=4, rate=5, outage=2, short=2, pause=0.5, pauses=_SOON, only=faults, most=40, patience=2 * PATIENCE
    )

    outcome = flood(plan)

    assert outcome.wrong == [], outcome.log[-5_000:]
    assert sorted(outcome.done) == sorted(faults)
    assert outcome.accepted > 20
    assert outcome.states["done"] > 100


def test_the_client_repeats_what_cal_com_repeats_and_nothing_else() -> None:
    repeated, dropped = Sent("u", "BOOKING_CREATED", 1, [503, None, 202]), Sent("u", "BOOKING_CREATED", 1, [503, 404])

    assert (repeated.accepted, repeated.refused) == (True, None)
    assert (dropped.accepted, dropped.refused) == (False, 404)
    assert Sent("u", "BOOKING_CREATED", 1, [503, None]).refused is None
    assert Sender([], b"", 1, 1.0, _SOON).answers() == {}
