from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.rules.fakes import EVENT, NOW, rule
from workers.rules.decide import Decision, decide
from workers.rules.expressions import Broken, Expression, bind, condition
from workers.rules.needs import FIELDS, Needs, said
from workers.rules.rule import Rule
from workers.rules.ruleset import RuleSet
from workers.rules.scope import scope
from workers.rules.shapes import EVENT as SHAPE

PLAIN = rule("rules: [{name: plain, on: [BOOKING_CREATED], do: [{stop: x}]}]")


def compiled(text: str) -> Expression:
    return condition(text, scope())


def needs(text: str) -> Needs:
    return compiled(text).needs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('event.type == "a"', {"type": {"a"}}),
        ('"a" == event.type', {"type": {"a"}}),
        ("event.organizer.id == -41", {"organizer.id": {-41}}),
        ("event.event_type.slug == null", {"event_type.slug": {None}}),
        ('event.status in ["A", "B"]', {"status": {"A", "B"}}),
        ("event.status in []", {"status": set()}),
        ('(event.type == "a") && event.title.contains("b")', {"type": {"a"}}),
        ('event.payload.x == 1 && event.type == "a" && event.organizer.id == 5', {"type": {"a"}, "organizer.id": {5}}),
        ('event.type == "a" && event.type == "b"', {"type": set()}),
        ('event.type in ["a", "b"] && event.type in ["b", "c"]', {"type": {"b"}}),
        ('event.type == "a" || event.type == "b"', {"type": {"a", "b"}}),
        (
            'event.type == "a" && event.status == "A" || event.type == "b" && event.title == "t"',
            {"type": {"a", "b"}},
        ),
        (r"""event.type == "a\n\"\u00e9\x41\101" """, {"type": {'a\n"éAA'}}),
        (r"""event.type == r'a\n' // || true""", {"type": {r"a\n"}}),
        ('event\n. /* no comment */ type == "a"'.replace("/* no comment */", ""), {"type": {"a"}}),
        ('event.type == """a" || "b"""', {"type": {'a" || "b'}}),
    ],
)
def test_what_an_event_must_say_is_read_from_the_condition(text: str, found: Mapping[str, set[Any]]) -> None:
    assert needs(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "true",
        'event.type != "a"',
        '!(event.type == "a")',
        'event.type == "a" || event.status == "A"',
        'event.type == "a" || true',
        'event.type == "a" ? true : event.status == "A"',
        "event.type == event.title",
        'event.type in ["a", event.title]',
        'event.type in {"a": 1}',
        'event.type == "a" + "b"',
        '"a" == "a"',
        'event.type.startsWith("a")',
        "dyn(event.organizer.id) == 5.0",
        "dyn(event.organizer.id) == true",
        'dyn("a") == event.type',
        "has(event.organizer)",
        'event.payload.type == "a"',
        'event.payload.event.type == "a"',
        'event.booking.lineage == "a"',
        'event.attendees.exists(event, event.name == "a")',
        'event.attendees.all(one, one.name == "a")',
        'cel.bind(x, event.type, x == "a")',
    ],
)
def test_what_a_condition_may_do_without_is_not_needed(text: str) -> None:
    assert needs(text) == {}


def test_what_the_event_makes_false_is_not_evaluated() -> None:
    endless = [0] * 400
    asked = compiled('event.payload.a.all(x, event.payload.a.all(y, x == y)) && event.type == "a"')

    assert not asked.holds(bind({**EVENT, "payload": {"a": endless}}, now=NOW))


@pytest.mark.parametrize("field", FIELDS)
def test_fields_are_texts_and_whole_numbers_of_the_event(field: str) -> None:
    outer, _, inner = field.partition(".")
    shape = SHAPE["properties"][outer]
    kind = (shape["properties"][inner] if inner else shape)["type"]

    assert kind in ("string", "integer")


# --- the same decisions as by evaluating everything

TEXTS = ["", "a", "b", "é", "a?", "a\nb", '"', "'", "\\", "a\x00", "😀", "null", "event.type"]
NUMBERS = [0, 1, 5, -1, 2**63 - 1, -(2**63)]
TEXT_FIELDS = ["type", "status", "title", "trigger", "connection", "event_type.slug", "organizer.email", "booking.uid"]
NUMBER_FIELDS = ["organizer.id", "event_type.id"]


#: that need nothing of the event, and may have no value
OTHERS = st.sampled_from(
    [
        "true",
        "false",
        "event.payload.x == 1",
        "event.payload.x",
        "event.payload.x.all(one, one == 1)",
        "event.title.size() > 1",
        "event.booking.lineage == 'a'",
        "has(event.organizer)",
        "event.type == event.title",
        "event.type != 'a'",
    ]
)


