"""Each filter of the history, and every combination of them, against the same asked in plain Python."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from tests.contract.store.filled import START, Filled, body
from workers.errors import BadInput
from workers.persist import persist
from workers.replay import release, replay
from workers.store import history, runs, search, tables, walk
from workers.store.engine import Store, open_store
from workers.store.history import MOST_NAMES, Filter
from workers.store.runs import Planned
from workers.vault import Vault

MINUTE = timedelta(minutes=1)
EVENTS = 40
ADA, BEN, JON, ZOE = "ada@acme.example", "ben@acme.example", "jon@client.example", "ÄNNE@client.example"
#: the values that filters are made of: some that every event has, some that few have, some that none has
VALUES: dict[str, list[Any]] = {
    "triggers": [("BOOKING_CREATED",), ("BOOKING_CANCELLED", "PING"), ("NOTHING",)],
    "kinds": [("booking",), ("ping", "meeting")],
    "booking": ["uid-1", "uid-9", "nobody"],
    "email": [ADA, BEN.upper(), JON, ZOE.lower(), "nobody@client.example"],
    "host": [ADA, BEN, JON.title(), ZOE],
    "since": [START + 7 * MINUTE, START + 60 * MINUTE],
    "until": [START + 30 * MINUTE],
    "text": ["review", "intro ca", "nowhere"],
    "connection": ["acme", "eu"],
    "event_types": [("intro-call",), ("7",), ("8", "intro-call"), ("Test",), ("9" * 30, "٣")],
    "statuses": [("accepted",), ("CANCELLED",), ("Cancelled", "PENDING"), ("ACCEPTED", "rejected"), ("?",)],
    "verdict": ["signed", "mismatch", "unsigned"],
    "rule": ["tell", "call-back", "none"],
}


@dataclasses.dataclass
class Known:
    """What a test knows of an event beside its row."""

    verdict: str
    rules: frozenset[str]


class History:
    """A history in which every filter has something to find, and what is known of it."""

    def __init__(self, filled: Filled) -> None:
        self.store = filled.store
        self.known: dict[UUID, Known] = {}
        self.links: set[frozenset[tuple[str, str]]] = set()
        dice = random.Random(11)
        for number in range(EVENTS):
            self._event(filled, number, dice)
        with self.store.read() as connection:
            self.rows = history.page(connection, Filter(), limit=EVENTS)
        assert len(self.rows) == EVENTS

    def _event(self, filled: Filled, number: int, dice: random.Random) -> None:
        at = START + number * MINUTE
        pcid = dice.choice(["acme", "acme", "eu"])
        uid = dice.randrange(12)
        people = [ADA, BEN, JON, ZOE]
        said: dict[str, Any] = {
            "trigger": dice.choice(["BOOKING_CREATED", "BOOKING_CANCELLED", "MEETING_ENDED", "PING", "ODD"]),
            "uid": f"uid-{uid}",
            "rescheduleUid": f"uid-{uid - 8}" if uid >= 8 else None,
            "status": dice.choice(["ACCEPTED", "accepted", "CANCELLED", "PENDING", "REJECTED", None]),
            "type": dice.choice(["intro-call", "Test", "8", None]),
            "eventTypeId": dice.choice([7, 8, None]),
            "title": dice.choice(["Intro call", "Quarterly review"]),
            "organizer": {"name": "Host", "email": dice.choice(people)},
            "team": {"members": [{"name": "Member", "email": dice.choice(people).upper()}]},
            "attendees": [{"name": "Guest", "email": dice.choice(people)}],
        }
        if uid >= 8:
            self.links.add(frozenset({(pcid, f"uid-{uid}"), (pcid, f"uid-{uid - 8}")}))
        verdict = dice.choice(["signed", "signed", "mismatch", "unsigned"])
        delivery = filled.keep(body(at=at, **said), at=at, webhook=pcid, pcid=pcid, verdict=verdict)
        if verdict != "signed":
            release(self.store, [delivery])
        persist(self.store, [delivery])
        rules = frozenset(rule for rule, often in (("tell", 0.5), ("call-back", 0.1)) if dice.random() < often)
        with self.store.write() as connection:
            runs.plan(connection, [planned(delivery, rule, act) for rule in rules for act in ("do", "undo")], at)
        self.known[delivery] = Known(verdict, rules)

    def expected(self, wanted: Filter) -> list[UUID]:
        """The ids that a filter should find, newest first."""
        return [
            row.id for row in self.rows if all(fits(row, self.known[row.id]) for fits in conditions(wanted, self.links))
        ]


def planned(event: UUID, rule: str, act: str) -> Planned:
    return Planned(
        rule=rule, version_id=UUID(int=1), act=act, event_id=event, connection="acme", trigger="ANY", entity="e",
        once=f"{act}|{rule}|{event}", key=str(event), depth=0, happened_at=START,
    )  # fmt: skip


def conditions(wanted: Filter, links: set[frozenset[tuple[str, str]]]) -> Iterator[Callable[[Any, Known], bool]]:
    """Each condition of a filter, as a person would say it."""
    said = dataclasses.asdict(wanted)
    if wanted.triggers:
        yield lambda row, _: row.trigger in wanted.triggers
    if wanted.kinds:
        yield lambda row, _: row.kind in wanted.kinds
    if wanted.booking is not None:
        uid = said["booking"]
        yield (
            lambda row, _: (
                row.booking_uid == uid or frozenset({(row.connection, row.booking_uid), (row.connection, uid)}) in links
            )
        )
    if wanted.email is not None:
        yield lambda row, _: said["email"].lower() in addresses(row.organizer, *row.hosts, *row.attendees)
    if wanted.host is not None:
        yield lambda row, _: said["host"].lower() in addresses(row.organizer, *row.hosts)
    if wanted.since is not None:
        yield lambda row, _: row.received_at >= said["since"]
    if wanted.until is not None:
        yield lambda row, _: row.received_at < said["until"]
    if wanted.text is not None:
        yield lambda row, _: said["text"] in (row.title or "").lower()
    if wanted.connection is not None:
        yield lambda row, _: row.connection == wanted.connection
    if wanted.event_types:
        yield lambda row, _: bool({row.event_type_slug, row.type, str(row.event_type_id)} & {*wanted.event_types})
    if wanted.statuses:
        yield lambda row, _: (row.status or "").upper() in [each.upper() for each in wanted.statuses]
    if wanted.verdict is not None:
        yield lambda _, known: known.verdict == wanted.verdict
    if wanted.rule is not None:
        yield lambda _, known: wanted.rule in known.rules


def addresses(*people: dict[str, Any] | None) -> set[str]:
    return {person["email"].lower() for person in people if person and person["email"]}


@pytest.fixture
def told(store: Store, vault: Vault) -> History:
    return History(Filled(store, vault))


def found(told: History, wanted: Filter, **how: Any) -> list[UUID]:
    with told.store.read() as connection:
        return [row.id for row in history.page(connection, wanted, **{"limit": EVENTS, **how})]


#: any filter with any of the values, mostly of two or three conditions
FILTERS = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 4), min_size=1, max_size=4).map(
    lambda chosen: Filter(**{name: VALUES[name][place % len(VALUES[name])] for name, place in chosen.items()})
)


def test_each_filter_finds_what_a_person_would_and_so_does_every_pair_of_them(told: History) -> None:
    some = [(name, value) for name, values in VALUES.items() for value in values]
    for name, value in some:
        wanted = Filter(**{name: value})
        assert found(told, wanted) == told.expected(wanted), wanted
    pairs = [{one[0]: one[1], other[0]: other[1]} for one in some for other in some if one[0] < other[0]]
    for pair in random.Random(5).sample(pairs, 150):
        wanted = Filter(**pair)
        assert found(told, wanted) == told.expected(wanted), wanted


@pytest.mark.parametrize("common", [3, 10_000])
def test_any_combination_is_found_in_pages_that_join_counted_and_followed(
    told: History, monkeypatch: pytest.MonkeyPatch, common: int
) -> None:
    monkeypatch.setattr(walk, "_COMMON", common)  # whether an index leads to few decides how events are found

    @settings(max_examples=30)
    @given(FILTERS, st.booleans())
    def holds(wanted: Filter, oldest_first: bool) -> None:
        expected = told.expected(wanted)[:: -1 if oldest_first else 1]
        first = found(told, wanted, limit=3, oldest_first=oldest_first)
        rest = found(told, wanted, before=first[-1], oldest_first=oldest_first) if first else []
        assert first + rest == expected
        assert len(first) == min(3, len(expected))
        with told.store.read() as connection:
            assert history.count(connection, wanted) == len(expected)
            assert history.stats(connection, wanted)["events"] == len(expected)
            followed = [row.id for row in history.since_seq(connection, wanted, 0, limit=EVENTS)]
        assert sorted(followed) == sorted(expected)

    holds()


@pytest.mark.parametrize(("field", "name"), [("event_types", "event_type"), ("statuses", "status")])
def test_more_names_than_a_filter_takes_are_refused(field: str, name: str) -> None:
    with pytest.raises(BadInput, match=f"{name} may be given at most {MOST_NAMES} times"):
        Filter(**{field: ("x",) * (MOST_NAMES + 1)})  # type: ignore[arg-type]


def test_values_that_no_column_can_hold_find_nothing(told: History) -> None:
    for wanted in (
        Filter(host="\0"),
        Filter(rule="\ud800"),
        Filter(verdict="\0"),
        Filter(event_types=("\0", "-1")),
        Filter(statuses=("\0",)),
    ):
        assert found(told, wanted) == []


def test_an_event_read_anew_has_the_hosts_it_has_now(store: Store, vault: Vault) -> None:
    filled = Filled(store, vault)
    mine = filled.event()
    with store.write() as connection:
        connection.execute(tables.event_people.update().values(host=tables.event_people.c.email == JON))
    assert replay(store, [mine]) == [mine]
    persist(store, [mine])
    with store.read() as connection:
        assert [row.id for row in history.page(connection, Filter(host=ADA), limit=2)] == [mine]
        assert list(history.page(connection, Filter(host=JON), limit=2)) == []


@pytest.mark.parametrize("wanted", [Filter(rule="tell"), Filter(email=ADA), Filter(verdict="mismatch")])
def test_a_further_page_begins_where_it_begins_in_both_tables(postgres_database: str, wanted: Filter) -> None:
    """PostgreSQL may merge the index that leads to events with theirs; it goes through neither from the newest on."""
    (way,) = walk._walks(wanted)[0].ways
    query = walk._along(way, [], walk._Stretch(wanted, UUID(int=1), 50, oldest_first=False))
    with contextlib.closing(open_store(postgres_database)) as store, store.read() as connection:
        for other in ("nestloop", "hashjoin", "seqscan", "bitmapscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{other} = off")
        asked = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [str(step).strip() for step in connection.exec_driver_sql(f"EXPLAIN {asked}").scalars()]

    (place,) = [place for place, step in enumerate(plan) if "using uq_events_id on events" in step]
    assert "Merge Join" in " ".join(plan)
    assert plan[place + 1].startswith("Index Cond: (id < "), plan


def test_events_far_apart_are_asked_for_a_word_all_at_once(
    store: Store, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite, which would list all that have the word for each of them, lists them once."""
    monkeypatch.setattr(search, "_NEAR", 0)
    filled = Filled(store, vault)
    titles = ("Intro call", "Intro again", "Quarterly review", "Introduction")
    ids = [filled.keep(body(at=START, uid=title, title=title), at=START) for title in titles]
    persist(store, ids)
    asked: list[tuple[str, Any]] = []

    with store.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
        assert search.having(connection, "intro", [ids[0], ids[2], ids[3]]) == {ids[0], ids[3]}
        if store.sqlite:
            statement, values = asked[-1]
            (plan,) = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert plan == "SCAN events_text VIRTUAL TABLE INDEX 0:M1><"
