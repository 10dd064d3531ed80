from __future__ import annotations

import pytest

from tests.unit.workers.rules.fakes import EVENT, KINDS, NOW, rule
from workers.rules import allowance
from workers.rules.allowance import Spent
from workers.rules.decide import decide
from workers.rules.expressions import Unresolved, bind, expression
from workers.rules.load import read_text
from workers.rules.ruleset import RuleSet
from workers.rules.scope import scope

SPENT = "it takes too many steps together with other expressions; make loops shorter or fewer"
LOOP = "[1, 2, 3].all(i, i > 0)"
LONG = {**EVENT, "notes": "x" * 20_000}
TEXTS = [
    "event.notes.lowerAscii() == ''",
    "event.notes.upperAscii() == ''",
    "event.notes.replace('a', 'b') == ''",
    "event.notes.split(',').size() == 0",
    "[event.notes].join() == ''",
]


def reason(text: str) -> str | None:
    try:
        expression(text, scope()).evaluate(bind(LONG, now=NOW))
    except Unresolved as error:
        return error.reason
    return None


def test_when_the_time_for_all_is_over_nothing_is_evaluated_any_more() -> None:
    with allowance.for_all(-1.0):
        assert [reason(text) for text in ("1", LOOP, *TEXTS)] == [SPENT] * 7
    assert [reason(text) for text in ("1", LOOP, *TEXTS)] == [None] * 7


def test_when_the_time_for_dear_ones_is_over_simple_expressions_still_have_their_values() -> None:
    with allowance.for_dear(-1.0):
        assert [reason(text) for text in (LOOP, *TEXTS)] == [SPENT] * 6
        assert [reason(text) for text in ("1", "event.title.lowerAscii()")] == [None, None]
    assert reason(LOOP) is None


def test_a_loop_that_began_in_time_ends_when_the_time_is_over() -> None:
    loops = "true"
    for name in "abcde":
        loops = f"[1, 2, 3, 4, 5, 6, 7, 8, 9].all({name}, {loops})"
    with allowance.for_dear(0.01):
        assert reason(loops) == SPENT


def test_an_allowance_within_another_makes_it_no_longer() -> None:
    with allowance.for_all(-1.0), allowance.for_all(60.0), allowance.for_dear(60.0):
        assert reason("1") == SPENT
        with pytest.raises(Spent):
            allowance.ask()
    allowance.ask()


def test_rules_whose_loops_come_too_late_for_an_event_are_skipped_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "LIVE", -1.0)
    whens = {"a": LOOP, "b": 'event.title == "Time off"', "c": 'event.title == "x"'}
    rules = [
        rule(f"rules: [{{name: {name}, on: [BOOKING_CREATED], when: '{when}', do: [{{stop: x}}]}}]")
        for name, when in whens.items()
    ]

    found = decide(RuleSet(rules), EVENT, caused_by=None, now=NOW)
    assert [(one.rule.name, one.skipped) for one in found] == [("a", f"when: {SPENT}"), ("b", None)]


def test_a_text_that_takes_too_long_to_read_says_so_where_it_got() -> None:
    text = "rules:\n" + "".join(
        f"  - name: r{n}\n    on: [PING]\n    do: [{{stop: '${{{{ {n} }}}}'}}]\n" for n in range(3)
    )
    with allowance.for_all(-1.0):
        rules, faults = read_text(text, "f", KINDS)

    assert rules == []
    assert [str(fault) for fault in faults] == [
        "f:2:5: to read so many expressions takes too long here; give fewer rules, or shorter ones"
    ]
    assert len(read_text(text, "f", KINDS)[0]) == 3
