"""Following the history: each event once, whatever order its transaction ends in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.contract.store.filled import START, Filled, bare
from workers.persist import persist
from workers.store import history, tables, tail
from workers.store.engine import Store, open_store
from workers.store.history import Filter
from workers.store.position import Position
from workers.store.tail import Following, Tail
from workers.vault import Vault

MINUTE = timedelta(minutes=1)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    """A store that deliveries come to."""
    return Filled(store, vault)


@pytest.fixture
def on_postgres(postgres_database: str, vault: Vault) -> Iterator[Filled]:
    """The same on PostgreSQL only: SQLite writes one transaction at a time."""
    with contextlib.closing(open_store(postgres_database, pool_size=4)) as store:
        yield Filled(store, vault)


def test_a_tail_gives_what_is_written_from_now_on_once(filled: Filled) -> None:
    filled.events(2)
    tail = Tail(filled.store, Filter())
    assert list(tail.fresh()) == []
    ids = [filled.event(at=START - index * MINUTE, uid=f"new-{index}") for index in range(3)]
    assert [row.id for row in tail.fresh()] == ids
    assert list(tail.fresh()) == []


def test_a_tail_gives_only_its_filter(filled: Filled) -> None:
    tail = Tail(filled.store, Filter(text="dentist", triggers=("BOOKING_CREATED",)))
    filled.event()
    mine = filled.event(at=START + MINUTE, uid="b", title="Dentist")
    filled.event(at=START + 2 * MINUTE, uid="c", title="Dentist", trigger="PING")
    assert [row.id for row in tail.fresh()] == [mine]


def test_a_tail_that_was_away_gives_all_it_missed_in_several_looks(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.store.tail._LIMIT", 2)
    tail = Tail(filled.store, Filter())
    ids = filled.events(7)
    looks = [[row.id for row in tail.fresh()] for _ in range(5)]
    assert [len(look) for look in looks] == [2, 2, 2, 1, 0]
    assert [one for look in looks for one in look] == ids


def test_a_tail_does_not_miss_an_event_whose_transaction_commits_after_a_later_one(on_postgres: Filled) -> None:
    store = on_postgres.store
    slow, fast = (
        on_postgres.keep(b'{"triggerEvent": "PING"}'),
        on_postgres.keep(b'{"triggerEvent": "PING", "payload": {}}'),
    )
    tail = Tail(store, Filter())
    with store.write() as connection:
        connection.execute(tables.events.insert().values(bare(slow)))
        assert persist(store, [fast]).events == 1
        assert [row.id for row in tail.fresh()] == [fast]
        for _ in range(5):
            assert list(tail.fresh()) == []
    assert [row.id for row in tail.fresh()] == [slow]
    assert list(tail.fresh()) == []


def test_a_tail_that_begins_while_an_event_is_being_written_gives_it(on_postgres: Filled) -> None:
    store = on_postgres.store
    slow, fast = (
        on_postgres.keep(b'{"triggerEvent": "PING"}'),
        on_postgres.keep(b'{"triggerEvent": "PING", "payload": {}}'),
    )
    with store.write() as connection:
        connection.execute(tables.events.insert().values(bare(slow)))
        persist(store, [fast])
        tail = Tail(store, Filter())
        assert list(tail.fresh()) == []
    assert [row.id for row in tail.fresh()] == [slow]


def test_a_number_whose_transaction_was_rolled_back_is_not_waited_for(on_postgres: Filled) -> None:
    store = on_postgres.store
    lost = on_postgres.keep(b'{"triggerEvent": "PING"}')
    with store.read() as connection:
        following = tail.begin(connection)
    with contextlib.suppress(ZeroDivisionError), store.write() as connection:
        connection.execute(tables.events.insert().values(bare(lost)))
        raise ZeroDivisionError
    on_postgres.event()
    following = _looked(store, following)
    assert len(following.position.open) == 1
    following = _looked(store, _looked(store, following))
    assert following == Following(following.position)
    assert not following.position.open


def test_what_is_beyond_a_position_is_what_it_does_not_cover(filled: Filled) -> None:
    filled.events(6)
    with filled.store.read() as connection:
        position = Position(4, frozenset({2}))
        assert history.seqs_beyond(connection, Filter(), position, limit=9) == [2, 5, 6]
        assert history.seqs_beyond(connection, Filter(text="intro"), position, limit=2) == [2, 5]
        assert history.seqs_beyond(connection, Filter(), position, limit=9, after=2, until=5) == [5]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), [1, 2, 4]),
        (Filter(booking="uid-1"), [2]),
        (Filter(text="call"), [1, 2, 4]),
        (Filter(email="jon@client.example", connection="acme"), [1, 2, 4]),
        (Filter(triggers=("PING",)), []),
    ],
)
def test_of_some_events_a_filter_chooses_its_own(filled: Filled, wanted: Filter, found: list[int]) -> None:
    filled.events(4)
    with filled.store.read() as connection:
        assert history.among(connection, wanted, [1, 2, 4]) == found
        assert history.among(connection, wanted, []) == []


def test_numbers_that_were_given_to_events_now_removed_are_no_end_of_the_history(filled: Filled) -> None:
    filled.events(3)
    tail = Tail(filled.store, Filter())
    with filled.store.write() as connection:
        connection.execute(tables.events.delete().where(tables.events.c.seq > 1))
    assert list(tail.fresh()) == []
    new = filled.event(uid="new", at=START + 9 * MINUTE)
    assert [row.id for row in tail.fresh()] == [new]


def _looked(store: Store, following: Following) -> Following:
    with store.read() as connection:
        return tail.look(connection, following, limit=9).following
