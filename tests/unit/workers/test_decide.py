from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from tests.unit.workers.rules.fakes import NOW, rule
from workers.catalogue.event import Event, Kind
from workers.decide import heard
from workers.persist import to_event
from workers.rulebook import NOTHING, Live
from workers.rules.needs import FIELDS, said
from workers.rules.ruleset import RuleSet
from workers.store import events
from workers.store.receipts import Arrived

PAYLOADS = Path(__file__).parents[2] / "payloads"
BODIES = sorted(PAYLOADS.glob("*.body"))
CREATED = PAYLOADS / "BOOKING_CREATED.body"


def arrived(body: Path) -> Arrived:
    return Arrived(
        id=uuid7(),
        received_at=datetime.now(UTC),
        headers=[("x-cal-webhook-version", "2021-10-20")],
        body=body.read_bytes(),
        webhook="org",
        connection="acme",
        has_event=False,
    )


def live(*conditions: str, trigger: str = "BOOKING_CREATED") -> Live:
    rules = [
        rule(f"rules: [{{name: r{number}, on: [{trigger}], when: {condition!r}, do: [{{stop: x}}]}}]")
        for number, condition in enumerate(conditions)
    ]
    return Live(RuleSet(rules), {one.name: uuid7() for one in rules})


def listened(rules: Live, body: Path = CREATED) -> tuple[int, int]:
    """How many events are heard of one delivery, and how many payloads are read for it."""
    one, read = arrived(body), list[Arrived]()

    def whole(each: Arrived) -> Event:
        read.append(each)
        return to_event(each)

    return len(heard(rules, [(one, to_event(one, payload=False))], whole, now=NOW)), len(read)


@pytest.mark.parametrize("body", BODIES, ids=lambda path: path.stem)
def test_what_is_compared_before_an_event_is_told_is_what_it_tells(body: Path) -> None:
    one = arrived(body)
    event = to_event(one, payload=False)
    told = events.told(one, to_event(one))

    for field in FIELDS:
        assert events.said(one, event, field) == said(told, field)


def test_an_event_that_is_for_no_rule_is_not_heard_and_its_payload_is_not_read() -> None:
    assert listened(NOTHING) == (0, 0)
    assert listened(live("true", trigger="PING")) == (0, 0)
    assert listened(live('event.type == "x" && event.payload.y == 1', "event.title.contains('nope')")) == (0, 0)
    assert listened(live("event.payload.uid == 'x'")) == (0, 1)
    assert listened(live("event.payload.nope == 'x'")) == (1, 1)
    assert listened(live("event.title.contains('Intake')")) == (1, 0)


def test_an_event_is_heard_where_history_has_to_be_asked_first() -> None:
    assert listened(live("event.booking.lineage == 'x'")) == (1, 0)
    assert listened(live("string(event.booking.id) == 'x'", "event.title.contains('nope')")) == (1, 0)


def test_an_event_that_may_be_an_echo_is_always_heard() -> None:
    assert to_event(arrived(PAYLOADS / "OOO_CREATED.body")).kind is Kind.OOO
    assert listened(NOTHING, PAYLOADS / "OOO_CREATED.body") == (1, 1)


def test_the_time_of_a_decision_is_the_one_that_is_given() -> None:
    one = arrived(CREATED)
    rules = live(f"now > timestamp('{NOW.isoformat()}')")
    ask = partial(heard, rules, [(one, to_event(one, payload=False))], to_event)

    assert ask(now=NOW) == []
    assert len(ask(now=NOW.replace(year=NOW.year + 1))) == 1
