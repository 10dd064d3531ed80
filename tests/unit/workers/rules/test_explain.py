from __future__ import annotations

from tests.unit.workers.rules.fakes import EVENT, NOW, rule
from workers.rules.decide import Cause
from workers.rules.explain import Part, explain

RULE = rule("""\
rules:
  - name: a
    on: [BOOKING_CREATED]
    connection: acme
    when: event.type == "time-off"
    once_per: ${{ event.booking.uid }}
    do:
      - {tool: entry, id: made, with: {user: "${{ event.organizer.id }}", start: "${{ event.start }}"}}
      - {http: "https://x/${{ run.made.id }}", if: run.made.id > 3, connection: other}
      - {stop: never, if: event.type == "x"}
    undo:
      on: [BOOKING_CANCELLED]
      do: [{stop: "${{ run.made.id }}"}]
""")


def test_a_match_is_told_with_every_value() -> None:
    found = explain(RULE, EVENT, now=NOW)

    assert (found.matched, found.act, found.once, found.entity) == (True, "do", "u1", "l1")
    assert [part.holds for part in found.parts] == [True, True, True]
    assert found.parts[2] == Part("when", True, 'event.type == "time-off" is true')
    assert found.steps[0].values == {"tool": "entry", "with": {"user": 41, "start": "2027-01-02T09:00:00.500Z"}}
    assert [(step.id, step.runs, step.connection) for step in found.steps] == [
        ("made", True, "acme"),
        ("step2", None, "other"),
        ("step3", False, "acme"),
    ]


def test_what_an_earlier_step_must_give_stays_as_it_is_written() -> None:
    step = explain(RULE, EVENT, now=NOW).steps[1]

    assert step.values == {"http": "https://x/${{ run.made.id }}"}
    assert [why.partition(": an instant")[0] for why in step.unknown] == ["if: run.made.id > 3", "http: run.made.id"]


def test_the_part_that_does_not_hold_is_told() -> None:
    found = explain(
        RULE, {**EVENT, "type": "x", "connection": "b", "trigger": "PING"}, now=NOW, caused_by=Cause("a", 1)
    )

    assert (found.matched, found.act, found.decision) == (False, None, None)
    assert [(part.name, part.holds, part.why) for part in found.parts] == [
        ("on", False, "the trigger is PING; the rule hears BOOKING_CANCELLED, BOOKING_CREATED"),
        ("connection", False, "the event is of b, not acme"),
        ("when", False, 'event.type == "time-off" is false'),
        ("caused_by", False, "echo: the rule itself caused this event; allow_echo lets it hear those"),
    ]


def test_an_undo_is_told_with_the_steps_of_undo() -> None:
    found = explain(RULE, {**EVENT, "trigger": "BOOKING_CANCELLED"}, now=NOW)

    assert (found.act, [step.values for step in found.steps]) == ("undo", [{"stop": "${{ run.made.id }}"}])
