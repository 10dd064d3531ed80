from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.rules.fakes import KINDS, faults, marked, rule
from workers.retries import Retry
from workers.rules.load import LARGEST, Fault, read_text

WHOLE = """\
rules:
  - name: time-off
    description: blocks the calendar
    on: [BOOKING_CREATED]
    connection: acme
    when: event.type == "time-off"
    once_per: ${{ event.booking.uid }}
    entity: host-${{ event.organizer.id }}
    dry_run: true
    allow_echo: true
    do:
      - id: ooo
        tool: entry
        with: {userId: "${{ event.organizer.id }}", reason: vacation}
        if: has(event.start)
        retry: {attempts: 3, first: 90s, longest: 1h}
        on_error: continue
        connection: other
      - wait: ${{ event.start - duration("1h") }}
      - stop: entry ${{ run.ooo.id }}
    undo:
      on: [BOOKING_CANCELLED, BOOKING_REJECTED]
      when: event.status != "x"
      do:
        - id: gone
          tool: entry
          with: {oooId: "${{ run.ooo.id }}"}
        - stop: ${{ undo.gone.uuid }} of ${{ run.ooo.user.name }}
"""


def within(key: str, value: str) -> str:
    """A rule file with one more key."""
    return f"rules:\n  - name: a\n    on: [PING]\n    {key}: {value}\n    do: [{{stop: x}}]\n"


def doing(*steps: str) -> str:
    """A rule file with these steps."""
    return "rules:\n  - name: a\n    on: [PING]\n    do:\n" + "".join(f"      - {step}\n" for step in steps)


def test_a_rule_is_read_with_all_its_keys() -> None:
    found = rule(WHOLE)

    assert (found.name, found.description, found.connection) == ("time-off", "blocks the calendar", "acme")
    assert (found.file, found.line, sorted(found.on)) == ("rule.yaml", 2, ["BOOKING_CREATED"])
    assert (found.dry_run, found.allow_echo) == (True, True)
    assert [(step.id, step.kind) for step in found.steps] == [("ooo", "tool"), ("step2", "wait"), ("step3", "stop")]
    assert found.steps[0].retry == Retry(attempts=3, first=90.0, longest=3600.0)
    assert (found.steps[0].on_error, found.steps[0].connection) == ("continue", "other")
    assert found.undo is not None
    assert found.undo.on == {"BOOKING_CANCELLED", "BOOKING_REJECTED"}
    assert [step.id for step in found.undo.steps] == ["gone", "step2"]


def test_what_a_rule_does_not_say_has_a_default() -> None:
    found = rule(doing("stop: x"))

    assert (found.description, found.connection, found.when, found.entity, found.undo) == ("", None, None, None, None)
    assert (found.dry_run, found.allow_echo) == (False, False)
    assert (found.steps[0].retry, found.steps[0].on_error, found.steps[0].condition) == (Retry(), "stop", None)


