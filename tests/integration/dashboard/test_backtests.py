"""Back-tests on the pages: begun, watched, stopped, and what came of them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ingest import backtesting
from tests.integration.dashboard.conftest import Looked, words
from tests.integration.dashboard.test_rules import TEXT, keep
from workers.store import backtests, leases
from workers.store.backtests import State
from workers.store.keys import Role

PAID = TEXT.replace("once_per", 'when: event.type == "paid"\n    once_per')


def begun(looked: Looked, *, role: Role = Role.VIEWER, **fields: str) -> UUID:
    sent = looked.post("/rules/quiet/backtest", role=role, **{"since": "2026-10-01", **fields})
    assert sent.status_code == 303
    return UUID(sent.headers["location"].removeprefix("/backtests/"))


def state(looked: Looked, backtest_id: UUID) -> str:
    told = looked.get(f"/backtests/{backtest_id}/progress").json()
    return str(told["state"])


def over(looked: Looked, backtest_id: UUID) -> str:
    """How it ended."""
    until = time.monotonic() + 30
    while (now := state(looked, backtest_id)) == "running":
        assert time.monotonic() < until
        time.sleep(0.02)
    return now


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Back-tests stop before the first event until this is set, and then tell how far they are at each."""
    gate = threading.Event()
    plain = backtesting._Job._told

    def waits(job: backtesting._Job, events: Any) -> Any:
        for event in plain(job, events):
            assert gate.wait(30)
            yield event

    monkeypatch.setattr(backtesting, "_TELL", -1)
    monkeypatch.setattr(backtesting._Job, "_told", waits)
    return gate


def test_the_live_text_is_tried_on_what_came_and_the_page_says_what_it_would_have_done(looked_on_each: Looked) -> None:
    looked = looked_on_each
    keep(looked, TEXT)
    looked.filled.events(3, title="<i>Call</i>")
    backtest_id = begun(looked)
    assert over(looked, backtest_id) == "done"
    answer = looked.get(f"/backtests/{backtest_id}")
    said = words(answer)
    assert "events looked at 3" in said
    assert "match 3" in said
    assert "It would call nobody." in said
    assert "It matches what the live rule matches, which it is." in said
    assert "<i>Call</i>" in said
    assert "<i>" not in answer.text
    assert "done" in words(looked.get("/rules/quiet"))


def test_an_edited_text_is_compared_with_the_live_one(looked: Looked) -> None:
    keep(looked, TEXT)
    looked.filled.events(2)
    looked.filled.event(uid="P", type="paid", title="Paid call")
    backtest_id = begun(looked, text=PAID)
    assert over(looked, backtest_id) == "done"
    said = words(looked.get(f"/backtests/{backtest_id}"))
    assert "An edited text" in said
    assert "0 more events, 2 fewer." in said
    assert "Paid call" in said
    assert f'href="/rules/quiet?from={backtest_id}#backtest"' in looked.get(f"/backtests/{backtest_id}").text
    again = looked.get(f"/rules/quiet?from={backtest_id}").text
    assert "event.type == &#34;paid&#34;" in again.partition("<textarea")[2]
    assert 'name="since" value="2026-10-01T00:00:00' in again
    assert looked.get("/rules/quiet?from=garbage").status_code == 400
    assert looked.get(f"/rules/quiet?from={UUID(int=9)}").status_code == 200


def test_a_text_with_faults_comes_back_with_them(looked: Looked) -> None:
    keep(looked, TEXT)
    answer = looked.post("/rules/quiet/backtest", role=Role.VIEWER, since="30d", text=TEXT.replace("1h", "often"))
    assert answer.status_code == 400
    said = words(answer)
    assert "line 8" in said
    assert "wait: often" in said
    another = looked.post("/rules/quiet/backtest", since="30d", text=TEXT.replace("quiet", "loud"))
    assert "must keep the name quiet" in words(another)
    two = TEXT + TEXT.removeprefix("rules:\n").replace("quiet", "loud")
    assert "the text has 2 rules" in words(looked.post("/rules/quiet/backtest", since="30d", text=two))


def test_a_time_that_is_none_comes_back_with_what_may_be_written(looked: Looked) -> None:
    keep(looked, TEXT)
    for wrong in ({"since": "whenever"}, {"since": "7d", "until": "never"}):
        answer = looked.post("/rules/quiet/backtest", role=Role.VIEWER, **wrong)
        assert answer.status_code == 400
        assert "must be a date" in words(answer)


