"""The figures of the overview, and what needs a person, each against a store whose history is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, update
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled
from workers.histogram import BUCKETS
from workers.store import accept_times, drifts, pictures, spools
from workers.store.engine import Store
from workers.store.figures import Grid
from workers.store.history import lowest_id
from workers.store.ledger import ActionState
from workers.store.overview import Window, attention, overview
from workers.store.pictures import Pictured
from workers.store.runs import RunState
from workers.store.spools import Held
from workers.store.tables import actions, runs, webhooks
from workers.vault import Vault

NOW = START + timedelta(minutes=7, seconds=30)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    made = Filled(store, vault)
    made.webhook()
    return made


def asked(filled: Filled, window: Window = Window.HOUR, now: datetime = NOW) -> dict[str, Any]:
    with filled.store.read() as sql:
        return overview(sql, window, now)


def needed(filled: Filled, now: datetime = NOW) -> list[dict[str, Any]]:
    with filled.store.read() as sql:
        return attention(sql, now)


def a_run(filled: Filled, state: RunState, *, at: datetime = START, unknown: bool = False) -> UUID:
    """A run planned at `at`; with `unknown` it stopped at a step whose end nobody knows."""
    run_id = UUID(int=lowest_id(at).int | (uuid7().int & ((1 << 80) - 1)))
    over = state in (RunState.DONE, RunState.SKIPPED, RunState.DEAD)
    with filled.store.write() as sql:
        sql.execute(
            insert(runs).values(
                id=run_id, rule="r", version_id=uuid4(), act="do", event_id=uuid4(), connection="acme", trigger="T",
                entity="e", once=str(run_id), key="k", depth=0, state=state, step=0, attempt=0, happened_at=at,
                due_at=None if over else at, holds=False, created_at=at, ended_at=at if over else None,
            )
        )  # fmt: skip
        sql.execute(
            insert(actions).values(
                id=uuid7(), run_id=run_id, step="s", place=0, kind="tool",
                state=ActionState.UNKNOWN if unknown else ActionState.FAILED, attempts=1, request={}, ours=True,
                begun_at=at,
            )
        )  # fmt: skip
    return run_id


@pytest.mark.parametrize("window", list(Window))
def test_a_window_has_at_most_120_points_the_last_of_which_is_now(window: Window) -> None:
    grid = Grid.of(window, NOW)
    assert len(grid.starts) <= 120
    assert grid.starts[-1] <= NOW < grid.until
    assert NOW - grid.since <= {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}[window]
    assert all(int(start.timestamp()) % (60 * grid.step) == 0 for start in grid.starts)


def test_an_empty_history_has_an_overview(store: Store) -> None:
    with store.read() as sql:
        for window in Window:
            found = overview(sql, window, NOW)
            assert found["deliveries"] == {"signed": 0, "mismatch": 0, "unsigned": 0}
            assert found["accepted"]["p50"] is None
            assert found["events"] == {}
            assert set(found["runs"].values()) == {0}
            assert found["budgets"] == []
        assert attention(sql, NOW) == []


def test_deliveries_are_counted_by_verdict_at_the_minute_in_which_they_came(filled: Filled) -> None:
    last = START + timedelta(minutes=7)
    for place, verdict in enumerate(("signed", "signed", "mismatch", "unsigned")):
        filled.keep(b"%d" % place, at=START, verdict=verdict)
    filled.keep(b"last", at=last + timedelta(seconds=29))
    filled.keep(b"before", at=START - timedelta(hours=1))
    found = asked(filled)
    assert found["deliveries"] == {"signed": 3, "mismatch": 1, "unsigned": 1}
    told = {point["at"]: point for point in found["points"] if point["signed"] or point["mismatch"]}
    assert [(at[11:16], point["signed"], point["mismatch"], point["unsigned"]) for at, point in told.items()] == [
        ("09:00", 2, 1, 1),
        ("09:07", 1, 0, 0),
    ]
    assert asked(filled, Window.DAY)["deliveries"]["signed"] == 4
    assert asked(filled, Window.WEEK, NOW + timedelta(days=8))["deliveries"]["signed"] == 0


def test_events_are_counted_by_trigger_and_without_one_by_kind(filled: Filled) -> None:
    filled.events(3)
    filled.event(trigger="BOOKING_CANCELLED", uid="other")
    filled.event(trigger=None, uid="none")
    filled.event(trigger="PING", at=START - timedelta(days=2))
    assert asked(filled)["events"] == {"BOOKING_CREATED": 3, "BOOKING_CANCELLED": 1, "unknown": 1}
    assert list(asked(filled, Window.WEEK)["events"]) == ["BOOKING_CREATED", "BOOKING_CANCELLED", "PING", "unknown"]


def test_runs_that_are_over_count_in_the_window_and_the_others_always(filled: Filled) -> None:
    long_ago = START - timedelta(days=30)
    for state in RunState:
        a_run(filled, state)
        a_run(filled, state, at=long_ago)
    a_run(filled, RunState.DEAD, unknown=True, at=long_ago)
    assert asked(filled)["runs"] == {
        "planned": 2, "running": 2, "failed": 2, "dead": 3, "unknown": 1, "done": 1, "skipped": 1,
    }  # fmt: skip


def test_how_long_deliveries_took_is_told_for_the_window_and_each_point(filled: Filled) -> None:
    numbers = [0] * BUCKETS
    numbers[3], numbers[-1] = 96, 4
    at = accept_times.minute(START)
    with filled.store.write() as sql:
        accept_times.add(sql, {at: numbers, at - 60 * 3: numbers, at - 60 * 60: numbers})
    found = asked(filled)
    assert {name: found["accepted"][name] for name in ("number", "p50", "p95", "p99")} == {
        "number": 100, "p50": 7.6, "p95": 9.95, "p99": 5000.0,
    }  # fmt: skip
    assert found["accepted"]["buckets"][3] == {"up_to": 10, "number": 96}
    assert found["accepted"]["buckets"][-1] == {"up_to": None, "number": 4}
    points = {point["at"][11:16]: point for point in found["points"] if point["accepted"]}
    assert {at: (point["accepted"], point["p50"]) for at, point in points.items()} == {"09:00": (100, 7.6)}
    assert asked(filled, Window.DAY)["accepted"]["number"] == 200
    week = asked(filled, Window.WEEK)["accepted"]
    assert (week["number"], week["since"]) == (200, "2026-10-30T09:07:30.000Z")


def test_the_budget_of_each_connection_is_told(filled: Filled) -> None:
    assert asked(filled)["budgets"] == [{"connection": "acme", "per_minute": 90, "left": 10, "halted_until": None}]


def test_what_waits_in_quarantine_needs_a_person(filled: Filled) -> None:
    filled.keep(b"1", at=START + timedelta(minutes=1), verdict="mismatch")
    filled.keep(b"0", verdict="unsigned")
    filled.keep(b"signed")
    (item,) = needed(filled)
    assert (item["kind"], item["count"], item["since"]) == ("quarantine", 2, "2026-11-01T09:00:00.000Z")


def test_dead_runs_need_a_person_and_those_whose_step_is_unknown_another_answer(filled: Filled) -> None:
    a_run(filled, RunState.DEAD, unknown=True)
    a_run(filled, RunState.DEAD, at=START + timedelta(minutes=2))
    resolved = a_run(filled, RunState.RUNNING, unknown=True)
    unknown, dead = needed(filled)
    assert (unknown["kind"], unknown["count"], unknown["since"]) == ("unknown", 1, "2026-11-01T09:00:00.000Z")
    assert (dead["kind"], dead["count"], dead["since"]) == ("dead", 1, "2026-11-01T09:02:00.000Z")
    with filled.store.write() as sql:
        sql.execute(update(runs).where(runs.c.id == resolved).values(state=RunState.DEAD))
    assert [(item["kind"], item["count"]) for item in needed(filled)] == [("unknown", 2), ("dead", 1)]


def test_drift_needs_a_person_and_so_does_a_look_that_failed(filled: Filled) -> None:
    filled.webhook("other", "beta")
    filled.webhook("third", "gamma")
    difference: dict[str, Any] = {
        "webhook": "org",
        "remote_id": "1",
        "kind": "switched_off",
        "note": None,
        "fields": [],
    }
    with filled.store.write() as sql:
        drifts.keep(sql, "acme", [difference], None, START)
        drifts.keep(sql, "beta", [], "Cal.com refused the credential.", START)
        drifts.keep(sql, "gamma", [], None, START)
    drift, unseen = needed(filled)
    assert (drift["kind"], drift["about"], drift["count"]) == ("drift", "acme", 1)
    assert "org is switched off" in drift["says"]
    assert (unseen["kind"], unseen["about"], unseen["since"]) == ("unseen", "beta", "2026-11-01T09:00:00.000Z")


def test_what_a_machine_has_in_its_journal_needs_a_person(filled: Filled) -> None:
    for held, aside, wanted in ((0, 0, []), (1, 0, ["spool"]), (1, 1, ["set_aside", "spool"]), (0, 0, [])):
        with filled.store.write() as sql:
            spools.tell(sql, Held("web-1:/data/spool", held, aside, 0, None, START))
        assert [item["kind"] for item in needed(filled)] == wanted


def test_a_trigger_that_came_every_few_hours_and_stopped_needs_a_person(filled: Filled) -> None:
    for place in range(10):
        at = START + timedelta(hours=5 * place)
        filled.event(at=at, uid=f"b-{place}")
        filled.event(at=at, trigger="BOOKING_CANCELLED", uid=f"c-{place}")
        filled.event(at=at, trigger="PING", uid=f"p-{place}")
    last = START + timedelta(hours=45)
    filled.event(at=last + timedelta(hours=20), trigger="BOOKING_CANCELLED", uid="later")
    assert needed(filled, last + timedelta(hours=24)) == []
    (item,) = needed(filled, last + timedelta(hours=25))
    assert (item["kind"], item["about"], item["since"]) == ("silent", "BOOKING_CREATED", "2026-11-03T06:00:00.000Z")
    # 20 hours were its longest pause: it is missed after 60 hours, not after 24
    assert [item["about"] for item in needed(filled, last + timedelta(hours=80))] == ["BOOKING_CREATED"]
    both = needed(filled, last + timedelta(hours=81))
    assert [item["about"] for item in both] == ["BOOKING_CANCELLED", "BOOKING_CREATED"]
    assert needed(filled, last + timedelta(days=40)) == []


def test_meetings_that_ended_without_a_word_need_a_person(filled: Filled) -> None:
    now = START + timedelta(days=3)

    def meeting(uid: str, ended: float, trigger: str = "BOOKING_CREATED", **more: Any) -> None:
        ends = now - timedelta(hours=ended)
        filled.event(
            at=START, uid=uid, trigger=trigger, startTime=(ends - timedelta(hours=1)).isoformat(),
            endTime=ends.isoformat(), **more,
        )  # fmt: skip

    for number in range(3):
        meeting(f"uid-{number}", 3 + number)
    meeting("off", 4)
    meeting("off", 4, trigger="BOOKING_CANCELLED")
    meeting("moved", 4)
    meeting("later", -40, trigger="BOOKING_RESCHEDULED", rescheduleUid="moved")
    assert needed(filled, now) == []  # nobody is subscribed to it
    with filled.store.write() as sql:
        sql.execute(update(webhooks).values(remote_id="w-1"))
        document = {"active": True, "triggers": ["MEETING_ENDED"]}
        pictures.put(sql, "acme", "webhooks", {"w-1": Pictured(document, None)})

    (item,) = needed(filled, now)
    assert (item["kind"], item["about"], item["count"]) == ("silent", "MEETING_ENDED", 3)
    with filled.store.write() as sql:
        pictures.put(sql, "acme", "webhooks", {"w-1": Pictured({**document, "active": False}, None)})
    assert needed(filled, now) == []
    with filled.store.write() as sql:
        pictures.put(sql, "acme", "webhooks", {"w-1": Pictured(document, None)})
    filled.event(at=now - timedelta(hours=4, minutes=30), trigger="MEETING_ENDED", uid="uid-1")
    assert needed(filled, now) == []  # what is still unheard may be on its way


def test_the_years_1970_and_9999_have_an_overview(store: Store) -> None:
    with store.read() as sql:
        for now in (datetime(1970, 3, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)):
            assert overview(sql, Window.WEEK, now)["events"] == {}
            assert attention(sql, now) == []
