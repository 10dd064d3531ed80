from __future__ import annotations

from typing import Any

import pytest

from tests.unit.workers.rules.fakes import EVENT, NOW, rule
from workers.rules.decide import DEEPEST_CAUSE, Cause, Decision, decide
from workers.rules.ruleset import RuleSet


def made(name: str = "a", on: str = "[BOOKING_CREATED]", **keys: str) -> Any:
    """A rule with one step, and these keys as they are written."""
    more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return rule(f"rules:\n  - name: {name}\n    on: {on}\n{more}    do: [{{stop: x}}]\n")


def decided(*rules: Any, event: Any = EVENT, caused_by: Cause | None = None) -> list[Decision]:
    return decide(RuleSet(rules), event, caused_by=caused_by, now=NOW)


def only(*rules: Any, event: Any = EVENT, caused_by: Cause | None = None) -> Decision:
    (decision,) = decided(*rules, event=event, caused_by=caused_by)
    return decision


def test_a_rule_that_hears_the_trigger_and_whose_condition_holds_is_to_act() -> None:
    found = made(when="event.type == 'time-off'")

    assert decided(found) == [Decision(found, "do", once="0195-event", entity="l1", skipped=None)]


@pytest.mark.parametrize(
    "other",
    [
        {"on": "[BOOKING_PAID]"},
        {"when": "event.type == 'x'"},
        {"connection": "other"},
        {"connection": "other", "when": "event.payload.nope == 1"},
    ],
)
def test_what_is_not_for_a_rule_is_no_decision(other: dict[str, str]) -> None:
    assert decided(made(**other)) == []


def test_an_event_without_a_trigger_is_for_no_rule() -> None:
    assert decided(made(), event={**EVENT, "trigger": None}) == []


def test_decisions_come_in_the_order_of_names_undoing_first() -> None:
    both = made("b", once_per="${{ event.booking.uid }}", undo="{on: [BOOKING_CREATED], do: [{stop: x}]}")

    found = decided(made("c"), both, made("a"))

    assert [(each.rule.name, each.act) for each in found] == [("a", "do"), ("b", "undo"), ("b", "do"), ("c", "do")]


def test_an_undo_is_for_the_same_occasion_and_has_its_own_condition() -> None:
    keys = {"once_per": "${{ event.booking.uid }}", "when": "event.type == 'x'"}
    found = made(**keys, on="[PING]", undo="{on: [BOOKING_CREATED], when: event.title != null, do: [{stop: x}]}")
    other = made(**keys, on="[PING]", undo="{on: [BOOKING_CREATED], when: event.title == null, do: [{stop: x}]}")

    assert decided(found) == [Decision(found, "undo", once="u1", entity="l1")]
    assert decided(other) == []


@pytest.mark.parametrize(
    ("keys", "skipped"),
    [
        ({"when": "event.payload.nope == 1"}, 'when: Key not found in map : "nope"'),
        ({"when": "event.payload.count"}, "when: it gives neither true nor false"),
        ({"once_per": "${{ event.booking.seat }}"}, "once_per: it gives nothing"),
        ({"once_per": "seat ${{ event.booking.seat }}"}, "once_per: event.booking.seat is null"),
        ({"entity": "${{ event.payload.nope }}"}, 'entity: event.payload.nope: Key not found in map : "nope"'),
    ],
)
def test_an_expression_that_fails_is_a_decision_to_skip_with_its_reason(keys: dict[str, str], skipped: str) -> None:
    found = only(made(**keys))

    assert (found.skipped, found.once, found.entity) == (skipped, "0195-event", "l1")


def test_keys_are_texts_and_equal_for_equal_values() -> None:
    mapping = "\"${{ {'b': 1, 'a': event.booking.uid} }}\""

    assert only(made(once_per="${{ event.organizer.id }}")).once == "41"
    assert only(made(once_per=mapping)).once == '{"a": "u1", "b": 1}'
    assert only(made(entity="host-${{ event.organizer.id }}")).entity == "host-41"


def test_a_long_key_is_told_by_its_hash_and_a_short_one_by_itself() -> None:
    keys = [only(made(once_per="${{ event.title }}"), event={**EVENT, "title": "x" * n}).once for n in (512, 513, 514)]

    assert keys[0] == "x" * 512
    assert [len(key) for key in keys[1:]] == [64, 64]
    assert len(set(keys)) == 3


def test_a_key_is_text_that_every_database_takes() -> None:
    found = only(made(once_per="${{ event.title }}"), event={**EVENT, "title": "a\x00b\ud800"})

    assert found.once == "a\N{REPLACEMENT CHARACTER}b?"


@pytest.mark.parametrize(
    ("event", "entity"),
    [
        (EVENT, "l1"),
        ({**EVENT, "booking": {"uid": "u1"}}, "u1"),
        ({**EVENT, "booking": None}, "ada@acme.com"),
        ({**EVENT, "booking": None, "organizer": None}, "0195-event"),
    ],
)
def test_runs_keep_their_order_for_the_booking_else_the_person_else_the_event(event: Any, entity: str) -> None:
    assert only(made(), event=event).entity == entity


def test_a_rule_does_not_hear_what_it_caused_itself_unless_it_says_so() -> None:
    own, other = Cause("a", 1), Cause("b", 1)
    undo = "{on: [BOOKING_CREATED], do: [{stop: x}]}"
    taken_back = made("a", "[PING]", once_per="${{ event.booking.uid }}", undo=undo)
    echo = "echo: the rule itself caused this event; allow_echo lets it hear those"

    assert only(made("a"), caused_by=own).skipped == echo
    assert only(taken_back, caused_by=own).skipped == echo
    assert only(made("a", allow_echo="true"), caused_by=own).skipped is None
    assert only(made("a"), caused_by=other).skipped is None
    assert decided(made("a", when="false"), caused_by=own) == []


def test_rules_that_cause_each_other_come_to_an_end() -> None:
    found = only(made("a", allow_echo="true"), caused_by=Cause("b", DEEPEST_CAUSE))

    assert found.skipped == "depth: 5 runs caused each other in a row, 5 is the most"
    assert only(made("a"), caused_by=Cause("b", DEEPEST_CAUSE - 1)).skipped is None


def test_a_payload_is_looked_at_only_for_a_rule_that_names_it() -> None:
    event = {**EVENT, "payload": {"a": list(range(20_000))}}

    found = decided(made("a"), made("b", when="event.payload.a.size() == 1"), event=event)

    assert [(each.rule.name, each.skipped) for each in found] == [
        ("a", None),
        ("b", "when: the event has more than 10,000 values, too many for expressions"),
    ]
