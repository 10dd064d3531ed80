"""What the history answers, on both databases."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled, bare
from workers.errors import BadInput
from workers.persist import persist
from workers.replay import replay
from workers.store import events, history, tables
from workers.store.engine import Store
from workers.store.history import Filter
from workers.store.search import MAX_WORD, MAX_WORDS
from workers.vault import Vault

MINUTE = timedelta(minutes=1)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


def found(store: Store, wanted: Filter, *, limit: int = 100) -> list[UUID]:
    with store.read() as connection:
        return [row.id for row in history.page(connection, wanted, limit=limit)]


def test_events_come_newest_first(filled: Filled) -> None:
    ids = filled.events(3)
    assert found(filled.store, Filter()) == ids[::-1]


def test_an_event_that_was_persisted_late_is_listed_where_it_arrived(filled: Filled) -> None:
    late = filled.keep(b'{"triggerEvent": "PING", "payload": {}}', at=START)
    second = filled.event(at=START + MINUTE)
    persist(filled.store, [late])
    assert found(filled.store, Filter()) == [second, late]


def test_pages_join_without_a_gap_or_a_repeat(filled: Filled) -> None:
    ids = filled.events(7)
    before: UUID | None = None
    pages: list[list[UUID]] = []
    with filled.store.read() as connection:
        while rows := history.page(connection, Filter(), before=before, limit=3):
            pages.append([row.id for row in rows])
            before = rows[-1].id
    assert [len(each) for each in pages] == [3, 3, 1]
    assert [one for each in pages for one in each] == ids[::-1]


def test_a_page_larger_than_a_statement_may_be_is_read_in_several(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.store.history._PAGE", 3)
    ids = filled.events(7)
    assert found(filled.store, Filter(), limit=5) == ids[:1:-1]
    assert found(filled.store, Filter(), limit=6) == ids[:0:-1]
    assert found(filled.store, Filter(triggers=("BOOKING_CREATED", "PING"), text="intro"), limit=7) == ids[::-1]
    assert found(filled.store, Filter(email="ada@acme.example"), limit=10**30) == ids[::-1]


def test_as_many_names_as_a_filter_takes_are_an_answer_beside_a_word_of_many_events(filled: Filled) -> None:
    number = 1_500  # times the names: more than a statement may have parameters
    rows = [{**bare(uuid7()), "trigger": "PING", "words": "ada berg"} for _ in range(number)]
    with filled.store.write() as connection:
        connection.execute(tables.events.insert(), rows)
    names = ("PING", *(f"NAME_{n}" for n in range(history.MOST_NAMES - 1)))
    with filled.store.read() as connection:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)  # some are built with more
        assert len(history.page(connection, Filter(triggers=names, text="berg"), limit=number + 1)) == number
        assert len(history.page(connection, Filter(triggers=names), limit=10)) == 10


@pytest.mark.parametrize("names", ["triggers", "kinds"])
def test_more_names_than_a_filter_takes_are_refused_with_the_bound(names: str) -> None:
    with pytest.raises(BadInput, match=rf"{names[:-1]} may be given at most {history.MOST_NAMES} times"):
        Filter(**{names: ("PING",) * (history.MOST_NAMES + 1)})  # type: ignore[arg-type]


def test_a_page_of_several_triggers_is_one_order_cut_once(filled: Filled) -> None:
    triggers = ["PING", "BOOKING_CREATED", "PING", "BOOKING_CANCELLED", "BOOKING_CREATED"]
    ids = [filled.event(at=START + index * MINUTE, trigger=name) for index, name in enumerate(triggers)]
    wanted = Filter(triggers=("PING", "BOOKING_CREATED"))
    assert found(filled.store, wanted) == [ids[4], ids[2], ids[1], ids[0]]
    assert found(filled.store, wanted, limit=2) == [ids[4], ids[2]]
    assert found(filled.store, Filter(triggers=("PING",), kinds=("booking",))) == []
    assert found(filled.store, Filter(kinds=("ping", "booking"))) == ids[::-1]
    assert found(filled.store, Filter(kinds=("ping",))) == [ids[2], ids[0]]


def test_an_event_of_a_trigger_that_nobody_knows_is_found_by_it(filled: Filled) -> None:
    mine = filled.event(trigger="BOOKING_TELEPORTED")
    filled.event(at=START + MINUTE)
    assert found(filled.store, Filter(triggers=("BOOKING_TELEPORTED",))) == [mine]
    assert found(filled.store, Filter(kinds=("unknown",))) == [mine]


def test_a_booking_is_found_with_everything_it_was_rescheduled_from_and_to(filled: Filled) -> None:
    first = filled.event(uid="a")
    second = filled.event(at=START + MINUTE, uid="b", rescheduleUid="a", trigger="BOOKING_RESCHEDULED")
    third = filled.event(at=START + 2 * MINUTE, uid="c", rescheduleUid="b", trigger="BOOKING_RESCHEDULED")
    filled.event(at=START + 3 * MINUTE, uid="other")
    for uid in "abc":
        assert found(filled.store, Filter(booking=uid)) == [third, second, first]
    assert found(filled.store, Filter(booking="d")) == []


def test_the_same_uid_at_two_connections_is_both_ones_booking(filled: Filled) -> None:
    here = filled.event(uid="a")
    there = filled.event(at=START + MINUTE, uid="a", webhook="eu", pcid="eu")
    assert found(filled.store, Filter(booking="a")) == [there, here]
    assert found(filled.store, Filter(booking="a", connection="eu")) == [there]


def test_a_person_is_found_by_an_address_in_any_case_whatever_their_part_is(filled: Filled) -> None:
    hosted = filled.event()
    attended = filled.event(
        at=START + MINUTE,
        uid="b",
        organizer={"name": "Jon", "email": "JON@client.example"},
        attendees=[{"name": "Zoe", "email": "zoe@client.example"}],
    )
    assert found(filled.store, Filter(email="ADA@acme.example")) == [hosted]
    assert found(filled.store, Filter(email="jon@client.example")) == [attended, hosted]
    assert found(filled.store, Filter(email="jon@client.example", triggers=("PING",))) == []
    assert found(filled.store, Filter(email="client.example")) == []


def test_since_is_included_and_until_is_not(filled: Filled) -> None:
    ids = filled.events(4)
    assert found(filled.store, Filter(since=START + MINUTE, until=START + 3 * MINUTE)) == [ids[2], ids[1]]
    assert found(filled.store, Filter(since=START + 10 * MINUTE)) == []
    almost = START + MINUTE + timedelta(milliseconds=1)
    assert found(filled.store, Filter(since=almost, until=almost)) == []


def test_the_time_received_decides_where_the_id_was_made_some_seconds_later(filled: Filled) -> None:
    filled.event(at=START)
    with filled.store.write() as connection:
        moved = tables.events.update().values(received_at=START - timedelta(seconds=20))
        connection.execute(moved)
    assert found(filled.store, Filter(since=START - timedelta(seconds=5))) == []
    assert len(found(filled.store, Filter(until=START - timedelta(seconds=5)))) == 1


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_time_at_the_end_of_the_calendar_is_a_time(filled: Filled, year: int) -> None:
    ids = filled.events(1)
    instant = datetime(year, 1 if year == 1 else 12, 1 if year == 1 else 31, tzinfo=UTC)
    assert found(filled.store, Filter(since=instant)) == (ids if year < 2000 else [])
    assert found(filled.store, Filter(until=instant)) == (ids if year > 2000 else [])


def test_connections_are_told_apart(filled: Filled) -> None:
    here = filled.event()
    there = filled.event(at=START + MINUTE, webhook="eu", pcid="eu")
    assert found(filled.store, Filter(connection="acme")) == [here]
    assert found(filled.store, Filter(connection="eu")) == [there]
    assert found(filled.store, Filter(connection="nowhere")) == []


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("quarterly", True),
        ("QUARTERLY review", True),
        ("review quarterly", True),
        ("quart", True),
        ("quart review", False),  # only the last word may be a beginning
        ("review o'neil", True),
        ("O'NEIL", True),
        ("wheelchair", True),
        ("quarterly dentist", False),
        ("  quarterly \n", True),
        ("quarterly -- !", True),
        ("!!", False),
        ("", False),
    ],
)
def test_text_is_found_as_a_person_types_it(filled: Filled, typed: str, matches: bool) -> None:
    mine = filled.event(
        title="Quarterly review",
        attendees=[{"name": "Mary O'Neil", "email": "mary@client.example"}],
        additionalNotes="needs wheelchair access",
    )
    filled.event(at=START + MINUTE, uid="b", title="Dentist")
    assert found(filled.store, Filter(text=typed)) == ([mine] if matches else [])


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("muller", True),
        ("MÜLLER", True),
        ("Mu\u0308ller", True),  # as some systems spell it
        ("lukasz strasse", True),
        ("Łukasz STRAßE", True),
        ("soren aeroskob", True),
        ("jourfixe fur", True),
        ("ελενη", True),
        ("ΕΛΈΝΗ", True),
        ("алексеи", True),
        ("Алексей", True),
        ("東京", True),
        ("mueller", False),
    ],
)
def test_accents_and_letter_case_do_not_matter_in_any_script(filled: Filled, typed: str, matches: bool) -> None:
    people = ("Łukasz Müller", "Søren Ærøskøbing", "Ελένη", "Алексей", "東京")
    mine = filled.event(
        title="Jourfixe für Straße",
        attendees=[{"name": name, "email": f"{n}@client.example"} for n, name in enumerate(people)],
    )
    filled.event(at=START + MINUTE, uid="b", title="Dentist")
    assert found(filled.store, Filter(text=typed)) == ([mine] if matches else [])


def test_an_event_with_more_names_than_a_database_indexes_is_found_by_the_first(filled: Filled) -> None:
    letters = [chr(0x20000 + n) for n in range(70)]  # four bytes each
    names = [" ".join(a + b + c for c in letters[:63]) for a in letters[:18] for b in letters]
    people = [{"name": name, "email": f"{n}@x.example"} for n, name in enumerate(names)]
    mine = filled.event(attendees=people[:1000], team={"members": people[1000:]})
    assert found(filled.store, Filter(text=names[1000][:60])) == [mine]


OPERATORS = (
    *(
        '"',
        "'",
        '"quarterly',
        "quarterly'",
        "quarterly AND",
        "NOT quarterly",
        "a OR b",
        "(quarterly",
        "quarterly)",
        "*",
    ),
    *("title:quarterly", "^quarterly", "quarterly*", "NEAR(a b)", "a & b", "a | !b", "a <-> b", ":*", "\\", "a\\"),
    *("a:*B", "\0", "quarterly\0review", "\ud800", "%", "_", "a--b", "-a", "+a", "{title}: a", "日本", "é"),
)


def test_no_text_is_a_syntax_error(filled: Filled) -> None:
    mine = filled.event(title="Quarterly review")
    for typed in OPERATORS:
        assert found(filled.store, Filter(text=typed)) in ([], [mine])


@settings(max_examples=150)
@given(typed=st.text(max_size=60), email=st.none() | st.text(max_size=10))
def test_any_text_is_an_answer(filled: Filled, typed: str, email: str | None) -> None:
    wanted = Filter(text=typed, email=email, booking=email, triggers=(typed,), connection=email)
    assert found(filled.store, wanted) == []


def test_a_text_beyond_what_a_person_types_is_refused_with_the_bound(filled: Filled) -> None:
    with pytest.raises(BadInput, match=str(MAX_WORDS)):
        found(filled.store, Filter(text="a " * (MAX_WORDS + 1)))
    with pytest.raises(BadInput, match=str(MAX_WORD)):
        found(filled.store, Filter(text="a" * (MAX_WORD + 1)))
    assert found(filled.store, Filter(text=" ".join(["a" * MAX_WORD] * MAX_WORDS))) == []


def test_a_common_word_is_answered_as_a_rare_one_is(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = filled.events(6, title="Weekly sync")
    other = filled.event(at=START + 10 * MINUTE, uid="x", title="Dentist", trigger="PING")
    questions = [
        Filter(text="weekly"),
        Filter(text="weekly syn", triggers=("BOOKING_CREATED",)),
        Filter(text="weekly", email="jon@client.example", since=START + 2 * MINUTE),
        Filter(text="weekly", booking="uid-3"),
        Filter(text="weekly", triggers=("PING", "BOOKING_CANCELLED")),
    ]
    rare = [found(filled.store, wanted, limit=3) for wanted in questions]
    monkeypatch.setattr("workers.store.search._COMMON", 2)
    assert [found(filled.store, wanted, limit=3) for wanted in questions] == rare
    assert rare == [ids[:2:-1], ids[:2:-1], ids[:2:-1], [ids[3]], []]
    assert found(filled.store, Filter(text="dentist")) == [other]
    with filled.store.read() as connection:
        assert history.count(connection, Filter(text="weekly")) == 6


def test_a_title_that_changed_in_a_replay_is_found_by_its_new_words_only(filled: Filled) -> None:
    mine = filled.event(title="Old words")
    with filled.store.write() as connection:
        said = json.dumps({"triggerEvent": "BOOKING_CREATED", "payload": {"uid": "uid-0", "title": "New ones"}})
        connection.execute(tables.bodies.update().values(body=said.encode()))
    assert replay(filled.store, [mine]) == [mine]
    persist(filled.store, [mine])
    assert found(filled.store, Filter(text="old")) == []
    assert found(filled.store, Filter(text="new")) == [mine]
    assert found(filled.store, Filter(email="jon@client.example")) == []


def test_one_event_is_given_by_its_id(filled: Filled) -> None:
    mine = filled.event(title="Mine")
    with filled.store.read() as connection:
        row = history.one(connection, mine)
        assert row is not None
        assert events.shape(row)["title"] == "Mine"
        assert history.one(connection, UUID(int=0)) is None


def test_counts_are_of_the_filter(filled: Filled) -> None:
    filled.events(3)
    filled.event(at=START + timedelta(days=1), trigger="PING", webhook="eu", pcid="eu")
    with filled.store.read() as connection:
        assert history.stats(connection, Filter()) == {
            "events": 4,
            "triggers": {"BOOKING_CREATED": 3, "PING": 1},
            "kinds": {"booking": 3, "ping": 1},
            "connections": {"acme": 3, "eu": 1},
            "days": {"2026-11-01": 3, "2026-11-02": 1},
        }
        wanted = Filter(connection="eu", email="jon@client.example", text="intro", kinds=("ping",), triggers=("PING",))
        assert history.stats(connection, wanted)["days"] == {"2026-11-02": 1}
        assert history.count(connection, wanted) == 1
        assert history.stats(connection, Filter(booking="nobody")) == {
            "events": 0, "triggers": {}, "kinds": {}, "connections": {}, "days": {}
        }  # fmt: skip


def test_an_event_without_a_trigger_is_counted_under_its_kind(filled: Filled) -> None:
    persist(filled.store, [filled.keep(one) for one in (b"false", b'"text"', b'{"createdAt": "2026-11-01"}')])
    with filled.store.read() as connection:
        counted = history.stats(connection, Filter())
    assert counted["triggers"] == counted["kinds"] == {"unparsed": 2, "unknown": 1}


def test_a_day_is_utcs(filled: Filled) -> None:
    filled.event(at=datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC))
    filled.event(at=datetime(2026, 11, 2, 0, 0, tzinfo=UTC), uid="b")
    with filled.store.read() as connection:
        assert history.stats(connection, Filter())["days"] == {"2026-11-01": 1, "2026-11-02": 1}


def test_an_export_gives_every_event_once_with_its_payload(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.store.history._EXPORT_PAGE", 3)
    monkeypatch.setattr("workers.store.history._EXPORT_BODIES", 2)
    ids = filled.events(7)
    given_out = list(history.export(filled.store, Filter()))
    assert [row.id for row, _ in given_out] == ids[::-1]
    assert [payload["uid"] for _, payload in given_out] == [f"uid-{index}" for index in reversed(range(7))]
    assert [row.id for row, _ in history.export(filled.store, Filter(), limit=4)] == ids[:2:-1]
    assert [row.id for row, _ in history.export(filled.store, Filter(), limit=4, oldest_first=True)] == ids[:4]
    named = Filter(triggers=("BOOKING_CREATED", "PING"))
    assert [row.id for row, _ in history.export(filled.store, named, oldest_first=True)] == ids
    assert list(history.export(filled.store, Filter(triggers=("PING",)))) == []


def test_an_export_holds_no_transaction_while_its_reader_takes_its_time(filled: Filled) -> None:
    filled.events(3)
    going = history.export(filled.store, Filter())
    next(going)
    late = filled.event(at=START + timedelta(hours=1))  # on SQLite a checkpoint would wait, too
    assert late not in [row.id for row, _ in going]
