"""How a booking stands and what rules did, in sentences."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ingest import standing


def timeline(**state: Any) -> dict[str, Any]:
    stands = {
        "uid": "a",
        "title": "Intake",
        "status": "ACCEPTED",
        "start": "2026-12-03T15:00:00.000Z",
        "organizer": {"name": "Ada", "email": None},
        "attendees": [],
        **state,
    }
    event = {"trigger": "BOOKING_CREATED", "booking": {"seat": None}, "received_at": "2026-11-25T12:00:00.000Z"}
    return {"state": stands, "events": [event]}


@pytest.mark.parametrize(
    ("day", "status", "said"),
    [(1, "ACCEPTED", "it begins at"), (9, "ACCEPTED", "it began at"), (9, "CANCELLED", "it was to begin at")],
)
def test_what_has_begun_is_told_from_what_begins(day: int, status: str, said: str) -> None:
    assert said in standing.standing(timeline(status=status), now=datetime(2026, 12, day, tzinfo=UTC))


def test_titles_and_names_may_be_kept_apart_from_the_sentence() -> None:
    told = standing.standing(timeline(), apart="[{}]".format)
    assert told.startswith("[Intake] with [Ada] is accepted;")


def test_what_turns_the_direction_of_text_stays_within_what_holds_it() -> None:
    assert standing.apart("a\u202eb\u2069c") == "\u2068abc\u2069"


def test_what_rules_did_is_counted_and_the_dead_run_is_named() -> None:
    assert standing.done([]) == "No rule acted on it."
    runs: list[dict[str, Any]] = [
        {"id": "r1", "rule": "one", "state": "done", "reason": None},
        {"id": "r2", "rule": "two", "state": "dead", "reason": "no"},
    ]
    assert standing.done(runs[:1]) == "Rules had 1 run for it: 1 done."
    assert standing.done(runs) == (
        "Rules had 2 runs for it: 1 done, 1 dead. A person has to look at run r2 of two: no."
    )
