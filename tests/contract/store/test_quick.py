"""A statement on the driver gives what SQLAlchemy's own way gives, and raises what that raises."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from workers.errors import StoreUnavailable
from workers.store.engine import Store
from workers.store.quick import Entry, Quick, enter
from workers.store.tables import actions

ROW: dict[str, Any] = {
    "id": uuid7(),
    "run_id": uuid7(),
    "step": "première",
    "place": 3,
    "kind": "tool",
    "state": "done",
    "attempts": 1,
    "request": {"with": [1, 2.5, None, "ä"]},
    "answer": None,
    "reason": None,
    "ours": False,
    "effect": "e",
    "echo_id": uuid7(),
    "begun_at": datetime(2026, 11, 25, 4, 20, 36, 123_000, tzinfo=UTC),
    "ended_at": None,
}
KEEP = Quick(insert(actions).values({name: bindparam(name) for name in ROW}))
FIND = Quick(select(actions).where(actions.c.id == bindparam("which")))
NAME = Quick(
    update(actions)
    .where(actions.c.id == bindparam("which"))
    .values(effect=bindparam("name"))
    .returning(actions.c.step),
    actions.c.step,
)


@pytest.fixture
def kept(store: Store) -> Store:
    with store.write() as connection:
        KEEP(connection, **ROW)
    return store


def test_values_of_every_type_go_in_and_come_out_as_elsewhere(kept: Store) -> None:
    with kept.read() as connection:
        theirs = connection.execute(select(actions)).one()
        (ours,) = FIND(connection, which=ROW["id"])

    assert ours._asdict() == dict(theirs._mapping) == ROW
    assert (ours.step, type(ours.begun_at)) == ("première", datetime)


def test_one_is_the_row_or_none(kept: Store) -> None:
    with kept.read() as connection:
        assert FIND.one(connection, which=ROW["id"]).place == 3
        assert FIND.one(connection, which=uuid7()) is None


def test_what_a_change_returns_tells_whether_there_was_one(kept: Store) -> None:
    with kept.write() as connection:
        assert [row.step for row in NAME(connection, which=ROW["id"], name="f")] == ["première"]
        assert NAME(connection, which=uuid7(), name="f") == []
        assert FIND.one(connection, which=ROW["id"]).effect == "f"


def test_a_parameter_that_is_left_out_is_no_null(kept: Store) -> None:
    with kept.write() as connection:
        with pytest.raises(KeyError):
            NAME(connection, which=ROW["id"])
        assert FIND.one(connection, which=ROW["id"]).effect == "e"


def test_many_sets_of_parameters_give_the_rows_of_each(kept: Store) -> None:
    other = {**ROW, "id": uuid7(), "step": "deuxième"}
    with kept.write() as connection:
        assert KEEP.many(connection, [other]) == [[]]
        found = FIND.many(connection, [{"which": each} for each in (other["id"], uuid7(), ROW["id"])])
        assert FIND.many(connection, []) == []

    assert [[row.step for row in rows] for rows in found] == [["deuxième"], [], ["première"]]


def test_entries_are_made_by_their_ranks_and_say_whether_each_found_its_row(kept: Store) -> None:
    new = {**ROW, "id": uuid7(), "run_id": uuid7()}
    with kept.write() as connection:
        entries = [
            Entry(NAME, {"which": new["id"], "name": "later"}, of=new["id"], rank=1),
            Entry(KEEP, new, of=new["id"], finds=False),
            Entry(NAME, {"which": ROW["id"], "name": "too"}, of=ROW["id"], rank=1),
        ]
        assert enter(connection, entries)
        assert [FIND.one(connection, which=each).effect for each in (new["id"], ROW["id"])] == ["later", "too"]
        assert not enter(connection, [entries[0], Entry(NAME, {"which": uuid7(), "name": "nobody"}, of=uuid7())])
        assert enter(connection, [])


def test_one_of_many_that_is_refused_is_their_error(kept: Store) -> None:
    with pytest.raises(IntegrityError), kept.write() as connection:
        KEEP.many(connection, [{**ROW, "id": uuid7(), "run_id": uuid7()}, ROW])

    with kept.read() as connection:
        assert connection.execute(select(func.count()).select_from(actions)).scalar_one() == 1


def test_it_is_part_of_the_transaction_it_is_run_in(kept: Store) -> None:
    with suppress(ZeroDivisionError), kept.write() as connection:
        NAME(connection, which=ROW["id"], name="gone")
        raise ZeroDivisionError

    with kept.read() as connection:
        assert FIND.one(connection, which=ROW["id"]).effect == "e"


def test_a_row_that_is_refused_is_its_own_error(kept: Store) -> None:
    with pytest.raises(IntegrityError), kept.write() as connection:
        KEEP(connection, **ROW)


def test_a_missing_table_is_a_database_that_is_not_ready(kept: Store) -> None:
    with kept.write() as connection:
        connection.exec_driver_sql("DROP TABLE actions")

    with pytest.raises(StoreUnavailable, match="daybook migrate"), kept.read() as connection:
        FIND(connection, which=ROW["id"])


def test_no_value_is_in_the_text_of_an_error(kept: Store) -> None:
    with pytest.raises(IntegrityError) as caught, kept.write() as connection:
        KEEP(connection, **{**ROW, "effect": "ann@example.com"})

    assert "ann@" not in str(caught.value)
