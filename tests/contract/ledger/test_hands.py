"""Whose hand a run is in, when threads sleep through leases and processes stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import update

from tests.conftest import PATIENCE
from tests.contract.ledger.conftest import Make, NoBox, Office, World
from tests.contract.ledger.test_act import ONE, TWO, states
from workers.act import Acting
from workers.actions.kind import Call, Outcome, Toolbox
from workers.rulebook import Rulebook
from workers.store.tables import runs


class Watched(Make):
    """Tells of each attempt before and after it is made."""

    def __init__(self, world: World, before: Callable[[Call], None], after: Callable[[Call], None]) -> None:
        super().__init__(world)
        self._before, self._after = before, after

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        self._before(call)
        outcome = super().perform(call, box)
        self._after(call)
        return outcome


def process(
    office: Office, before: Callable[[Call], None] = lambda _: None, after: Callable[[Call], None] = lambda _: None
) -> Acting:
    kinds = {**office.kinds, "make": Watched(office.world, before, after)}
    return Acting(office.store, office.book, kinds, NoBox(), holder="p", clock=office.clock, dice=lambda: 1.0)


def leases_run_out(office: Office) -> None:
    with office.store.write() as connection:
        connection.execute(update(runs).where(runs.c.holder.is_not(None)).values(held_until=0.0))


def test_a_thread_that_slept_through_its_lease_leaves_the_run_to_the_one_that_took_it_up(office: Office) -> None:
    office.rules(TWO)
    office.comes(uid="A")
    in_the_second, sleeper_is_back = threading.Event(), threading.Event()

    def before(call: Call) -> None:
        if call.step == "second" and threading.current_thread() is other:
            in_the_second.set()
            sleeper_is_back.wait(PATIENCE)

    def after(call: Call) -> None:
        if call.step == "first":
            leases_run_out(office)
            other.start()
            assert in_the_second.wait(PATIENCE)

    acting = process(office, before, after)
    other = threading.Thread(target=acting.act)
    assert acting.act()
    sleeper_is_back.set()
    other.join(PATIENCE)

    assert office.world.made == {"thing of A": 1, "after id of thing of A": 1}
    assert states(office) == ["done"]


def test_a_process_that_stops_in_the_middle_of_a_call_gives_it_to_nobody(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    taken: list[bool] = []

    def stops(_: Call) -> None:
        acting.give_back()
        taken.append(office.process()[1].act())

    acting = process(office, before=stops)
    assert acting.act()

    assert taken == [False]
    assert office.world.made == {"thing of A": 1}
    assert states(office) == ["done"]


def test_a_version_that_this_process_cannot_read_is_left_to_one_that_can(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    older = Rulebook(office.store, office.folder, {})
    acting = Acting(office.store, older, {}, NoBox(), holder="older", clock=office.clock, dice=lambda: 1.0)
    assert acting.act()
    (run,) = office.runs()
    assert (run.state, run.attempt) == ("failed", 1)
    assert "can no longer be read" in run.reason

    office.clock.forward(minutes=1)
    office.work()
    assert states(office) == ["done"]


def test_a_version_that_no_process_can_read_ends_with_its_reason(office: Office) -> None:
    office.rules(ONE)
    office.comes(uid="A")
    older = Rulebook(office.store, office.folder, {})
    acting = Acting(office.store, older, {}, NoBox(), holder="older", clock=office.clock, dice=lambda: 1.0)
    while acting.act():
        office.clock.forward(hours=1)

    (run,) = office.runs()
    assert run.state == "dead"
    assert "can no longer be read" in run.reason
