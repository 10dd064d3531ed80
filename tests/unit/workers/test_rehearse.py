from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from workers.actions.registry import kinds
from workers.errors import BadInput
from workers.rehearse import LATER, Rehearsed, event_of, rehearse, shape
from workers.rules import allowance
from workers.rules.load import read_text
from workers.rules.rule import Rule
from workers.settings import Settings

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
KINDS = kinds(Settings())
OOO = "cal_organizations_users_ooocontroller_create_organization_user_ooo"
OF_USER = "cal_organizations_users_ooocontroller_get_organization_user_ooo"
DELETE = "cal_organizations_users_ooocontroller_delete_organization_user_ooo"
EVENT = {
    "trigger": "BOOKING_CREATED",
    "connection": "acme",
    "type": "time-off",
    "start": "2026-12-01T00:00:00Z",
    "end": "2026-12-02T00:00:00Z",
    "booking": {"uid": "u1"},
    "organizer": {"id": 41, "name": "Ada", "email": "ada@acme.example"},
}
BLOCK = f"""
rules:
  - name: block
    on: [BOOKING_CREATED]
    when: event.type == "time-off"
    once_per: ${{{{ event.booking.lineage }}}}
    do:
      - id: there
        lookup: {OF_USER}
        with: {{userId: "${{{{ event.organizer.id }}}}"}}
      - stop: it is there
        if: run.there.items.size() > 0
      - id: made
        tool: {OOO}
        with: {{userId: "${{{{ event.organizer.id }}}}", start: "${{{{ event.start }}}}", end: "${{{{ event.end }}}}"}}
      - http: https://hooks.example/in/secret-path
        body: entry ${{{{ run.made.id }}}} of ${{{{ event.organizer.name }}}}
    undo:
      on: [BOOKING_CANCELLED]
      do:
        - tool: {DELETE}
          with: {{userId: "${{{{ event.organizer.id }}}}", oooId: "${{{{ run.made.id }}}}"}}
"""


def rule(text: str = BLOCK) -> Rule:
    rules, faults = read_text(text, "rules.yaml", KINDS)
    assert [str(fault) for fault in faults] == []
    return rules[0]


def event(**more: Any) -> dict[str, Any]:
    return event_of(json.dumps({**EVENT, **more}).encode(), pcid=None, now=NOW)


def tried(text: str = BLOCK, outputs: dict[str, Any] | None = None, **more: Any) -> dict[str, Rehearsed]:
    told = rehearse(rule(text), event(**more), KINDS, now=NOW, outputs=outputs)
    return {step.id: step for step in told.steps}


def test_every_value_that_the_event_gives_is_there_and_the_rest_is_known_when_it_runs() -> None:
    told = tried()
    assert told["there"].request == {"lookup": OF_USER, "with": {"userId": 41}}
    assert told["made"].request["with"] == {
        "userId": 41,
        "start": "2026-12-01T00:00:00Z",
        "end": "2026-12-02T00:00:00Z",
    }
    assert told["step4"].request["body"] == f"entry {LATER} of Ada"
    assert [(step.runs, step.problems) for step in told.values()] == [(True, ()), (None, ()), (None, ()), (None, ())]


def test_outputs_that_are_given_decide_what_depends_on_them() -> None:
    free = tried(outputs={"there": {"items": []}, "made": {"id": 7}})
    assert [step.runs for step in free.values()] == [True, False, True, True]
    assert free["step4"].request["body"] == "entry 7 of Ada"
    taken = tried(outputs={"there": {"items": [{"id": 3}]}})
    assert [step.runs for step in taken.values()] == [True, True, False, False]
    assert taken["made"].why == "step step2 ends the run"


def test_asking_whether_an_output_is_there_is_not_answered_before_it_is_known() -> None:
    text = BLOCK.replace("run.there.items.size() > 0", "has(run.there.items)")
    assert tried(text)["step2"].runs is None


def test_a_secret_part_of_a_url_is_not_shown() -> None:
    assert "secret-path" not in repr(tried()["step4"].request)


