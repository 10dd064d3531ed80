from __future__ import annotations

import json
import time
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.workers.rules.fakes import ENTRY, EVENT, NOW
from workers.rules.expressions import (
    Bindings,
    Broken,
    Expression,
    Template,
    Unresolved,
    bind,
    condition,
    expression,
    template,
)
from workers.rules.kinds import UNKNOWN
from workers.rules.scope import scope

RUN = {"entry": ENTRY, "any": {}, "list": {"type": "array", "items": ENTRY}}


def compiled(value: Any) -> Template:
    made, wrong = template(value, scope(run=RUN))
    assert wrong == []
    return made


def given_by(value: Any, event: Any = EVENT, **run: Any) -> Any:
    return compiled(value).evaluate(bind(event, run, now=NOW))


def test_a_whole_expression_keeps_its_type_and_within_text_becomes_text() -> None:
    value = {"id": "${{ event.organizer.id }}", "text": ["user ${{ event.organizer.id }}: ${{ event.title }}!"], "n": 5}

    assert given_by(value) == {"id": 41, "text": ["user 41: Time off!"], "n": 5}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("event.start", "2027-01-02T09:00:00.500Z"),
        ("now", "2027-01-01T12:00:00Z"),
        ('event.start - duration("1h")', "2027-01-02T08:00:00.500Z"),
        ("event.title", "Time off"),
        ("event.notes", None),
        ("event.booking.seat", None),
        ("event.event_type.id", None),
        ("event.attendees.map(a, a.email)", ["bob@b.org"]),
        ("event.attendees[0].no_show", True),
        ("event.payload.price", 12.5),
        ("event.payload.count", 3),
        ("event.payload.tags", ["a", "b"]),
        ("event.payload.?nothing.orValue('else')", "else"),
        ("event.payload", EVENT["payload"]),
        ("{'a': event.organizer.id, 1: [now]}", {"a": 41, "1": ["2027-01-01T12:00:00Z"]}),
        ("has(event.end)", False),
        ("has(event.start)", True),
        ("has(event.event_type)", False),
        ("event.organizer.email.split('@')[1].upperAscii()", "ACME.COM"),
        ("' a '.trim() + 'abc'.replace('b', 'x') + ['y', 'z'].join('-') + 'abc'.substring(1)", "aaxcy-zbc"),
        ("string(event.start).substring(0, 10)", "2027-01-02"),
        ("event.start.dayIn('Asia/Tokyo')", "2027-01-02"),
        ("timestamp('2026-06-30T15:00:00Z').dayIn('Asia/Tokyo')", "2026-07-01"),
        ("timestamp('2026-07-04T03:59:59Z').dayIn('America/New_York')", "2026-07-03"),
        ("timestamp('2026-06-30T18:30:00Z').dayIn('+05:30')", "2026-07-01"),
        ("timestamp('2026-07-01T02:00:00Z').dayIn('-03:00')", "2026-06-30"),
        ("now.dayIn('UTC')", "2027-01-01"),
        ("'é𝒳'", "é𝒳"),
        ("{'a}}': '}}'}", {"a}}": "}}"}),
        ("{'a': {'b': 1}}", {"a": {"b": 1}}),
        ("math.greatest(1, 2)", 2),
        ("event.hosts + event.attendees == event.hosts", False),
    ],
)
def test_an_expression_gives_plain_json(expression: str, value: Any) -> None:
    assert given_by("${{ " + expression + " }}") == value


def test_a_duration_is_given_as_text_where_one_may_stand() -> None:
    made, wrong = template("${{ duration('90m') }}", scope(), spans=True)

    assert (wrong, made.evaluate(bind(EVENT, now=NOW))) == ([], "5400s")


