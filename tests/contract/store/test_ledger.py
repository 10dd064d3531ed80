"""Which action an event is the echo of, and who waits for whom where that is written down, on both databases."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select
from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE
from tests.contract.store.planning import NOW, plan, planned, waiting_for_locks
from workers.store import ledger
from workers.store.engine import Store, open_store
from workers.store.ledger import ActionState, Echo
from workers.store.quick import enter
from workers.store.tables import actions, runs


def sent(store: Store, *effects: str) -> list[UUID]:
    """Runs, each with an action of such an effect that is under way, in the order of their ids."""
    plan(store, *(planned(str(number), entity=str(number)) for number, _ in enumerate(effects)))
    with store.write() as connection:
        found = list(connection.execute(select(runs.c.id).order_by(runs.c.id)).scalars())
        begun = [
            ledger.begin(
                connection, run, step="one", place=0, kind="tool", state=ActionState.SENDING, request={}, effect=effect,
                now=NOW,
            )
            for run, effect in zip(found, effects, strict=True)
        ]  # fmt: skip
        assert enter(connection, begun)
    return found


def test_two_echoes_that_come_together_are_of_two_actions_of_the_same_effect(store: Store) -> None:
    made = sent(store, "ooo:41", "ooo:41")
    echoes = [Echo(uuid7(), NOW, ("ooo:41",)) for _ in range(3)]
    with store.write() as connection:
        found = ledger.cause(connection, echoes)
    assert {found[echo.event_id].run_id for echo in echoes[:2]} == set(made)
    assert echoes[2].event_id not in found
    with store.write() as connection:  # a batch that is taken up again
        assert ledger.cause(connection, echoes[::-1]) == found


@pytest.mark.parametrize("backwards", [False, True])
def test_echoes_and_ends_of_the_same_actions_wait_for_each_other_in_one_order(
    postgres_database: str, backwards: bool
) -> None:
    """Else one of the transactions is given up, and who acted does not know for minutes what came of it."""
    failed: list[Exception] = []

    def within(change: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                change()
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=guarded)
        thread.start()
        return thread

    with contextlib.closing(open_store(postgres_database)) as store:
        made = sent(store, "a", "b")
        told, ended = (["b", "a"], made) if backwards else (["a", "b"], made[::-1])
        first = made[1] if backwards else made[0]

        def cause() -> None:
            with store.write() as connection:
                ledger.cause(connection, [Echo(uuid7(), NOW, (effect,)) for effect in told])

        def settle() -> None:
            with store.write() as connection:
                enter(connection, [ledger.settle(run, "one", state=ActionState.DONE, now=NOW) for run in ended])

        with store.write() as connection:  # both begin, and neither has all that it wants
            connection.execute(select(actions.c.id).where(actions.c.run_id == first).with_for_update())
            threads = []
            for number, change in enumerate((cause, settle), 1):
                threads.append(within(change))
                waiting_for_locks(store, number)
        for thread in threads:
            thread.join(PATIENCE)

        assert failed == []
        with store.read() as connection:
            rows = connection.execute(select(actions.c.state, actions.c.echo_id)).all()
        assert [(row.state, row.echo_id is not None) for row in rows] == [("done", True)] * 2