TYP = 'event has no field "typ"; did you mean "type"?'
NO_RUN = "run is not known here: it has the outputs of earlier steps, and there is none"


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        (within("when", "event.typ == 'a'"), "typ", TYP),
        (within("when", '"event.typ == 1"'), "typ", TYP),
        (within("when", "'event.type == ''a'' && event.typ == 1'"), "typ", TYP),
        (within("when", '"event.type == \\"\\u00e9\\" && event.typ"'), 'typ"', TYP),
        (within("when", "event.title == 'é𝒳' && event.typ == 1"), "typ", TYP),
        (within("when", "true &&\n      false &&\n\n      event.typ == 1"), "typ", TYP),
        (within("when", "|\n      true &&\n\n        event.typ == 1"), "typ", TYP),
        (within("when", ">-\n      true\n      && event.typ == 1"), "typ", TYP),
        (within("when", "${{ event.typ == 1 }}"), "typ", TYP),
        (within("when", "event.attendees[0].nme == 'a'"), "nme", 'a person has no field "nme"; did you mean "name"?'),
        (
            within("when", "event.attendees.exists(a, a.nme == 'a')"),
            "nme",
            'a person has no field "nme"; did you mean "name"?',
        ),
        (within("when", "event.booking.id2 == 1"), "id2", 'event.booking has no field "id2"; did you mean "id"?'),
        (within("when", "evnt.type == 'a'"), "evnt.type", 'there is no "evnt" here; did you mean "event"?'),
        (
            within("when", "event.type.startWith('a')"),
            "startWith('a')",
            'there is no function "startWith"; did you mean "startsWith"?',
        ),
        (within("when", "event.type"), "event.type", "a condition must be true or false; this is string"),
        (within("when", "event.organizer"), "event.organizer", "a condition must be true or false; this is an object"),
        (within("when", "1"), "1", "when must be an expression, not a number"),
        (within("when", "event.start == null"), "event.start", "event.start is never null; write !has(event.start)"),
        (
            within("when", "event.booking != null"),
            "event.booking",
            "event.booking is never null; write has(event.booking)",
        ),
        (within("when", "event.type == 1"), "==", "`==` does not take (string, int)"),
        (within("when", "event.start > 'a'"), ">", "`>` does not take (instant, string)"),
        (within("when", "run.a == 1"), "run.a", NO_RUN),
        (
            within("once_per", "${{ now }}"),
            "now",
            "now is not known here: the same event is the same occasion at any time",
        ),
        (
            within("once_per", "event.id"),
            "event.id",
            "once_per must have an expression in it, like ${{ event.booking.uid }}",
        ),
        (within("entity", "host"), "host", "entity must have an expression in it, like ${{ event.booking.uid }}"),
        (within("once_per", "a ${{ event.id"), "${{", "the expression that begins here is not closed: }} is missing"),
        (
            within("once_per", "${{ duration('1h') }}"),
            "duration('1h')",
            "a duration cannot stand here; make it a text with string(…)",
        ),
        (
            within("once_per", "${{ event.payload.?a }}"),
            "event.payload.?a",
            "it gives a value that may not be there; end it with .orValue(…)",
        ),
        (within("once_per", "${{ }}"), "}}", "there is no expression"),
        (within("wen", "true"), "wen:", 'a rule has no key "wen"; did you mean "when"?'),
        (within("dry_run", "yes"), "yes", "dry_run must be true or false, not text"),
        (within("connection", "12"), "12", "connection must be text, not a number; quotes make it text"),
        (
            within("connection", "${{ event.id }}"),
            "${{",
            "connection cannot have an expression in it: it must be known before any event",
        ),
        (within("name", "b"), "name:", 'the key "name" stands twice in the same mapping'),
        (
            within("undo", "{on: [PING], do: [{stop: x}]}"),
            "{on:",
            "undo needs once_per beside it: by it the event finds the run that it takes back",
        ),
        (
            doing("stop: x").replace("PING", "BOOKING_CREATE"),
            "BOOKING_CREATE]",
            'there is no trigger "BOOKING_CREATE"; did you mean "BOOKING_CREATED"?',
        ),
        (doing("stop: x").replace("[PING]", "[]"), "[]", "on must not be empty"),
        (doing("stop: x").replace("name: a", "name: A b"), "A", "name must be small letters, digits and -, at most 64"),
        (doing("tol: x"), "tol:", 'a step needs one of tool, http, wait, stop, not "tol"; did you mean "tool"?'),
        (doing("id: x"), "id:", "a step needs one of tool, http, wait, stop"),
        (doing("stop"), "stop", "a step must be a mapping with one of tool, http, wait, stop"),
        (doing("{stop: x, wait: 1h}"), "wait:", "a step does one thing: stop or wait; make it two steps"),
        (doing("{tool: x, wiht: {}}"), "wiht:", 'a tool step has no key "wiht"; did you mean "with"?'),
        (doing("tool: refused"), "tool:", "this tool is refused"),
        (doing("{tool: x, with: {wrong: 1}}"), "wrong:", "wrong is no parameter"),
        (doing("http: 3"), "http:", "http: 3 is not of type 'string'"),
        (doing("{http: x, method: GET}"), "method:", "method: 'GET' is not one of ['POST', 'PUT']"),
        (doing("{http: x, headers: {a: 1}}"), "a:", "headers: 1 is not of type 'string'"),
        (doing("{stop: x, id: A}"), "A}", "id must be a name of small letters, digits and _, a letter first"),
        (
            doing("{stop: x, id: a}", "{stop: x, id: a}"),
            "a}",
            'there is a step "a" before this one; give it another id',
        ),
        (
            doing("{stop: x, id: step2}", "stop: x"),
            "stop:",
            'there is a step "step2" before this one; give it another id',
        ),
        (
            doing("{stop: x, on_error: contine}"),
            "contine}",
            'on_error must be stop or continue; did you mean "continue"?',
        ),
        (doing("{stop: x, retry: {attempts: 0}}"), "0}}", "attempts must be a number from 1 to 100"),
        (
            doing("{stop: x, retry: {first: 10}}"),
            "10}}",
            "first must be a duration of at least a second, like 90s, 10m or 1h30m",
        ),
        (doing("{stop: x, retry: {first: 2h, longest: 1h}}"), "1h}}", "longest must not be shorter than first"),
        (
            doing("wait: ${{ event.organizer.id }}"),
            "event.organizer.id",
            "a duration or an instant belongs here; this is int",
        ),
        (doing("stop: ${{ run.step1 }}"), "run.step1", NO_RUN),
        (doing("{tool: entry, id: a}", "stop: ${{ run.b.id }}"), "b.id", 'run has no step "b"; there is a'),
        (
            doing("{tool: entry, id: a}", "stop: ${{ run.a.uid }}"),
            "uid",
            'run.a has no field "uid"; did you mean "uuid"?',
        ),
        (
            doing("{tool: entry, id: a}", "stop: ${{ run.a.user.nam }}"),
            "nam",
            'run.a.user has no field "nam"; did you mean "name"?',
        ),
        (
            doing("{tool: entry, id: a}", "stop: ${{ run.a.days[0].dy }}"),
            "dy",
            'an item of run.a.days has no field "dy"; did you mean "day"?',
        ),
        (doing("{tool: entry, id: a}", "stop: ${{ run }}"), "run", "name one of its steps: run.<step id>"),
        (doing("{tool: entry, id: a}", "stop: ${{ undo.a }}"), "undo.a", NO_RUN.replace("run", "undo")),
    ],
)
def test_a_fault_stands_at_the_very_character_and_says_what_would_be_right(text: str, at: str, message: str) -> None:
    assert marked(text) == [(at, message)]


