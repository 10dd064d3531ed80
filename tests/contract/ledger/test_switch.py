"""A rule that a person switches to dry run does nothing from then on, whatever its file says and whoever carries it
out."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.contract.ledger.conftest import Office, World, lost_after, lost_before, refused
from workers.actions.kind import Outcome
from workers.store import runs, switches
from workers.store.ledger import ActionState
from workers.store.runs import RunState

WAITING = """
rules:
  - name: pair
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    do:
      - id: first
        make: thing of ${{ event.booking.uid }}
      - id: pause
        wait: 1h
      - id: second
        make: after ${{ run.first.id }}
"""
BY_SWITCH = "dry run, as its switch says"


def switch(office: Office, *, dry_run: bool, rule: str = "pair") -> None:
    with office.store.write() as connection:
        switches.put(connection, rule, dry_run=dry_run, by="ada", now=datetime.now(UTC))


def test_a_run_planned_before_the_switch_does_nothing_after_it_and_says_what_it_would_have_done(office: Office) -> None:
    office.rules(WAITING)
    office.comes(uid="A")
    switch(office, dry_run=True)
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.SKIPPED, BY_SWITCH)
    first, pause, second = office.actions(run.id)
    assert (first.state, first.request, first.reason) == (ActionState.SKIPPED, {"make": "thing of A"}, BY_SWITCH)
    assert {pause.state, second.state} == {ActionState.SKIPPED}
    assert office.world.made == {}


def test_the_next_event_after_it_is_switched_back_is_acted_on(office: Office) -> None:
    office.rules(WAITING)
    switch(office, dry_run=True)
    office.comes(uid="A")
    office.work()
    switch(office, dry_run=False)
    office.comes(uid="B")
    office.work()
    assert office.world.made == {"thing of B": 1}


def test_another_rule_goes_on_as_ever(office: Office) -> None:
    office.rules(WAITING)
    switch(office, dry_run=True, rule="another")
    office.comes(uid="A")
    office.work()
    assert office.world.made == {"thing of A": 1}


def test_a_run_that_waits_between_two_steps_does_no_more_and_keeps_what_it_did(office: Office) -> None:
    office.rules(WAITING)
    office.comes(uid="A")
    office.work()
    switch(office, dry_run=True)
    office.clock.forward(hours=2)
    office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.DONE, f"{BY_SWITCH}, after step first")
    assert [action.state for action in office.actions(run.id)] == ["done", "skipped", "skipped"]
    assert office.world.made == {"thing of A": 1}


def test_a_switch_in_the_middle_of_a_step_is_heeded_before_the_next(office: Office) -> None:
    office.rules(WAITING.replace("wait: 1h", "make: in between"))

    def switched(_world: World, _thing: str) -> Outcome | None:
        switch(office, dry_run=True)
        return None

    office.world.script = [switched]
    office.comes(uid="A")
    office.work()

    (run,) = office.runs()
    assert [action.state for action in office.actions(run.id)] == ["done", "skipped", "skipped"]
    assert run.state == RunState.DONE
    assert office.world.made == {"thing of A": 1}


def test_a_step_whose_end_is_unknown_is_looked_for_and_found_though_the_rule_is_switched(office: Office) -> None:
    office.rules(WAITING)
    office.world.script = [lost_after]
    office.comes(uid="A")
    office.work()
    switch(office, dry_run=True)
    office.clock.forward(hours=2)
    office.work()

    (run,) = office.runs()
    first, *others = office.actions(run.id)
    assert (first.state, first.reason) == (ActionState.DONE, "it was there already")
    assert {action.state for action in others} == {ActionState.SKIPPED}
    assert office.world.made == {"thing of A": 1}


def test_a_step_that_is_found_not_done_is_not_done_any_more(office: Office) -> None:
    office.rules(WAITING)
    office.world.script = [lost_before]
    office.comes(uid="A")
    office.work()
    switch(office, dry_run=True)
    for _ in range(3):
        office.clock.forward(hours=2)
        office.work()

    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.SKIPPED, BY_SWITCH)
    assert {action.state for action in office.actions(run.id)} == {ActionState.SKIPPED}
    assert office.world.made == {}


def test_a_failed_step_is_not_tried_again(office: Office) -> None:
    office.rules(WAITING)
    office.world.script = [refused]
    office.comes(uid="A")
    office.work()
    switch(office, dry_run=True)
    (run,) = office.runs()
    with office.store.write() as connection:
        assert runs.retry(connection, run.id, now=office.clock())
    office.work()
    (run,) = office.runs()
    assert (run.state, run.reason) == (RunState.SKIPPED, BY_SWITCH)
    assert office.world.made == {}


def test_a_run_that_is_taken_back_stays_when_the_rule_is_switched(office: Office) -> None:
    undo = "    undo: {on: [BOOKING_CANCELLED], do: [{make: 'not ${{ run.first.id }}'}]}\n"
    office.rules(WAITING.replace("    do:\n", f"{undo}    do:\n", 1))
    office.comes(uid="A")
    office.work()
    switch(office, dry_run=True)
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    office.work()
    undoing = office.runs()[-1]
    assert (undoing.act, undoing.state, undoing.reason) == ("undo", RunState.SKIPPED, BY_SWITCH)
    assert office.world.made == {"thing of A": 1}


def test_the_switch_of_a_rule_says_who_set_it_last(office: Office) -> None:
    with office.store.read() as connection:
        assert switches.one(connection, "pair") is None
    switch(office, dry_run=True)
    switch(office, dry_run=False)
    with office.store.read() as connection:
        found = switches.one(connection, "pair")
        assert found is not None
        assert (found.dry_run, found.set_by) == (False, "ada")
        assert switches.every(connection) == {"pair": found}
        assert switches.dry(connection) == frozenset()
