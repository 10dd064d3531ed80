"""Threads whose attempts end at the same time are written down together; what befalls one is no matter to the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, update
from structlog.testing import capture_logs

from tests.conftest import PATIENCE
from tests.contract.ledger.conftest import Crash, Make, NoBox, Office, World
from tests.contract.ledger.test_act import TWO, states
from workers.act import Acting, _Turn
from workers.actions.kind import Call, Outcome, Toolbox
from workers.errors import StoreUnavailable
from workers.store import ledger
from workers.store.tables import runs

UIDS = "ABCD"


class Meeting(Make):
    """Attempts of the first step all end when the last of them has come to it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.met = False
        self._all = threading.Barrier(len(UIDS), action=self._meet)

    def _meet(self) -> None:
        self.met = True

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        if call.step == "first":
            self._all.wait(PATIENCE)
        return super().perform(call, box)


class Desk:
    """Four threads of one process, with a run each, whose ends are written when all four have come with them."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._together = False
        #: transactions from then on
        self.written = 0
        #: happens before the transaction of the four
        self.before: Callable[[], None] = lambda: None
        #: happens within the transaction of the four, after what is written in it
        self.befalls: Callable[[Connection], None] = lambda _: None
        self.failed: list[BaseException] = []
        self._meeting = Meeting(office.world)
        kinds = {**office.kinds, "make": self._meeting}
        self.acting = Acting(self, office.book, kinds, NoBox(), holder="p", clock=office.clock)  # type: ignore[arg-type]

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self._meeting.met and not self._together:
            self._together = True
            until = time.monotonic() + PATIENCE
            while len(self.acting._queue) < len(UIDS):
                assert time.monotonic() < until
                time.sleep(0.001)
            self.before()
        self.written += self._together
        with self._office.store.write() as connection:
            yield connection
            if self._together:
                befalls, self.befalls = self.befalls, lambda _: None
                befalls(connection)

    def work(self) -> None:
        def act() -> None:
            try:
                self.acting.act()
            except BaseException as error:
                self.failed.append(error)

        threads = [threading.Thread(target=act) for _ in UIDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)


@pytest.fixture
def desk(office: Office) -> Desk:
    office.rules(TWO)
    for uid in UIDS:
        office.comes(uid=uid)
    return Desk(office)


def all_made_once(office: Office) -> None:
    things = [f"thing of {uid}" for uid in UIDS]
    assert office.world.made == {**dict.fromkeys(things, 1), **{f"after id of {thing}": 1 for thing in things}}


def leases_run_out(office: Office) -> None:
    with office.store.write() as connection:
        connection.execute(update(runs).where(runs.c.holder.is_not(None)).values(held_until=0.0))


def test_ends_that_come_together_are_one_transaction(office: Office, desk: Desk) -> None:
    desk.work()

    assert states(office) == ["done"] * 4
    all_made_once(office)
    assert 1 < desk.written <= 1 + len(UIDS)  # one for all four first steps; then the second ones as they come


def test_one_that_cannot_be_written_down_leaves_the_others_theirs(
    office: Office, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, second = ledger.begin, office.runs()[1]

    def fails(*given: Any, **named: Any) -> Any:
        if given[1] == second.id and named["step"] == "second":
            raise ValueError("it cannot be written down")
        return begin(*given, **named)

    monkeypatch.setattr(ledger, "begin", fails)
    with capture_logs() as logged:
        desk.work()

    assert [entry["event"] for entry in logged] == ["run.not_written", "run.failed", "run.dead"]

    assert desk.failed == []
    assert states(office) == ["done", "dead", "done", "done"]
    assert office.actions(second.id)[0].answer["id"] == "id of thing of B"
    monkeypatch.undo()
    with office.store.write() as connection:
        connection.execute(update(runs).where(runs.c.id == second.id).values(state="failed", due_at=office.clock()))
    office.work()
    all_made_once(office)


def test_a_lease_that_one_has_lost_leaves_the_others_theirs(office: Office, desk: Desk) -> None:
    second = office.runs()[1]

    def anothers() -> None:
        with office.store.write() as connection:
            connection.execute(update(runs).where(runs.c.id == second.id).values(holder="another"))

    desk.before = anothers
    desk.work()

    assert desk.failed == []
    assert states(office) == ["done", "running", "done", "done"]
    leases_run_out(office)
    office.work()
    assert states(office) == ["done"] * 4
    all_made_once(office)


def test_a_thread_that_is_torn_away_leaves_it_to_the_next(office: Office, desk: Desk) -> None:
    def torn(_: Connection) -> None:
        raise Crash

    desk.befalls = torn
    desk.work()

    assert [type(error) for error in desk.failed] == [Crash]
    assert states(office).count("done") == 3
    leases_run_out(office)
    office.work()
    assert states(office) == ["done"] * 4
    all_made_once(office)


def test_a_database_that_is_away_is_told_to_all_of_them_and_nothing_is_done_again(office: Office, desk: Desk) -> None:
    def away(_: Connection) -> None:
        desk.befalls = away
        raise StoreUnavailable("the database did not answer")

    desk.befalls = away
    desk.work()

    assert [type(error) for error in desk.failed] == [StoreUnavailable] * 4
    assert desk.written == 2
    leases_run_out(office)
    office.work()
    assert states(office) == ["done"] * 4
    all_made_once(office)


def test_each_thread_gets_the_run_that_is_in_its_own_hand(office: Office) -> None:
    """Else a process that stops gives back what another thread of it is still at."""
    office.rules(TWO)
    for uid in "ABC":
        office.comes(uid=uid)
    acting = office.process()[1]
    with office.store.write() as connection:  # two that wait for nobody, of one entity: one of them is taken
        first, second, _ = office.runs()
        connection.execute(update(runs).where(runs.c.id.in_([first.id, second.id])).values(entity="e", holds=False))

    turns = [_Turn(f"p.{number}", None, lambda: True) for number in range(3)]
    acting._queue.extend(turns)
    acting._serve()

    taken = [(turn.holder, turn.taken.claimed.holder) for turn in turns if turn.taken.claimed is not None]
    assert len(taken) == 2
    assert all(mine == holder for mine, holder in taken), taken


def test_who_was_forgotten_by_a_thread_that_was_torn_away_serves_itself(
    office: Office, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    come = desk.acting._come

    def torn(turns: list[_Turn]) -> None:
        monkeypatch.setattr(desk.acting, "_come", come)
        come([])  # all have come forward, and nobody knows of them any more
        raise Crash

    desk.before = lambda: monkeypatch.setattr(desk.acting, "_come", torn)
    desk.work()

    assert [type(error) for error in desk.failed] == [Crash]
    assert states(office).count("done") == 3