def test_the_whole_event_is_given_with_every_field_that_events_have() -> None:
    found = given_by("${{ event }}")

    assert found["payload"] == EVENT["payload"]
    assert found["organizer"] == {**EVENT["organizer"], "username": None, "no_show": None}
    assert (found["event_type"], found["end"], found["received_at"]) == (None, None, "2027-01-01T00:00:00Z")
    assert set(found) == set(EVENT)


def test_null_is_nothing_within_text_unless_that_would_be_dangerous() -> None:
    text = "seat-${{ event.booking.seat }}"

    assert given_by(text) == "seat-"
    with pytest.raises(Unresolved, match=r"event\.booking\.seat is null"):
        template(text, scope(), strict=True)[0].evaluate(bind(EVENT, now=NOW))


def test_a_dollar_more_is_text() -> None:
    assert given_by("a $${{ b }} ${{ 1 }}") == "a ${{ b }} 1"


NINE = "[1, 2, 3, 4, 5, 6, 7, 8, 9]"
LONG = f"{NINE}.map(a, {NINE}.map(b, {NINE}.map(c, {NINE}.map(d, {NINE}.map(e, e)))))"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("event.end", "an instant or an output that it names is not there; has(…) tells whether one is"),
        ("event.end < now", "an instant or an output that it names is not there; has(…) tells whether one is"),
        ("event.payload.nope", 'Key not found in map : "nope"'),
        ("event.payload.deep.er.est", "Applying SELECT to non-message type"),
        ("event.attendees[1].name", "Index error: index=1 size=1"),
        ("event.notes.size()", "No matching overloads found : (null_type).size()"),
        ("1 / 0", "divide by zero"),
        ("1.0 / 0.0", "it gives inf, which is no JSON"),
        ("0.0 / 0.0", "it gives nan, which is no JSON"),
        ("9223372036854775807 + event.organizer.id", "integer overflow"),
        ("[optional.of(1)]", "it gives a value that may not be there; end it with .orValue(…)"),
        ("{'a': 1, 'a': 2}", "duplicate key in map"),
        ("event.start.dayIn('Mars/Olympus')", "there is no such time zone"),
        ("event.start.dayIn('../../../../etc/passwd')", "there is no such time zone"),
        ("event.start.dayIn('America')", "there is no such time zone"),
        ("event.start.dayIn('')", "there is no such time zone"),
        ("event.start.dayIn('+99:00')", "there is no such time zone"),
        ("timestamp('9999-12-31T23:00:00Z').dayIn('Asia/Tokyo')", "there is no such day"),
        ("'a'.substring(2)", "there is no substring from 2 to 1 in a text of 1 characters"),
        (LONG, "it takes too many steps"),
    ],
)
def test_an_expression_without_a_value_says_why(expression: str, reason: str) -> None:
    with pytest.raises(Unresolved) as caught:
        given_by("${{ " + expression + " }}")

    assert caught.value.reason.endswith(f": {reason}")


def test_outputs_of_steps_are_of_their_promised_shape() -> None:
    entry = {"id": 7, "price": 3, "user": {"name": "Ada"}, "days": [{"day": "mo"}, {"day": None}]}

    assert given_by("${{ run.entry.id + 1 }}", entry=entry) == 8
    assert given_by("${{ run.entry.price * 1.5 }}", entry=entry) == 4.5
    assert given_by("${{ run.entry.uuid }}", entry=entry) is None
    assert given_by("${{ run.entry.days.map(d, d.day) }}", entry=entry) == ["mo", None]
    assert given_by("${{ run.any.x.y }}", any={"x": {"y": [1]}}) == [1]
    assert given_by("${{ run.list[1].id }}", list=[{}, {"id": 9}]) == 9
    assert given_by("${{ run.entry }}", entry=entry)["user"] == {"name": "Ada"}


def test_an_output_of_another_shape_is_seen_as_it_is() -> None:
    assert given_by("${{ run.entry.id }}", entry={"id": "seven", "more": 1}) == "seven"
    assert given_by("${{ run.entry }}", entry=[1]) == [1]
    assert given_by("${{ run.entry }}", entry=None) is None


