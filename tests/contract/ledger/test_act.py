from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.ledger.conftest import (
    Crash,
    Office,
    World,
    busy,
    crashes_after,
    crashes_before,
    had_already,
    lost_after,
    lost_before,
    refused,
)
from workers.actions.kind import Again, Done, Outcome, Unknowable
from workers.errors import NotFound
from workers.store import events, ledger, runs
from workers.store.engine import Store
from workers.store.ledger import ActionState
from workers.store.runs import RunState

ONE = """
rules:
  - name: one
    on: [BOOKING_CREATED]
    when: event.type == "intro-call"
    once_per: ${{ event.booking.uid }}
    do:
      - id: first
        make: thing of ${{ event.booking.uid }}
        retry: {attempts: 4, first: 10s, longest: 1m}
"""
TWO = (
    ONE
    + """      - id: second
        make: after ${{ run.first.id }}
"""
)


def states(office: Office) -> list[str]:
    return [str(row.state) for row in office.runs()]


def test_a_rule_that_matches_does_its_steps_once(office: Office) -> None:
    office.rules(TWO)
    delivery = office.comes(uid="A")
    office.comes(uid="B", type="another")

    assert office.work() == 0
    assert office.world.made == {"thing of A": 1, "after id of thing of A": 1}
    (run,) = office.runs()
    assert (run.state, run.rule, run.event_id, run.key, run.entity) == (RunState.DONE, "one", delivery, "A", "acme/A")
    first, second = office.actions(run.id)
    assert (first.state, first.attempts, first.request) == (ActionState.DONE, 1, {"make": "thing of A"})
    assert first.answer["id"] == "id of thing of A"
    assert second.state is ActionState.DONE


def test_a_secret_in_an_answer_is_not_kept(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.work()

    assert "s3cret" not in repr(office.actions(office.runs()[0].id))


def test_a_second_event_of_the_same_occasion_and_a_replay_do_nothing_more(office: Office) -> None:
    office.rules(ONE)
    delivery = office.comes(uid="A")
    office.comes(uid="A", title="Sent again")
    office.work()
    office.again(delivery)
    office.work()

    assert office.world.made == {"thing of A": 1}
    assert states(office) == ["done", "skipped"]
    assert "once_per" in office.runs()[1].reason


@pytest.mark.parametrize("script", [[crashes_before], [crashes_after], [crashes_before, crashes_after]])
def test_a_process_that_ends_in_the_middle_of_a_call_leaves_no_effect_twice(
    office: Office, script: list[Callable[[World, str], Outcome]]
) -> None:
    office.rules(TWO)
    office.comes(uid="A")
    office.world.script = list(script)

    assert office.work() == len(script)
    assert office.world.made == {"thing of A": 1, "after id of thing of A": 1}
    assert states(office) == ["done"]


@pytest.mark.parametrize("before", [True, False], ids=["before it is committed", "after it is committed"])
def test_a_process_may_end_at_any_transaction(office: Office, monkeypatch: pytest.MonkeyPatch, before: bool) -> None:
    """One crash at the first transaction, then at the second, and so on until a run goes through without one."""
    office.rules(TWO)
    write = Store.write
    left = 0

    @contextmanager
    def failing(store: Store, *, durable: bool = True) -> Iterator[Any]:
        nonlocal left
        left -= 1
        ends = left == 0
        with write(store, durable=durable) as connection:
            yield connection
            if ends and before:
                raise Crash
        if ends:
            raise Crash

    crashes = 0
    for number in range(1, 40):
        office.comes(uid=f"U{number}")
        monkeypatch.setattr(Store, "write", failing)
        left = number
        crashed = office.work()
        monkeypatch.setattr(Store, "write", write)
        crashes += crashed
        office.work()
        if not crashed:
            break
    else:
        raise AssertionError("there were more transactions than could be")

    assert crashes >= 4
    assert set(office.world.made.values()) == {1}
    assert len(office.world.made) == 2 * number
    assert set(states(office)) == {"done"}


def test_what_failed_is_tried_again_later_and_then_goes_on(office: Office) -> None:
    office.rules(TWO)
    office.comes(uid="A")
    office.world.script = [busy, busy]

    office.work()
    (run,) = office.runs()
    assert (run.state, run.attempt, run.reason) == (RunState.FAILED, 1, "step first: 503")
    office.clock.forward(seconds=9)
    office.work()
    assert office.runs()[0].attempt == 1  # it is not time
    office.clock.forward(seconds=2)
    office.work()
    office.clock.forward(seconds=21)
    office.work()

    assert office.world.made == {"thing of A": 1, "after id of thing of A": 1}
    assert states(office) == ["done"]


def test_after_the_last_attempt_the_run_is_dead_and_a_person_tries_again(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.world.script = [busy] * 4
    for _ in range(5):
        office.work()
        office.clock.forward(minutes=2)

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DEAD, "step first: 503, 4 times")
    assert office.world.made == {}
    with office.store.write() as connection:
        assert runs.retry(connection, run.id, now=office.clock())
    office.work()
    assert office.world.made == {"thing of A": 1}


@pytest.mark.parametrize("lost", [lost_before, lost_after])
def test_after_a_lost_answer_it_is_looked_for_before_anything_is_sent_again(
    office: Office, lost: Callable[[World, str], Outcome]
) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.world.script = [lost]
    office.work()
    (run,) = office.runs()
    assert office.actions(run.id)[0].state is ActionState.SENDING
    office.clock.forward(minutes=1)
    office.work()

    assert office.world.made == {"thing of A": 1}
    assert states(office) == ["done"]


@pytest.mark.parametrize("answers", [[Again("429", 5.0, counts=False)], [Again("502")] * 3, [NotFound("no such PCID")]])
def test_as_long_as_it_cannot_be_looked_for_it_stays_in_doubt(office: Office, answers: list[Any]) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.world.script = [lost_after]
    left = list(answers)

    def probe(world: World, thing: str) -> Any:
        answer = left.pop(0) if left else Done({"id": f"id of {thing}"}, found=True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    office.world.probes = probe
    office.work()
    for _ in answers:
        office.clock.forward(minutes=1)
        office.work()
        (run,) = office.runs()
        assert office.actions(run.id)[0].state in (ActionState.SENDING, ActionState.UNKNOWN)
    with office.store.write() as connection:
        runs.retry(connection, run.id, now=office.clock())
    office.work()

    assert office.world.made == {"thing of A": 1}
    assert states(office) == ["done"]


def test_where_nobody_can_tell_nothing_is_sent_again_and_a_person_decides(office: Office) -> None:
    office.rules(TWO)
    office.comes(uid="A")
    office.world.script = [lost_after]
    office.world.probes = lambda _world, _thing: Unknowable("there is no way to look for it")
    office.work()
    office.clock.forward(minutes=1)
    office.work()

    (run,) = office.runs()
    assert run.state == RunState.DEAD
    assert "there is no way to look for it" in run.reason
    assert office.actions(run.id)[0].state is ActionState.UNKNOWN
    assert office.world.made == {"thing of A": 1}


def test_what_is_refused_is_not_tried_again(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DEAD, "step first: it is not allowed")
    assert office.actions(run.id)[0].state is ActionState.FAILED


def test_a_rule_may_go_on_without_a_step(office: Office) -> None:
    office.rules(ONE.rstrip() + "\n        on_error: continue\n      - {id: next, make: another}\n")
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DONE, "step first: it is not allowed")
    assert office.world.made == {"another": 1}
    assert [action.ended_at is not None for action in office.actions(run.id)] == [True, True]


def test_a_run_that_is_stopped_still_tells_what_went_wrong_before(office: Office) -> None:
    office.rules(ONE.rstrip() + "\n        on_error: continue\n      - stop: enough\n")
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DONE, "step first: it is not allowed; enough")


