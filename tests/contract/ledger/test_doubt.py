"""What nobody knows the end of is never taken for undone: by a retry, by an undo, or after a fault of our own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.ledger.conftest import Office, crashes_after, lost_after, refused
from tests.contract.ledger.test_act import ONE, TWO, UNDO, states
from tests.contract.store.filled import START
from workers.actions.kind import Again, Done, Outcome, Unknowable
from workers.rules.expressions import Template, Unresolved
from workers.store import ledger, runs
from workers.store.ledger import ActionState
from workers.store.runs import RunState


def retried(office: Office, number: int = 0) -> None:
    with office.store.write() as connection:
        assert runs.retry(connection, office.runs()[number].id, now=office.clock())
    office.work()


def test_a_value_that_can_no_longer_be_had_says_nothing_of_what_was_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    office.world.script = [lost_after]
    office.work()
    office.clock.forward(minutes=1)

    def fails(*_: object) -> Any:
        raise Unresolved("it is not there any more")

    with monkeypatch.context() as patch:
        patch.setattr(Template, "evaluate", fails)
        office.work()
    (run,) = office.runs()
    assert run.state == RunState.DEAD
    assert office.actions(run.id)[0].state is ActionState.UNKNOWN
    retried(office)

    assert office.world.made == {"thing of A": 1}
    assert states(office) == ["done"]


def test_an_undo_does_not_pass_over_what_may_have_been_done(office: Office) -> None:
    office.rules(UNDO)
    office.comes(uid="A")
    office.world.script = [lost_after]
    office.world.probes = lambda _world, _thing: Unknowable("there is no way to look for it")
    office.work()
    office.clock.forward(minutes=1)
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()

    do, undo = office.runs()
    assert (do.state, undo.state) == (RunState.DEAD, RunState.DEAD)
    assert str(do.id) in undo.reason
    assert "first" in undo.reason

    with office.store.write() as connection:
        assert ledger.resolve(connection, do.id, "first", done=False, reason="not done", now=office.clock())
    retried(office, 1)
    assert office.runs()[1].state == RunState.SKIPPED


def test_an_undo_of_another_entity_waits_until_it_is_known_what_was_done(office: Office) -> None:
    office.rules(UNDO.replace("    once_per", "    entity: ${{ event.trigger }}\n    once_per"))
    office.comes(uid="A")
    office.world.script = [lost_after]
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()
    for _ in range(3):
        office.clock.forward(minutes=1)
        office.work()

    assert office.world.made == {"thing of A": 1, "not id of thing of A": 1}
    assert states(office) == ["done", "done"]


def test_having_to_wait_for_its_turn_is_no_attempt_even_where_there_is_one_alone(office: Office) -> None:
    office.rules(ONE.replace("attempts: 4", "attempts: 1"))
    office.comes(uid="A")
    office.world.script = [lambda *_: Again("429", counts=False)] * 3
    for _ in range(4):
        office.work()
        office.clock.forward(minutes=2)

    assert office.world.made == {"thing of A": 1}
    assert states(office) == ["done"]


@pytest.mark.parametrize("output", ["\x00", "\ud800", float("nan"), 10**400, b"bytes", {1: 2}, {"a": {"\x00": [1]}}])
def test_what_cannot_be_written_down_does_not_make_it_happen_again(office: Office, output: Any) -> None:
    office.rules(TWO.replace("${{ run.first.id }}", "it"))
    office.comes(uid="A")

    def odd(world: Any, thing: str) -> Outcome:
        world.made[thing] += 1
        return Done({"id": output})

    office.world.script = [odd]
    office.work()

    assert office.world.made == {"thing of A": 1, "after it": 1}
    assert states(office) == ["done"]


def test_a_fault_of_our_own_ends_the_run_and_holds_up_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.rules(ONE.replace("    once_per", "    entity: ${{ event.connection }}\n    once_per"))
    office.comes(uid="A")
    office.comes(uid="B")
    begin, left = ledger.begin, [1]

    def fails(*given: Any, **named: Any) -> Any:
        if left:
            raise ValueError(left.pop())
        return begin(*given, **named)

    monkeypatch.setattr(ledger, "begin", fails)
    office.work()

    assert states(office) == ["dead", "done"]
    assert "ValueError" in office.runs()[0].reason
    assert office.world.made == {"thing of B": 1}
    retried(office)
    assert office.world.made == {"thing of A": 1, "thing of B": 1}


def test_what_went_wrong_before_a_wait_is_still_told_at_the_end(office: Office) -> None:
    office.rules(ONE.rstrip() + "\n        on_error: continue\n      - wait: 2h\n      - {id: next, make: another}\n")
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    office.clock.forward(hours=3)
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DONE, "step first: it is not allowed")


def test_what_became_of_a_crash_is_looked_for_by_an_undo_too(office: Office) -> None:
    office.rules(UNDO)
    office.comes(uid="A")
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.world.script = [crashes_after]

    assert office.work() == 1
    assert office.world.made == {"thing of A": 1, "not id of thing of A": 1}
    assert states(office) == ["done", "done"]


def test_what_was_taken_back_before_it_was_known_is_not_begun(office: Office) -> None:
    """The cancellation came before the booking, whose delivery was in quarantine or came again later."""
    office.rules(UNDO)
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED", at=START + timedelta(hours=1))
    office.work()
    office.comes(uid="A")
    office.work()

    undo, do = office.runs()
    assert states(office) == ["skipped", "skipped"]
    assert str(undo.id) in do.reason
    assert office.world.made == {}


def test_what_is_taken_back_before_it_happens_is_done(office: Office) -> None:
    office.rules(UNDO)
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()
    office.comes(uid="A")
    office.work()

    assert states(office) == ["skipped", "done"]
    assert office.world.made == {"thing of A": 1}


def test_what_came_of_a_last_step_is_told_although_a_fault_of_our_own_follows(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.rules(ONE)
    office.comes(uid="A")

    def fails(*_: object) -> None:
        raise ValueError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("workers.clerk.Clerk.ended", fails)
        office.work()

    (run,) = office.runs()
    assert (run.state, run.holder) == (RunState.DONE, None)
    assert office.actions(run.id)[0].state is ActionState.DONE
    assert office.world.made == {"thing of A": 1}