def test_steps_of_undo_see_the_run_they_take_back_and_their_own() -> None:
    text = WHOLE.replace("undo.gone.uuid", "undo.gone.uid").replace("run.ooo.user.name", "run.ooo.usr.name")

    assert [message for _, message in marked(text)] == [
        'undo.gone has no field "uid"; did you mean "uuid"?',
        'run.ooo has no field "usr"; did you mean "user"?',
    ]


def test_all_faults_of_a_file_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = (
        within("wen", "1") + "  - name: b\n    on: [PONG]\n    do:\n      - stop: ${{ event.typ }} ${{ event.idd }}\n"
    )

    assert [(fault.line, fault.column) for fault in faults(text)] == [(4, 5), (7, 10), (9, 25), (9, 42)]


def test_a_fault_reads_like_a_compilers() -> None:
    assert str(Fault("a/b.yaml", 3, 14, "no")) == "a/b.yaml:3:14: no"


def test_sound_rules_of_a_file_are_there_beside_broken_ones() -> None:
    rules, found = read_text(doing("stop: x") + "  - name: b\n", "rule.yaml", KINDS)

    assert [rule.name for rule in rules] == ["a"]
    assert [fault.message for fault in found] == ['a rule needs the key "on"', 'a rule needs the key "do"']


def test_a_name_is_taken_once_in_a_file() -> None:
    text = doing("stop: x") + doing("stop: y").removeprefix("rules:\n")

    assert marked(text) == [("a", 'there is a rule "a" already, in line 2')]


@pytest.mark.parametrize("trigger", ["daybook.run_dead", "OOO_DELETED"])
def test_triggers_of_our_own_are_heard_as_cal_coms_are(trigger: str) -> None:
    assert rule(doing("stop: x").replace("PING", trigger)).on == {trigger}


def test_a_single_trigger_needs_no_list() -> None:
    assert rule(doing("stop: x").replace("[PING]", "PING")).on == {"PING"}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in ("ab", "bc", "cd", "de")
)