def test_a_step_without_an_output_can_be_asked_for() -> None:
    assert given_by("${{ has(run.entry) ? run.entry.id : -1 }}") == -1
    with pytest.raises(Unresolved, match="is not there"):
        given_by("${{ run.entry.id }}")


def test_a_condition_may_stand_in_braces_and_is_true_or_false() -> None:
    bindings = bind(EVENT, now=NOW)

    assert condition("${{ event.type == 'time-off' }} ", scope()).holds(bindings)
    assert not condition("event.type == 'x'", scope()).holds(bindings)
    with pytest.raises(Unresolved, match="it gives neither true nor false"):
        condition("event.payload.count", scope()).holds(bindings)
    with pytest.raises(Broken, match="a condition is one expression"):
        condition("${{ true }} && ${{ true }}", scope())


def test_an_expression_whose_value_is_missing_stays_as_written_in_a_preview() -> None:
    value, reasons = compiled(["${{ event.title }}", "id ${{ run.entry.id }}"]).preview(bind(EVENT, now=NOW))

    assert value == ["Time off", "id ${{ run.entry.id }}"]
    assert [reason.partition(":")[0] for reason in reasons] == ["run.entry.id"]


def test_a_long_text_goes_into_text_and_too_long_a_one_does_not() -> None:
    notes = {**EVENT, "notes": "x" * 200_000}

    assert len(given_by("a ${{ event.notes }} b", notes)) == 200_004
    with pytest.raises(Unresolved, match="a text longer than 1,000,000 characters"):
        given_by("${{ event.notes }}" * 6, notes)
    with pytest.raises(Unresolved, match="a text longer than 1,000,000 characters"):
        given_by("${{ event.notes + event.notes + event.notes + event.notes + event.notes + event.notes }}", notes)


@pytest.mark.parametrize(
    "expression", ["event.notes.replace('x', event.notes)", "['a', 'b'].map(a, event.notes).join(event.notes)"]
)
def test_a_payload_cannot_make_a_function_fill_the_memory(expression: str) -> None:
    with pytest.raises(Unresolved, match="the text would be longer than 1,000,000 characters"):
        given_by("${{ " + expression + " }}", {**EVENT, "notes": "x" * 400_000})


MANY = {"items": [f"a{number}" for number in range(9_000)], "text": "b" * 900_000}


@pytest.mark.parametrize(
    "expression",
    [
        "event.payload.items.all(i, !event.payload.text.contains(i))",
        "event.payload.items.exists(i, event.payload.text.matches('(b|c|d)*a' + string(i)))",
        "event.payload.items.all(i, event.payload.items == event.payload.items)",
        "event.payload.items.all(i, size(event.payload.items + event.payload.items) > 0)",
        "event.payload.items.exists_one(i, event.payload.text.lowerAscii() == i)",
        "event.payload.items.map(i, event.payload.text)",
        "event.payload.items.filter(i, i != '')",
        "event.payload.items.map(i, i != '', i)",
        "cel.bind(t, event.payload.text, event.payload.items.all(i, !t.matches('(b|c|d)*a' + string(i))))",
        "event.attendees.all(a, event.attendees.all(b, a.email != event.notes && b.email != event.notes))",
    ],
)
def test_a_large_payload_cannot_make_a_loop_run_long_or_fill_the_memory(expression: str) -> None:
    person = {"name": "Ada", "email": "ada@example.com", "time_zone": None}
    event = {**EVENT, "payload": MANY, "notes": "x" * 900_000, "attendees": [person] * 1_000}
    before, began = psutil.Process().memory_info().rss, time.thread_time()

    with pytest.raises(Unresolved, match="it takes too many steps"):
        given_by("${{ " + expression + " }}", event)
    assert time.thread_time() - began < 5
    assert psutil.Process().memory_info().rss - before < 600_000_000