def test_a_step_has_ended_only_when_no_attempt_follows(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.world.script = [busy, refused, crashes_before]
    office.work()
    (run,) = office.runs()
    assert office.actions(run.id)[0].ended_at is None
    office.clock.forward(minutes=1)
    office.work()
    assert office.actions(run.id)[0].ended_at is not None

    with office.store.write() as connection:
        assert runs.retry(connection, run.id, now=office.clock())
    _, acting = office.process()
    with pytest.raises(Crash):
        acting.act()
    (action,) = office.actions(run.id)
    assert (action.state, action.ended_at) == (ActionState.SENDING, None)


def test_a_step_whose_condition_does_not_hold_is_left_out(office: Office) -> None:
    office.rules(ONE.rstrip() + '\n        if: event.title == "no"\n      - {id: next, make: another}\n')
    office.comes(uid="A")
    office.work()

    (run,) = office.runs()
    assert [action.state for action in office.actions(run.id)] == [ActionState.SKIPPED, ActionState.DONE]
    assert office.world.made == {"another": 1}


def test_a_wait_survives_every_process_and_holds_nobody_up(office: Office) -> None:
    office.rules(
        """
rules:
  - name: later
    on: [BOOKING_CREATED]
    entity: ${{ event.connection }}
    do:
      - wait: 2h
      - make: late ${{ event.booking.uid }}
"""
    )
    office.comes(uid="A")
    office.work()
    assert states(office) == ["running"]
    office.clock.forward(hours=1)
    office.comes(uid="B")
    office.work()
    assert office.world.made == {}
    office.clock.forward(minutes=61)
    office.work()
    assert office.world.made == {"late A": 1}
    office.clock.forward(hours=1)
    office.work()
    assert office.world.made == {"late A": 1, "late B": 1}


def test_stop_ends_a_run_well_and_says_why(office: Office) -> None:
    office.rules(
        """
rules:
  - name: stops
    on: [BOOKING_CREATED]
    do:
      - stop: no more for ${{ event.booking.uid }}
      - make: never
"""
    )
    office.comes(uid="A")
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DONE, "no more for A")
    assert office.world.made == {}