#: an expression of 4,000 characters, named again and again
LONG_BOMB = f"a: &a ['{'x' * 4_000}']\n" + "b: [" + "*a," * 300 + "]"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", (1, 1), "the file is empty; a rule file has the key rules with a list of rules"),
        ("# rules", (1, 1), "the file is empty; a rule file has the key rules with a list of rules"),
        ("rules: x", (1, 8), "rules must be a list, not text"),
        ("\ufeffrules: x", (1, 8), "rules must be a list, not text"),
        ("- a", (1, 1), "a rule file must be a mapping, not a list"),
        ("rules:\n - 3", (2, 4), "a rule must be a mapping, not a number"),
        ("rules: [", (1, 9), "did not find expected node content"),
        ("rules:\n\t- a", (2, 1), "a tab stands where YAML takes blanks only; replace it by blanks"),
        ("rules: []\n---\nrules: []", (2, 1), "a second document begins here; a rule file is one"),
        ("rules: &a [*a]", (1, 12), "there is no anchor &a before this alias"),
        (
            "rules: !!python/name:os.system x",
            (1, 8),
            "the tag tag:yaml.org,2002:python/name:os.system has no meaning here; leave it out",
        ),
        ("rules: [{<<: {}}]", (1, 10), "keys cannot be merged with <<; write them out"),
        ("rules: [{[a]: b}]", (1, 10), "a key must be text"),
        ("é𝒳: \a", (1, 5), "there is a character here that YAML does not allow"),
        ("[" * 100_000, (1, 66), "nested more than 64 levels deep"),
        (
            "a: {b: ${{ x }} }",
            (1, 9),
            "did not find expected ',' or '}'; a value with ${{ }} in it may need quotes: \"${{ … }}\"",
        ),
        (BOMB, (5, 17), "more than 50,000 values in one file, aliases counted as often as used"),
        (LONG_BOMB, (2, 749), "more than 1,000,000 characters in one file, aliases counted as often as used"),
        ("x" * (LARGEST + 1), (1, 1), "the file has over 1,000,000 characters; make it several"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_rule_file_is_a_fault(text: str, place: tuple[int, int], message: str) -> None:
    assert [(fault.line, fault.column, fault.message) for fault in faults(text)] == [(*place, message)]


def test_an_expression_may_have_4000_characters() -> None:
    longest = "true || " + "x" * 3_992

    assert "4,000" not in faults(within("when", longest))[0].message
    assert faults(within("when", longest + "x"))[0].message == "the expression has 4,001 characters; 4,000 is the most"


def test_an_expression_nested_too_deeply_is_a_fault() -> None:
    assert [fault.message for fault in faults(within("when", "(" * 60 + "true" + ")" * 60))] == [
        "the expression is nested too deeply: at most 32 levels; make it of shorter ones"
    ]


def test_anchors_and_aliases_are_for_use() -> None:
    text = "rules:\n  - name: a\n    on: &on [PING]\n    do: &do [{stop: x}]\n  - {name: b, on: *on, do: *do}\n"

    rules, found = read_text(text, "rule.yaml", KINDS)

    assert (found, [(rule.name, *rule.on) for rule in rules]) == ([], [("a", "PING"), ("b", "PING")])


def test_equal_rules_are_one_version_whatever_their_comments_and_quotes() -> None:
    text = doing("{stop: x}")
    same = "# said otherwise\n" + text.replace("name: a", 'name: "a"  # a').replace("{stop: x}", "stop: 'x'")

    assert rule(text).digest == rule(same).digest
    assert rule(text).digest != rule(text.replace("stop: x", "stop: y")).digest


def test_a_rules_source_is_a_rule_file_of_its_own_and_the_same_version() -> None:
    found = rule(WHOLE)

    again = rule(found.source)

    assert (again.digest, again.source) == (found.digest, found.source)
    assert again.steps == found.steps


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t :#-?!&*'\"|>%@`{}[],"), max_size=12
    )
    | st.sampled_from(
        ["yes", "on", "~", "2026-01-01", "0o17", "1e3", "12:30", "0x1f", ".5", "null", "1_000", "=", "<<"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_value_of_a_step_is_in_the_rules_source_as_it_is(value: object) -> None:
    text = doing("http: x") + f"        body: {_json(value)}\n"
    rules, found = read_text(text, "rule.yaml", KINDS)
    if found:
        assert all("expression" in fault.message or "<<" in fault.message for fault in found)
        return

    again = rule(rules[0].source)

    assert again.steps == rules[0].steps
    assert again.digest == rules[0].digest


@given(st.text(st.sampled_from("rules:\n -{}[]\"'|>&*!%@`#,?${}}abc\t0é\x00\ud800"), max_size=60))
def test_any_text_is_rules_or_faults(text: str) -> None:
    for each in (text, f"rules: {text}", within("when", text), doing(text)):
        rules, found = read_text(each, "rule.yaml", KINDS)

        assert rules or found or each.startswith("rules")
        assert all(fault.line >= 1 and fault.column >= 1 for fault in found)


@given(st.text(st.sampled_from("event.typ()[]{}\"'\\+-*/?:&|!<>= 01,nr#\nbé"), max_size=40))
def test_any_text_is_an_expression_or_a_fault(text: str) -> None:
    quoted = _json(text)

    read_text(within("when", quoted), "rule.yaml", KINDS)
    read_text(within("once_per", _json("${{" + text + "}}")), "rule.yaml", KINDS)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_no_message_is_longer_than_people_read() -> None:
    found = faults(within("x" * 1_000, "1"))[0].message

    assert (len(found), found[-1]) == (500, "…")


def test_a_text_has_a_bounded_number_of_expressions() -> None:
    assert faults(doing(f"stop: {'${{ 1 }}' * 200}")) == []
    assert [message for _, message in marked(doing(f"stop: {'${{ 1 }}' * 201}"))] == [
        "the text has too many expressions; make one expression of them, or several texts"
    ]


def test_a_connection_is_one_line_of_text() -> None:
    assert marked(within("connection", r'"a\0b"')) == [(r'"a\0b"', "connection must be one line of text")]
