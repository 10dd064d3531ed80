from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.store.filled import START, Filled
from workers.actions.kind import Kind
from workers.actions.registry import kinds
from workers.backtest import backtest, live, shape, stored, wanted
from workers.rules.load import read_text
from workers.rules.rule import Rule
from workers.settings import Settings
from workers.store import rules
from workers.store.engine import Store
from workers.store.history import Filter
from workers.vault import Vault

KINDS: Mapping[str, Kind] = kinds(Settings())
CREATE = "cal_organizations_users_ooocontroller_create_organization_user_ooo"
DELETE = "cal_organizations_users_ooocontroller_delete_organization_user_ooo"
LOOK = "cal_organizations_users_ooocontroller_get_organization_user_ooo"
BLOCK = f"""
rules:
  - name: block
    on: [BOOKING_CREATED]
    when: event.type == "time-off"
    once_per: ${{{{ event.booking.uid }}}}
    do:
      - id: made
        tool: {CREATE}
        with: {{userId: "${{{{ event.organizer.id }}}}", start: "${{{{ event.start }}}}", end: "${{{{ event.end }}}}"}}
      - lookup: {LOOK}
        if: run.made.id > 3
        with: {{userId: 1}}
      - http: https://hooks.example/in/secret-path
    undo:
      on: [BOOKING_CANCELLED]
      do:
        - tool: {DELETE}
          with: {{userId: "${{{{ event.organizer.id }}}}", oooId: "${{{{ run.made.id }}}}"}}
"""


EVERYTHING = Filter()


def read(text: str) -> list[Rule]:
    found, faults = read_text(text, "rules.yaml", KINDS)
    assert faults == []
    return found


def told(filled: Filled, text: str = BLOCK, chosen: Filter = EVERYTHING) -> dict[str, Any]:
    tested, now = read(text), live(filled.store, KINDS)
    events = stored(filled.store, wanted(tested, now, chosen))
    (tally,) = backtest(filled.store, tested, now, events, KINDS)
    return shape(filled.store, tally, chosen)


def make_live(filled: Filled, text: str) -> None:
    for rule in read(text):
        with filled.store.write() as connection:
            rules.keep(connection, name=rule.name, digest=rule.digest, source=rule.source, file=rule.file, now=START)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


@pytest.fixture
def history(filled: Filled) -> Filled:
    """Two time-off bookings, the first told twice and cancelled; another booking; a cancellation of nothing."""

    def comes(minute: int, **said: Any) -> None:
        filled.event(at=START + timedelta(minutes=minute), **{"type": "time-off", **said})

    comes(0, uid="a")
    comes(1, uid="a", title="Told again")
    comes(2, uid="b")
    comes(3, uid="c", type="intro-call")
    comes(4, uid="a", trigger="BOOKING_CANCELLED", status="CANCELLED")
    comes(5, uid="z", trigger="BOOKING_CANCELLED", status="CANCELLED")
    comes(6, uid="a", trigger="BOOKING_PAID")
    return filled


def test_events_that_match_are_counted_and_each_key_is_one_run(history: Filled) -> None:
    found = told(history)
    assert (found["looked_at"], found["matches"]["number"]) == (6, 5)
    assert (found["runs"], found["undos"], found["nothing_to_undo"]) == (2, 1, 1)
    assert [one["trigger"] for one in found["matches"]["examples"]] == ["BOOKING_CREATED"] * 3 + [
        "BOOKING_CANCELLED"
    ] * 2


def test_calls_are_told_by_tool_and_what_they_take_of_the_budget(history: Filled) -> None:
    found = told(history)
    assert {(call["kind"], call["name"]): (call["calls"], call["perhaps"]) for call in found["calls"]} == {
        ("tool", CREATE): (2, 0),
        ("lookup", LOOK): (0, 2),
        ("http", "https://hooks.example/in/…"): (2, 0),
        ("tool", DELETE): (1, 0),
    }
    assert found["budget"] == [{"connection": "acme", "calls": 3, "perhaps": 2, "per_minute": 90, "minutes": 0.1}]


def test_only_the_time_and_the_connection_that_are_asked_for_are_looked_at(history: Filled) -> None:
    assert told(history, chosen=Filter(since=START + timedelta(minutes=2)))["looked_at"] == 4
    assert told(history, chosen=Filter(until=START + timedelta(minutes=2)))["looked_at"] == 2
    assert told(history, chosen=Filter(connection="eu"))["looked_at"] == 0


def test_what_fails_is_told_by_its_reason(history: Filled) -> None:
    text = BLOCK.replace('event.type == "time-off"', "event.payload.missing > 3").replace("event.start", "event.notes")
    found = told(history, text)
    assert (found["runs"], sum(found["skipped"].values())) == (0, 4)
    assert next(iter(found["skipped"])).startswith("when: ")
    wrong = told(history, BLOCK.replace("event.start }}", "event.title }}"))
    assert sum(wrong["problems"].values()) == 2
    assert all("step made: " in reason for reason in wrong["problems"])
    assert CREATE not in {call["name"] for call in wrong["calls"]}


def test_a_changed_rule_is_compared_with_the_one_that_is_live(history: Filled) -> None:
    assert told(history)["difference"] is None
    make_live(history, BLOCK)
    same = told(history)
    assert same["version"] == same["live_version"]
    assert (same["difference"]["only_new"]["number"], same["difference"]["only_live"]["number"]) == (0, 0)
    changed = told(history, BLOCK.replace('"time-off"', '"intro-call"'))["difference"]
    assert [one["title"] for one in changed["only_new"]["examples"]] == ["Intro call"]
    assert changed["only_live"]["number"] == 3
    unheard = told(history, BLOCK.replace("on: [BOOKING_CREATED]", "on: [BOOKING_PAID]"))
    assert (unheard["looked_at"], unheard["difference"]["only_live"]["number"]) == (7, 3)


def test_examples_are_a_few_and_counts_are_all(filled: Filled) -> None:
    filled.events(8, type="time-off")
    found = told(filled)
    assert (found["matches"]["number"], len(found["matches"]["examples"]), found["runs"]) == (8, 5, 8)
