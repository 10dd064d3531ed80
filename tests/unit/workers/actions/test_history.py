from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from workers.actions.history import HistoryStep
from workers.actions.kind import Absent, Call, Done, Refused
from workers.rules.kinds import UNKNOWN

MISSED = "AFTER_HOSTS_CAL_VIDEO_NO_SHOW"
ASKING = {"history": MISSED, "email": "maya@acme.example", "within": "30d"}
EVENT = {"id": "e1", "received_at": "2026-11-23T09:00:00.250Z"}
Make = Callable[..., Call]
Box = Callable[..., Any]


def said(**values: Any) -> list[str]:
    return [problem.message for problem in HistoryStep().problems({**ASKING, **values})]


def test_it_counts_back_from_when_the_event_came_that_event_included(call: Make, box: Box) -> None:
    toolbox = box()

    outcome = HistoryStep().perform(call({**ASKING, "email": " maya@acme.example "}, event=EVENT), toolbox)

    assert outcome == Done({"count": 2})
    until = datetime(2026, 11, 23, 9, 0, 0, 251_000, UTC)
    since = datetime(2026, 10, 24, 9, 0, 0, 251_000, UTC)
    assert toolbox.counted == [("acme", (MISSED,), "maya@acme.example", since, until)]


def test_several_triggers_count_together(call: Make, box: Box) -> None:
    toolbox = box()

    HistoryStep().perform(call({**ASKING, "history": [MISSED, "BOOKING_NO_SHOW_UPDATED"]}, event=EVENT), toolbox)

    assert toolbox.counted[0][1] == (MISSED, "BOOKING_NO_SHOW_UPDATED")


def test_a_person_without_an_address_cannot_be_counted(call: Make, box: Box) -> None:
    for email in (None, "", "  "):
        outcome = HistoryStep().perform(call({**ASKING, "email": email}, event=EVENT), box())
        assert isinstance(outcome, Refused)
        assert "`if`" in outcome.reason


def test_what_is_no_trigger_or_no_duration_is_said_at_load() -> None:
    assert said() == said(email=UNKNOWN, within=UNKNOWN) == []
    assert said(history=["AFTER_HOST_CAL_VIDEO_NO_SHOW"]) == [
        f'there is no trigger "AFTER_HOST_CAL_VIDEO_NO_SHOW"; did you mean "{MISSED}"?'
    ]
    assert said(history=UNKNOWN) == ["history must name its triggers outright, not by an expression."]
    assert said(within="a month") == ["within must be a duration such as 12h or 30d."]


def test_it_changes_nothing(call: Make, box: Box) -> None:
    step = HistoryStep()

    assert step.changes is False
    assert step.probe(call(ASKING), box()) == Absent()
    assert step.shown(ASKING) == ASKING
    assert step.output(ASKING)["properties"] == {"count": {"type": "integer"}}