def test_a_value_that_no_call_would_take_is_a_problem_and_ends_the_run() -> None:
    told = tried(outputs={"there": {"items": []}}, organizer={"id": None, "name": "Ada"})
    assert any("userId" in problem for problem in told["there"].problems)
    assert (told["made"].runs, told["made"].why) == (False, "step there would fail before it")


def test_an_expression_without_a_value_is_a_problem_and_stays_as_it_is_written() -> None:
    text = BLOCK.replace("entry ${{ run.made.id }}", "entry ${{ event.payload.missing }}")
    step = tried(text, outputs={"there": {"items": []}})["step4"]
    assert step.request["body"] == "entry ${{ event.payload.missing }} of Ada"
    assert "event.payload.missing" in step.problems[0]


def test_an_undo_takes_what_the_run_gave_that_it_takes_back() -> None:
    told = tried(outputs={"made": {"id": 7}}, trigger="BOOKING_CANCELLED")
    assert told["step1"].request["with"] == {"userId": 41, "oooId": 7}
    assert tried(trigger="BOOKING_CANCELLED")["step1"].request["with"]["oooId"] == LATER


def test_outputs_of_a_step_that_is_not_there_are_refused() -> None:
    with pytest.raises(BadInput, match="it has made, step2, step4, there"):
        tried(outputs={"maed": {}})


def test_what_does_not_match_says_which_part() -> None:
    told = shape(rehearse(rule(), event(type="intro-call"), KINDS, now=NOW))
    assert (told["matches"], told["acts"]) == (False, False)
    assert [(part["part"], part["holds"]) for part in told["parts"]] == [("on", True), ("when", False)]
    assert told["parts"][1]["why"] == 'event.type == "time-off" is false'


def test_a_dry_run_matches_and_does_not_act() -> None:
    text = BLOCK.replace("on: [BOOKING_CREATED]", "on: [BOOKING_CREATED]\n    dry_run: true")
    told = rehearse(rule(text), event(), KINDS, now=NOW)
    assert (told.explanation.matched, told.acts) == (True, False)


def test_a_deliverys_body_is_an_event_too() -> None:
    body = {"triggerEvent": "BOOKING_CREATED", "payload": {"uid": "u2", "type": "time-off", "organizer": {"id": 5}}}
    found = event_of(json.dumps(body).encode(), pcid="eu", now=NOW)
    assert (found["trigger"], found["connection"], found["booking"]["lineage"]) == ("BOOKING_CREATED", "eu", "u2")
    assert found["payload"]["organizer"] == {"id": 5}


def test_a_deliverys_body_that_the_door_takes_is_an_event_here_too() -> None:
    body = b'\xef\xbb\xbf{"triggerEvent": "BOOKING_CREATED", "payload": {"uid": "u2", "notes": "half \\ud83d"}}'
    found = event_of(body, pcid="eu", now=NOW)
    assert (found["trigger"], found["booking"]["uid"]) == ("BOOKING_CREATED", "u2")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'{"trigger": "A"}\n{"trigger": "B"}',
        b'{"trigger": 3}',
        b'{"trigger": "A", "booking": "u1"}',
        b'{"trigger": "A", "hosts": ["x"]}',
        b'{"trigger": "A", "payload": []}',
        b'{"trigger": "A", "start": 5}',
    ],
)
def test_what_is_no_event_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(BadInput, match="event"):
        event_of(body, pcid=None, now=NOW)


def test_a_rule_with_more_loops_than_a_trial_has_time_for_says_so_of_those_that_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(allowance, "TRIAL", 0.02)
    loop = "true"
    for name in "abcd":
        loop = f"[1, 2, 3, 4, 5, 6, 7, 8, 9].all({name}, {loop})"
    steps = "".join(f"      - stop: ${{{{ {loop} }}}} {number}\n" for number in range(20))
    long = rule("rules:\n  - name: long\n    on: [BOOKING_CREATED]\n    do:\n" + steps)

    told = rehearse(long, EVENT, KINDS, now=NOW)
    assert (
        told.steps[-1]
        .problems[0]
        .endswith("it takes too many steps together with other expressions; make loops shorter or fewer")
    )
    assert len(told.steps) == 20
