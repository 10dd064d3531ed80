from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select
from uuid_utils.compat import uuid7

from workers.store import audit, paces
from workers.store.audit import Filter, Outcome, Who
from workers.store.engine import Store
from workers.store.keys import Role
from workers.store.tables import key_rates

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ANN = Who("ann", Role.VIEWER, uuid7())
SETTINGS = Who("DAYBOOK_ADMIN_KEY", Role.ADMIN, None)


def asked(store: Store, who: Who, what: str, *, connection: str | None = None, at: datetime = NOW) -> None:
    with store.write() as sql:
        entry = audit.begin(sql, who, door="mcp", what=what, connection=connection, arguments={"userId": 41}, now=at)
        audit.end(sql, entry, Outcome.DONE, detail=None, now=at + timedelta(seconds=1))


def test_a_request_is_in_it_before_it_is_carried_out(store: Store) -> None:
    with store.write() as sql:
        entry = audit.begin(sql, ANN, door="mcp", what="tool", connection="acme", arguments={"a": [1]}, now=NOW)
    with store.read() as sql:
        (begun,) = map(audit.shape, audit.page(sql, Filter(), limit=9))
    assert (begun["outcome"], begun["ended_at"], begun["arguments"]) == ("begun", None, {"a": [1]})
    assert begun["key"] == {"id": str(ANN.key_id), "name": "ann", "role": "viewer"}

    with store.write() as sql:
        audit.end(sql, entry, Outcome.FAILED, detail="Cal.com answered 503.", now=NOW)
    with store.read() as sql:
        (ended,) = map(audit.shape, audit.page(sql, Filter(), limit=9))
    assert (ended["outcome"], ended["detail"], ended["ended_at"]) == (
        "failed", "Cal.com answered 503.", "2026-11-25T10:00:00.000Z",
    )  # fmt: skip


def test_entries_are_found_by_key_by_what_and_by_connection_the_newest_first(store: Store) -> None:
    asked(store, ANN, "one", connection="acme")
    asked(store, SETTINGS, "two", connection="beta", at=NOW + timedelta(hours=1))
    asked(store, ANN, "two", at=NOW + timedelta(hours=2))

    def found(wanted: Filter) -> list[tuple[str, str]]:
        with store.read() as sql:
            return [(row.name, row.what) for row in audit.page(sql, wanted, limit=9)]

    assert found(Filter()) == [("ann", "two"), ("DAYBOOK_ADMIN_KEY", "two"), ("ann", "one")]
    assert found(Filter(name="ann")) == [("ann", "two"), ("ann", "one")]
    assert found(Filter(what="two", name="ann")) == [("ann", "two")]
    assert found(Filter(connection="acme")) == [("ann", "one")]
    assert found(Filter(since=NOW + timedelta(hours=1))) == [("ann", "two"), ("DAYBOOK_ADMIN_KEY", "two")]
    with store.read() as sql:
        newest = audit.page(sql, Filter(), limit=1)
        assert [row.what for row in audit.page(sql, Filter(), before=newest[0].id, limit=1)] == ["two"]


def test_entries_are_found_by_how_they_ended_and_the_door_they_came_by(store: Store) -> None:
    asked(store, ANN, "one")
    with store.write() as sql:
        entry = audit.begin(sql, ANN, door="dashboard", what="two", connection=None, arguments=None, now=NOW)
        audit.end(sql, entry, Outcome.REFUSED, detail=None, now=NOW)
        audit.begin(sql, ANN, door="dashboard", what="three", connection=None, arguments=None, now=NOW)

    def found(wanted: Filter) -> list[str]:
        with store.read() as sql:
            return [row.what for row in audit.page(sql, wanted, limit=9)]

    assert found(Filter(outcome=Outcome.REFUSED)) == ["two"]
    assert found(Filter(outcome=Outcome.BEGUN, door="dashboard")) == ["three"]
    assert found(Filter(door="mcp")) == ["one"]
    assert found(Filter(door="\0", name="\0", what="\0", connection="\0")) == []
    with store.read() as sql:
        row = audit.one(sql, entry)
        assert row is not None
        assert (row.what, audit.one(sql, uuid7())) == ("two", None)


def test_a_key_has_so_many_calls_a_minute_and_is_told_when_the_next_may_come(store: Store) -> None:
    def ask(key: str) -> float:
        with store.write() as sql:
            return paces.ask(sql, key, per_minute=8)

    assert [ask("one") for _ in range(2)] == [0, 0]
    assert 6 < ask("one") <= 7.5
    assert 6 < ask("one") <= 7.5  # nothing was taken
    assert ask("another") == 0


def test_a_key_that_has_rested_is_forgotten_when_a_new_one_asks(store: Store) -> None:
    with store.write() as sql:
        sql.execute(insert(key_rates).values(key="rested", next_at=NOW.timestamp() - 365 * 86_400))
        for key in ("busy", "new"):
            paces.ask(sql, key, per_minute=1)
        assert set(sql.execute(select(key_rates.c.key)).scalars()) == {"busy", "new"}