def test_while_it_goes_on_its_page_shows_how_far_it_is_and_asks_again_by_itself(
    looked: Looked, held: threading.Event
) -> None:
    keep(looked, TEXT)
    looked.filled.events(3)
    backtest_id = begun(looked)
    try:
        until = time.monotonic() + 30
        while looked.get(f"/backtests/{backtest_id}/progress").json()["total"] is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        answer = looked.get(f"/backtests/{backtest_id}")
        assert '<progress id="bar" max="3" value="0">' in answer.text
        assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in answer.text
        assert "backtest.js" in answer.text
    finally:
        held.set()
    assert over(looked, backtest_id) == "done"
    assert "refresh" not in looked.get(f"/backtests/{backtest_id}").text


def test_one_is_carried_out_at_a_time_and_a_person_can_stop_it(looked: Looked, held: threading.Event) -> None:
    keep(looked, TEXT)
    looked.filled.events(3)
    backtest_id = begun(looked)
    try:
        second = looked.post("/rules/quiet/backtest", role=Role.VIEWER, since="30d")
        assert second.status_code == 409
        assert "another back-test is under way" in words(second)
        assert looked.post(f"/backtests/{backtest_id}/stop", role=Role.VIEWER).status_code == 303
        assert "It is being stopped" in words(looked.get(f"/backtests/{backtest_id}"))
    finally:
        held.set()
    assert over(looked, backtest_id) == "stopped"
    assert "It was stopped, after" in words(looked.get(f"/backtests/{backtest_id}"))
    assert over(looked, begun(looked)) == "done"


def test_one_whose_process_is_gone_is_shown_as_stopped_and_another_may_begin(looked_on_each: Looked) -> None:
    looked = looked_on_each
    keep(looked, TEXT)
    with looked.filled.store.write() as sql:
        backtest_id = backtests.begin(
            sql, rule="quiet", by="ada", source=TEXT, edited=False, since=None, until=None, now=datetime.now(UTC)
        )
        assert backtest_id is not None
        assert backtests.go_on(sql, backtest_id, looked=5, total=9)
        leases.give_up(sql, "backtest", str(backtest_id))  # as if it had run out
    assert state(looked, backtest_id) == "stopped"
    assert "the process that carried it out is gone, after 5 events" in words(looked.get(f"/backtests/{backtest_id}"))
    assert over(looked, begun(looked)) == "done"


def test_old_ones_are_forgotten_when_another_begins(looked_on_each: Looked) -> None:
    store, now = looked_on_each.filled.store, datetime.now(UTC)
    made = []
    for age in (8, 1, 0):
        with store.write() as sql:
            at = now - timedelta(days=age)
            one = backtests.begin(
                sql, rule="quiet", by="ada", source=TEXT, edited=False, since=None, until=None, now=at
            )
            assert one is not None
            backtests.end(sql, one, state=State.DONE, looked=0, now=at)
        made.append(one)
    with store.read() as sql:
        assert [row.id for row in backtests.of_rule(sql, "quiet", limit=9)] == made[:0:-1]


def test_a_fault_of_our_own_ends_it_and_is_said(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(looked, TEXT)

    def breaks(_job: backtesting._Job) -> Any:
        raise RuntimeError

    monkeypatch.setattr(backtesting._Job, "_result", breaks)
    backtest_id = begun(looked)
    assert over(looked, backtest_id) == "failed"
    assert "something in Daybook went wrong" in words(looked.get(f"/backtests/{backtest_id}"))
    monkeypatch.undo()
    assert over(looked, begun(looked)) == "done"


def test_a_viewers_rule_sees_no_more_of_a_payload_than_they_do(looked: Looked) -> None:
    keep(looked, TEXT)
    looked.filled.event(uid="A", videoCallData={"type": "daily_video", "password": "p4ss"})
    asks = TEXT.replace("once_per", 'when: event.payload.videoCallData.password == "p4ss"\n    once_per')
    found = []
    for role in (Role.VIEWER, Role.OPERATOR):
        backtest_id = begun(looked, role=role, text=asks)
        assert over(looked, backtest_id) == "done"
        with looked.filled.store.read() as sql:
            row = backtests.one(sql, backtest_id)
        assert row is not None
        found.append(row.result["matches"]["number"])
    assert found == [0, 1]


def test_what_a_database_refuses_is_left_out_of_what_is_kept() -> None:
    kept = backtesting.storable({"a\0": ["\ud800", "x" * 1_000, 3, None], "many": list(range(100))})
    assert list(kept) == ["a\ufffd", "many"]
    assert kept["a\ufffd"][0] == "?"
    assert len(kept["a\ufffd"][1]) == 401
    assert len(kept["many"]) == 60


def test_a_back_test_that_is_not_there_is_404(looked: Looked) -> None:
    assert looked.get(f"/backtests/{UUID(int=7)}").status_code == 404
    assert looked.get("/backtests/x/progress").status_code == 404
    assert looked.post(f"/backtests/{UUID(int=7)}/stop").status_code == 404
