"""Sessions and links on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workers.store import keys, sessions
from workers.store.engine import Store
from workers.store.keys import Role

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_session_is_its_keys_and_ends_with_it(store: Store) -> None:
    with store.write() as sql:
        made, key = keys.create(sql, name="ada", role=Role.OPERATOR, now=NOW)
        token = sessions.begin(sql, name="ada", role=Role.OPERATOR, key_digest=keys.digest(key), now=NOW, lives=HOUR)
        found = sessions.find(sql, token, admin_digest=None, now=NOW)
        assert found is not None
        assert (found.name, found.role, found.key_id) == ("ada", Role.OPERATOR, made.id)
        keys.revoke(sql, made.id, now=NOW)
        assert sessions.find(sql, token, admin_digest=None, now=NOW) is None


def test_a_session_ends_at_its_time_and_when_somebody_signs_out(store: Store) -> None:
    with store.write() as sql:
        first, second = (
            sessions.begin(sql, name="ada@acme.com", role=Role.VIEWER, key_digest=None, now=NOW, lives=HOUR)
            for _ in range(2)
        )
        assert sessions.find(sql, first, admin_digest=None, now=NOW + HOUR) is None
        sessions.end(sql, first)
        assert sessions.find(sql, first, admin_digest=None, now=NOW) is None
        assert sessions.find(sql, second, admin_digest=None, now=NOW) is not None
        assert sessions.find(sql, "\udc80", admin_digest=None, now=NOW) is None


def test_a_session_of_the_key_in_the_settings_lives_while_it_is_the_key_there(store: Store) -> None:
    before, after = keys.digest("the key of before, long enough"), keys.digest("another key that is long enough")
    with store.write() as sql:
        token = sessions.begin(sql, name="DAYBOOK_ADMIN_KEY", role=Role.ADMIN, key_digest=before, now=NOW, lives=HOUR)
        assert sessions.find(sql, token, admin_digest=before, now=NOW) is not None
        assert sessions.find(sql, token, admin_digest=after, now=NOW) is None
        assert sessions.find(sql, token, admin_digest=None, now=NOW) is None


def test_a_link_works_once_and_for_an_hour(store: Store) -> None:
    of = keys.digest("any key at all, if it is long")
    with store.write() as sql:
        link, late = sessions.make_link(sql, of, now=NOW), sessions.make_link(sql, of, now=NOW)
        assert sessions.use_link(sql, "no link", now=NOW) is None
        assert sessions.use_link(sql, link, now=NOW) == of
        assert sessions.use_link(sql, link, now=NOW) is None
        assert sessions.use_link(sql, late, now=NOW + sessions.LINK_LIVES) is None