def test_a_binding_cannot_double_a_text_or_a_list_without_end() -> None:
    def doubled(first: str) -> str:
        inner = "size(a12)"
        for number in range(12, 0, -1):
            inner = f"cel.bind(a{number}, a{number - 1} + a{number - 1}, {inner})"
        return "${{ cel.bind(a0, " + first + ", " + inner + ") }}"

    assert given_by(doubled("'x'")) == 2**12
    with pytest.raises(Unresolved, match=r"what cel\.bind names would be longer than 1,000,000"):
        given_by(doubled("event.notes"), {**EVENT, "notes": "x" * 900_000})
    with pytest.raises(Unresolved, match=r"what cel\.bind names would be longer than 100,000"):
        given_by(doubled("event.payload.items"), {**EVENT, "payload": MANY})
    with pytest.raises(Broken, match=r"the expression has over 30 times \+"):
        expression("+".join(["event.notes"] * 32), scope())


def test_a_loop_over_long_texts_gives_what_it_should() -> None:
    people = [{"email": f"p{number}@example.com", "bio": "x" * 1_000} for number in range(900)]
    event = {**EVENT, "notes": "x" * 200_000 + "needle", "payload": {"people": people, "maybe": None}}

    assert given_by("${{ event.attendees.all(a, event.notes.contains('needle') && a.email != '') }}", event) is True
    assert given_by("${{ event.payload.people.filter(p, p.email.startsWith('p899'))[0].email }}", event) == (
        "p899@example.com"
    )
    assert given_by("${{ [1, 2, 3].map(i, i != 2, [i, 0].exists(j, // a, (\n j == 3)) }}") == [False, True]
    assert given_by("${{ cel.bind(t, event.payload.none.text, has(event.payload.none) ? t : 'no') }}", event) == "no"
    assert given_by("${{ cel.bind(e, event, e.notes.size()) }}", event) == 200_006


def test_a_pattern_that_backtracks_elsewhere_ends_at_once() -> None:
    assert given_by("${{ event.notes.matches('^(a+)+$') }}", {**EVENT, "notes": "a" * 100_000 + "!"}) is False


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"a": list(range(20_000))}, "the event has more than 10,000 values, too many for expressions"),
        ({"a": "x" * 1_000_001}, "the event has more than 1,000,000 characters, too many for expressions"),
        ({"a": 10**400}, "the event has a number of over 300 digits, too large for expressions"),
    ],
)
def test_a_payload_too_large_for_expressions_is_no_matter_to_those_that_do_not_name_it(
    payload: Any, reason: str
) -> None:
    event = {**EVENT, "payload": payload}

    with pytest.raises(Unresolved, match=reason):
        given_by("${{ event.payload.b }}", event)
    assert given_by("${{ event.title }}", event) == "Time off"


def test_a_payload_nested_too_deeply_is_no_matter_to_other_expressions() -> None:
    payload: Any = {}
    for _ in range(5_000):
        payload = {"a": payload}
    bindings = bind({**EVENT, "payload": payload}, now=NOW)

    with pytest.raises(Unresolved, match="nested more than 30 levels deep"):
        compiled("${{ event.payload.a }}").evaluate(bindings)
    assert compiled("${{ event.title }}").evaluate(bindings) == "Time off"


def test_the_deepest_payload_that_is_seen_is_given_whole() -> None:
    payload: Any = {}
    for _ in range(29):
        payload = {"a": [payload]} if payload else {"a": 1}

    with pytest.raises(Unresolved, match="nested more than 30 levels deep"):
        given_by("${{ event.payload }}", {**EVENT, "payload": payload})
    for _ in range(14):
        payload = payload["a"][0]
    assert given_by("${{ event.payload }}", {**EVENT, "payload": payload}) == payload


def test_half_a_character_in_an_event_is_mended() -> None:
    assert given_by("${{ event.title }}", {**EVENT, "title": "a\ud800b"}) == "a?b"
    assert given_by("${{ event.payload.a }}", {**EVENT, "payload": {"a": "\udfff"}}) == "?"


