from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from tests.unit.workers.rules.fakes import EVENT, NOW, rule
from workers.rules.decide import decide
from workers.rules.expressions import bind
from workers.rules.needs import said
from workers.rules.rule import Rule
from workers.rules.ruleset import RuleSet

UID = "${{ event.booking.uid }}"


def made(name: str, when: str = "", on: str = "[BOOKING_CREATED]", **keys: str) -> Rule:
    lines = [f"name: {name}", f"on: {on}", *([f"when: {when!r}"] if when else [])]
    lines += [f"{key}: {value}" for key, value in keys.items()]
    return rule("rules:\n  - " + "\n    ".join([*lines, "do: [{stop: x}]"]))


def candidates(*rules: Rule, event: Mapping[str, Any] = EVENT) -> list[tuple[str, str]]:
    found = RuleSet(rules).candidates(event["trigger"], partial(said, event))
    return [(one.rule.name, one.act) for one in found]


def refused(*rules: Rule, event: Mapping[str, Any] = EVENT) -> set[str]:
    live, trigger = RuleSet(rules), event["trigger"]
    candidates = live.candidates(trigger, partial(said, event))
    return {one.rule.name for one in live.refused(trigger, candidates, bind(event, now=NOW))}


def test_candidates_are_those_that_hear_the_trigger_and_need_what_the_event_says() -> None:
    fitting = made("a", 'event.type == "time-off"'), made("c"), made("d", 'event.title.contains("z")')
    others = made("b", 'event.type == "paid"'), made("e", on="[PING]"), made("f", connection="other")

    assert candidates(*fitting, *others) == [("a", "do"), ("c", "do"), ("d", "do")]
    assert candidates(*others) == []
    assert RuleSet(fitting).candidates(None, partial(said, EVENT)) == ()


def test_all_that_a_rule_needs_is_asked_not_only_what_it_is_filed_under() -> None:
    both = 'event.type == "time-off" && event.organizer.id == {}'

    assert candidates(made("a", both.format(41)), made("b", both.format(42))) == [("a", "do")]


def test_undoing_needs_what_its_own_condition_does() -> None:
    undo = '{on: [BOOKING_CREATED], when: event.type == "time-off", do: [{stop: x}]}'
    other = undo.replace("time-off", "paid")

    assert candidates(made("a", 'event.type == "paid"', on="[PING]", once_per=UID, undo=undo)) == [("a", "undo")]
    assert candidates(made("a", 'event.type == "time-off"', on="[PING]", once_per=UID, undo=other)) == []


def test_a_value_that_no_event_has_leaves_it_to_the_condition() -> None:
    rules = made("a", "event.organizer.id == 1"), made("b", 'event.type == "x"')

    assert candidates(*rules, event={**EVENT, "organizer": {"id": True}}) == [("a", "do")]
    assert candidates(*rules, event={**EVENT, "organizer": "odd", "type": 1.5}) == [("a", "do"), ("b", "do")]


def test_conditions_that_need_nothing_are_found_false_together() -> None:
    plain = [made(f"p{number}", f'event.title.contains("nope{number}")') for number in range(300)]
    payload = [made(f"q{number}", f"event.payload.count > {number + 3}") for number in range(3)]
    plain += [made("o", 'event.title.contains("nope")', connection="acme")]
    others = [made("a"), made("b", 'event.type == "paid"'), made("c", "event.hosts.all(host, host.id == 1)")]

    assert refused(*plain, *payload, *others) == {one.name for one in (*plain, *payload)}
    assert decide(RuleSet([*plain, *payload]), EVENT, caused_by=None, now=NOW) == []


@pytest.mark.parametrize(
    "odd", ['event.title.contains("Time")', "event.title.size() > now.getSeconds()", "event.id < 'a'"]
)
def test_one_condition_that_holds_leaves_those_beside_it_to_be_asked_by_themselves(odd: str) -> None:
    false = made("a", 'event.title.contains("nope")')

    assert refused(false, made("b", odd)) == set()
    assert [one.rule.name for one in decide(RuleSet([false, made("b", odd)]), EVENT, caused_by=None, now=NOW)] == ["b"]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("event.payload.nope == 1", 'when: Key not found in map : "nope"'),
        ("event.payload.count", "when: it gives neither true nor false"),
    ],
)
def test_one_condition_without_a_value_leaves_those_beside_it_to_be_asked_by_themselves(odd: str, reason: str) -> None:
    rules = RuleSet([made("a", "event.payload.count == 5"), made("b", odd), made("c", "event.payload.count == 6")])

    found = decide(rules, EVENT, caused_by=None, now=NOW)

    assert [(one.rule.name, one.skipped) for one in found] == [("b", reason)]


def test_a_comment_or_a_bracket_in_a_text_does_not_reach_the_next_condition() -> None:
    rules = [made("a", 'event.title == "x)" + "" // || ('), made("b", "event.title.contains('(') // y")]

    assert refused(*rules) == {"a", "b"}


def test_a_payload_that_is_too_large_is_no_matter_to_rules_that_do_not_look_at_it() -> None:
    event = {**EVENT, "payload": {"a": list(range(20_000))}}
    plain = [made(name, f'event.title.contains("{name}!")') for name in "ab"]
    seeing = [made(name, f"event.payload.a[0] == {number}") for number, name in enumerate("cd", 1)]

    assert refused(*plain, *seeing, event=event) == {"a", "b"}
    assert len(decide(RuleSet([*plain, *seeing]), event, caused_by=None, now=NOW)) == 2


def test_a_rule_says_which_fields_it_asks_for_and_whether_it_sees_the_payload() -> None:
    (plain,) = RuleSet([made("a", 'event.type == "a"', once_per=UID)]).on("BOOKING_CREATED")
    (seeing,) = RuleSet([made("b", "event.payload.a == 1")]).on("BOOKING_CREATED")

    assert (plain.fields, plain.payload) == (frozenset({"type", "booking"}), False)
    assert (seeing.fields, seeing.payload) == (frozenset({"id"}), True)