def test_a_dry_run_writes_down_what_it_would_do_and_does_nothing(office: Office) -> None:
    office.rules(TWO.replace("on: [BOOKING_CREATED]", "on: [BOOKING_CREATED]\n    dry_run: true"))
    office.comes(uid="A")
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.SKIPPED, "dry run")
    first, second = office.actions(run.id)
    assert (first.state, first.request) == (ActionState.SKIPPED, {"make": "thing of A"})
    assert second.state is ActionState.SKIPPED
    assert office.world.made == {}


UNDO = (
    ONE
    + """    undo:
      on: [BOOKING_CANCELLED]
      do:
        - make: not ${{ run.first.id }}
"""
)


def test_an_undo_sees_what_the_run_it_takes_back_had_given(office: Office) -> None:
    office.rules(UNDO)
    office.comes(uid="A")
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()

    assert office.world.made == {"thing of A": 1, "not id of thing of A": 1}
    assert [(row.act, row.state) for row in office.runs()] == [("do", "done"), ("undo", "done")]


def test_an_undo_waits_for_the_run_that_it_takes_back(office: Office) -> None:
    office.rules(UNDO)
    office.comes(uid="A")
    office.world.script = [busy]
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()
    assert office.world.made == {}
    office.clock.forward(minutes=1)
    office.work()

    assert office.world.made == {"thing of A": 1, "not id of thing of A": 1}


def test_there_is_nothing_to_take_back_where_nothing_was_done(office: Office) -> None:
    office.rules(UNDO)
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.SKIPPED, "there is no run to take back")


def test_an_undo_ends_a_run_that_still_waits(office: Office) -> None:
    office.rules(UNDO.replace("    undo:", "      - wait: 3h\n      - make: never\n    undo:"))
    office.comes(uid="A")
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()
    office.clock.forward(hours=4)
    office.work()

    assert office.world.made == {"thing of A": 1, "not id of thing of A": 1}
    assert [row.state for row in office.runs()] == ["skipped", "done"]


def test_what_somebody_else_had_done_is_not_taken_back(office: Office) -> None:
    office.rules(UNDO.replace("not ${{", "delete ${{").rstrip() + "\n        - make: a note\n")
    office.comes(uid="A")
    office.world.script = [had_already]
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()

    first, second = office.actions(office.runs()[1].id)
    assert (first.state, first.reason) == (
        ActionState.SKIPPED,
        "what step first was to do somebody else had done: it is not taken back",
    )
    assert second.state is ActionState.DONE
    assert office.world.made == {"a note": 1}


def test_a_run_is_of_the_version_it_was_planned_with(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.rules(ONE.replace("thing of", "new thing of"))
    office.comes(uid="B")
    office.work()

    assert office.world.made == {"thing of A": 1, "new thing of B": 1}


def test_one_run_after_another_is_carried_out_while_there_is_time(office: Office) -> None:
    office.rules(TWO)
    for number in range(6):
        office.comes(uid=f"U{number}")
    _, acting = office.process()
    left = iter([True] * 3)

    assert acting.act(lambda: next(left, False))
    assert 1 <= states(office).count("done") < 6
    assert not acting.act(lambda: True)
    assert set(states(office)) == {"done"}
    assert set(office.world.made.values()) == {1}
    assert len(office.world.made) == 12


def test_a_run_that_cannot_be_opened_leaves_the_one_before_it_done(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    second = office.comes(uid="B")
    office.comes(uid="C")
    shape = events.shape

    def fails(row: Any) -> Any:
        if row.id == second:
            raise ValueError("it cannot be read")
        return shape(row)

    monkeypatch.setattr(events, "shape", fails)
    _, acting = office.process()
    assert not acting.act(lambda: True)

    assert states(office) == ["done", "dead", "done"]
    assert office.world.made == {"thing of A": 1, "thing of C": 1}
    assert "ValueError" in office.runs()[1].reason


def test_a_fault_between_two_steps_leaves_it_told_what_the_first_one_did(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.rules(TWO)
    office.comes(uid="A")
    begin = ledger.begin

    def fails(*given: Any, **named: Any) -> Any:
        if named["step"] == "second":
            raise ValueError("it cannot be written down")
        return begin(*given, **named)

    monkeypatch.setattr(ledger, "begin", fails)
    office.work()

    (run,) = office.runs()
    (first,) = office.actions(run.id)
    assert (run.state, first.state, first.answer["id"]) == ("dead", ActionState.DONE, "id of thing of A")
    monkeypatch.setattr(ledger, "begin", begin)
    with office.store.write() as connection:
        assert runs.retry(connection, run.id, now=office.clock())
    office.work()
    assert office.world.made == {"thing of A": 1, "after id of thing of A": 1}


def test_many_processes_make_each_thing_once(office: Office) -> None:
    office.rules(TWO)
    for number in range(20):
        office.comes(uid=f"U{number}")
    office.world.script = [lost_after, lost_before, busy] * 4
    failed: list[BaseException] = []

    def run() -> None:
        _, acting = office.process()
        try:
            while acting.act():
                pass
        except BaseException as error:
            failed.append(error)

    for _ in range(6):
        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        office.clock.forward(minutes=2)

    assert failed == []
    assert set(states(office)) == {"done"}
    assert len(office.world.made) == 40
    assert set(office.world.made.values()) == {1}