def test_an_event_that_is_not_of_an_events_shape_has_no_value() -> None:
    with pytest.raises(Unresolved, match="the event is not of the shape that events have: not an instant"):
        given_by("${{ event.start }}", {**EVENT, "start": "soon"})


def test_bindings_give_what_later_expressions_name_too() -> None:
    bindings = bind(EVENT, now=NOW)

    assert [
        compiled("${{ event." + name + " }}").evaluate(bindings) for name in ("title", "type", "payload.count")
    ] == [
        "Time off",
        "time-off",
        3,
    ]


def test_an_event_named_in_a_literal_or_bound_to_another_name_is_seen_whole() -> None:
    assert given_by("${{ cel.bind(e, event, e.title) + 'event.x' }}") == "Time offevent.x"
    assert given_by("${{ event . title }}") == "Time off"
    assert given_by("${{ event\n  .title // event\n }}") == "Time off"


HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**330), 10**330)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=10)
    | st.sampled_from(["\x00", "x" * 100_000, "2027-01-01T00:00:00Z", "${{ event.id }}", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from("abc") | st.text(st.characters(exclude_categories=[]), max_size=3), inner, max_size=4
        )
    ),
    max_leaves=30,
)
OF_PAYLOADS = [
    compiled(text)
    for text in (
        "${{ event.payload }}",
        "${{ event }}",
        "${{ event.payload.a }} and ${{ event.payload.b }}",
        "${{ event.payload.a + event.payload.b }}",
        "${{ event.payload.a.map(x, x.b) }}",
        "${{ event.payload.a.exists(x, x in event.payload.b) }}",
        "${{ event.payload.?a[?0].orValue(1) }}",
        "${{ string(event.payload.a) }}",
        "${{ int(event.payload.a) }}",
        "${{ timestamp(event.payload.a) - duration('1h') }}",
        "${{ event.payload.a.replace(event.payload.b, event.payload.c) }}",
        "${{ event.payload.a.split(event.payload.b) }}",
        "${{ event.payload.a.matches(event.payload.b) }}",
        "${{ {event.payload.a: 1} }}",
        "${{ event.payload.a < event.payload.b ? event.payload.c : 1.5 }}",
        "${{ run.any.a }} ${{ run.entry.id }}",
        "${{ run.list.map(x, x.id) }}",
    )
]


def outcome(made: Template, bindings: Bindings) -> tuple[Any, str]:
    """The value, or UNKNOWN and the reason."""
    try:
        return made.evaluate(bindings), ""
    except Unresolved as error:
        return UNKNOWN, error.reason


@settings(max_examples=200)
@given(HOSTILE, HOSTILE)
def test_whatever_a_payload_or_an_output_holds_an_expression_gives_json_or_says_why_not(
    payload: Any, output: Any
) -> None:
    event = {**EVENT, "payload": payload if isinstance(payload, dict) else {"a": payload}}
    bindings = bind(event, {"any": output, "entry": output, "list": output}, now=NOW)
    for made in OF_PAYLOADS:
        value, reason = outcome(made, bindings)

        assert 0 < len(reason) < 500 if value is UNKNOWN else json.loads(json.dumps(value, allow_nan=False)) == value


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(EVENT, HOSTILE)))
def test_whatever_an_event_is_an_expression_gives_json_or_says_why_not(event: Any) -> None:
    bindings = bind(event, now=NOW)
    for field in EVENT:
        value, reason = outcome(compiled("${{ event." + field + " }}"), bindings)

        assert reason if value is UNKNOWN else json.dumps(value, allow_nan=False)


def test_an_expression_says_what_it_is() -> None:
    made = condition("event.type == 'a'", scope())

    assert (made.text, made.type, *made.fields) == ("event.type == 'a'", "BOOL", "type")
    assert isinstance(made, Expression)