@st.composite
def literals(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    quote = draw(st.sampled_from(['"', "'", '"""', "'''"]))
    return quote + "".join(_spelled(char, draw(st.integers(0, 3))) for char in text) + quote


def _spelled(char: str, way: int) -> str:
    number = ord(char)
    if way == 0 and char.isprintable() and char not in "\"'\\":
        return char
    if way == 1 and number < 256:
        return f"\\x{number:02x}"
    if way == 2 and number < 256:
        return f"\\{number:03o}"
    return f"\\U{number:08X}" if number > 0xFFFF or way == 3 else f"\\u{number:04x}"


def _atoms() -> st.SearchStrategy[str]:
    text, number = st.sampled_from(TEXT_FIELDS), st.sampled_from(NUMBER_FIELDS)
    texts, numbers = literals() | st.just("null"), st.sampled_from([*map(str, NUMBERS), "null"])
    equal = st.builds("event.{} == {}".format, text, texts) | st.builds("event.{} == {}".format, number, numbers)
    turned = st.builds("{1} == event.{0}".format, text, texts) | st.builds("{1} == event.{0}".format, number, numbers)
    listed = st.builds(
        lambda field, values: f"event.{field} in [{', '.join(values)}]", text, st.lists(literals(), max_size=3)
    )
    return equal | turned | listed | OTHERS


def _conditions() -> st.SearchStrategy[str]:
    return st.recursive(
        _atoms(),
        lambda inner: (
            st.builds("({}) && ({})".format, inner, inner)
            | st.builds("({}) || ({}) // )\n".format, inner, inner)
            | st.builds("!({})".format, inner)
            | st.builds("{} && {}".format, inner, inner)
            | st.builds("{} || {}".format, inner, inner)
            | st.builds("({}) ? ({}) : ({})".format, inner, inner, inner)
        ),
        max_leaves=6,
    )


VALUES = st.none() | st.sampled_from([*TEXTS, "a\ud800"])
IDS = st.none() | st.sampled_from(NUMBERS)
EVENTS = st.builds(
    lambda **said: {**EVENT, **said},
    type=VALUES,
    status=VALUES,
    title=VALUES,
    connection=st.sampled_from(["a", "acme"]),
    event_type=st.none() | st.fixed_dictionaries({"id": IDS, "slug": VALUES}),
    organizer=st.none() | st.fixed_dictionaries({"id": IDS, "email": VALUES}, optional={"username": VALUES}),
    booking=st.none() | st.fixed_dictionaries({"uid": VALUES, "lineage": VALUES}),
    payload=st.sampled_from([{}, {"x": 1}, {"x": None}, {"x": [1, 2]}, {"x": True}, {"x": [0] * 20_000}]),
)


def _rule(number: int, text: str, connection: str | None) -> Rule | None:
    try:
        made = compiled(text)
    except Broken:  # such as `&&` of what is no truth value
        return None
    return replace(PLAIN, name=f"rule-{number}", when=made, connection=connection)


def _evaluated(one: Rule, event: Mapping[str, Any]) -> list[Decision]:
    """By evaluating, whatever its condition needs."""
    assert one.when is not None
    bare = replace(one, when=replace(one.when, needs={}), connection=None)
    if one.connection is not None and one.connection != event["connection"]:
        return []
    found = decide(RuleSet([bare]), event, caused_by=None, now=NOW)
    return [replace(each, rule=one) for each in found]


@given(
    st.lists(st.tuples(_conditions() | OTHERS, st.sampled_from([None, None, "a"])), min_size=1, max_size=8),
    st.lists(EVENTS, min_size=1, max_size=4),
)
def test_rules_found_by_what_they_need_are_those_found_by_evaluating_all(
    written: list[tuple[str, str | None]], events: list[dict[str, Any]]
) -> None:
    rules = [made for number, (text, pcid) in enumerate(written) if (made := _rule(number, text, pcid)) is not None]

    for event in events:
        found = decide(RuleSet(rules), event, caused_by=None, now=NOW)
        expected = [each for one in rules for each in _evaluated(one, event)]

        assert _comparable(found, event) == _comparable(expected, event)


def _comparable(found: list[Decision], event: Mapping[str, Any]) -> list[tuple[str, str, str, str | None]]:
    """A payload too large for expressions is no matter to a rule that the rest of the event decides on."""
    skips = [(each.rule.name, each.once, each.entity, each.skipped) for each in found]
    return [each for each in skips if each[3] is None or "too many for expressions" not in each[3]]


@given(EVENTS)
def test_a_rule_is_no_candidate_only_where_its_condition_is_false(event: dict[str, Any]) -> None:
    rules = [
        replace(PLAIN, name=f"{field}-{number}", when=compiled(f"event.{field} == {literal}"))
        for field in TEXT_FIELDS
        for number, literal in enumerate(('"a"', '"a?"', '"é"', "null"))
    ]
    candidates = {one.rule.name for one in RuleSet(rules).candidates("BOOKING_CREATED", partial(said, event))}

    true = {one.name for one in rules if one.when is not None and _true(one.when, event)}
    assert candidates == true


def _true(asked: Expression, event: Mapping[str, Any]) -> bool:
    return replace(asked, needs={}).holds(bind(event, now=NOW))
