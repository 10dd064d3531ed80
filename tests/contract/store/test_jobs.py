from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from workers import timetable
from workers.errors import Conflict
from workers.store import jobs, leases
from workers.store.engine import Store
from workers.store.tables import jobs as table
from workers.timetable import Job, Over, Timetable


class Done:
    """A job that is counted, and says what it is told to."""

    def __init__(self, outcome: str | Exception | None = "looked at 3") -> None:
        self.outcome = outcome
        self.times = 0
        self.job = Job("look", 60.0, self._do)

    def _do(self, goes_on: Callable[[], None]) -> str | None:
        self.times += 1
        goes_on()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def later(store: Store, seconds: float) -> None:
    """So many seconds pass."""
    with store.write() as sql:
        sql.execute(update(table).values(begun_at=table.c.begun_at - seconds))


def told(store: Store) -> list[tuple[str | None, bool, bool]]:
    with store.read() as sql:
        return [(one.outcome, one.failed, one.ended_at is not None) for one in jobs.every(sql)]


def test_a_job_is_done_once_over_all_processes_until_it_is_due_again(store: Store) -> None:
    done = Done()
    one, other = Timetable(store, [done.job]), Timetable(store, [done.job])

    assert one.turn(done.job) == 60
    assert 0 < other.turn(done.job) <= 60
    assert done.times == 1
    assert told(store) == [("looked at 3", False, True)]

    later(store, 61)
    assert other.turn(done.job) == 60
    assert done.times == 2


def test_a_job_is_nobody_elses_while_one_process_does_it(store: Store) -> None:
    done, other = Done(), Timetable(store, [])
    met: list[float] = []

    def do(_goes_on: Callable[[], None]) -> None:
        met.append(other.turn(done.job))

    Timetable(store, []).turn(Job("look", 60.0, do))

    assert len(met) == 1
    assert done.times == 0


def test_a_job_that_was_cut_off_is_done_by_whoever_comes_next(store: Store) -> None:
    cut, done = Done(Over("stopped")), Done()
    Timetable(store, []).turn(cut.job)
    assert told(store) == [(None, False, False)]

    Timetable(store, []).turn(done.job)

    assert (cut.times, done.times) == (1, 1)
    assert told(store) == [("looked at 3", False, True)]


def test_a_job_whose_process_died_is_done_again_once_its_lease_has_run_out(store: Store) -> None:
    done = Done()
    with store.write() as sql:
        jobs.begin(sql, "look")
        leases.take(sql, "job:look", "one that is dead", 120)
    Timetable(store, []).turn(done.job)
    assert done.times == 0

    with store.write() as sql:
        leases.give_up(sql, "job:look", "one that is dead")
    Timetable(store, []).turn(done.job)
    assert done.times == 1


@pytest.mark.parametrize(
    ("error", "says"),
    [(Conflict("There is no budget."), "There is no budget."), (KeyError("x"), "KeyError; the log has more")],
)
def test_a_job_that_fails_says_so_and_comes_again_when_it_is_due(store: Store, error: Exception, says: str) -> None:
    failing = Done(error)
    table = Timetable(store, [])

    table.turn(failing.job)
    table.turn(failing.job)

    assert failing.times == 1
    assert told(store) == [(says, True, True)]


def test_a_job_begun_by_a_clock_that_was_put_back_is_due(store: Store) -> None:
    done = Done()
    Timetable(store, []).turn(done.job)
    later(store, -3600)

    Timetable(store, []).turn(done.job)

    assert done.times == 2


def test_a_job_that_another_took_over_ends_at_its_next_part(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timetable, "RENEW", 0.0)

    def overtaken(goes_on: Callable[[], None]) -> None:
        with store.write() as sql:
            sql.exec_driver_sql("UPDATE leases SET holder = 'another'")
        goes_on()
        raise AssertionError("it went on")

    Timetable(store, []).turn(Job("look", 60.0, overtaken))

    assert told(store) == [(None, False, False)]
