from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.contract.ledger.conftest import Make, Office
from workers.actions import echo
from workers.actions.kind import Call
from workers.store import history

RULE = """
rules:
  - name: covers
    on: [OOO_CREATED]
    do: [{make: "cover for ${{ event.organizer.id }}"}]
"""


@pytest.fixture(autouse=True)
def _each_thing_is_an_ooo_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a `make` step makes is the entry of user 41 for the first two days of December."""

    def effect(_kind: Make, call: Call) -> str | None:
        days = {"userId": 41, "start": "2026-12-01", "end": "2026-12-02"}
        return echo.of_call(echo.CREATE, days, call.connection)

    monkeypatch.setattr(Make, "effect", effect)


def entry(office: Office, number: int = 1, *, start: str = "2026-12-01", **more: Any) -> UUID:
    user = {"id": 41, "name": "Ada", "email": "ada@acme.example", "timeZone": "UTC"}
    about = {"id": number, "start": f"{start}T00:00:00+00:00", "end": "2026-12-02T23:59:59+00:00", "user": user}
    return office.comes(trigger="OOO_CREATED", oooEntry=about, uid=None, **more)


def causes(office: Office) -> list[str | None]:
    with office.store.read() as connection:
        return [row.caused_by for row in history.page(connection, history.Filter(), limit=99)][::-1]


@pytest.fixture
def now_is_then(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of these tests happen when the clock of the processes says it is."""
    from tests.contract.ledger import conftest

    monkeypatch.setattr(conftest, "START", office.clock.now - timedelta(minutes=2))


@pytest.mark.usefixtures("now_is_then")
def test_an_event_that_our_own_action_caused_says_so_and_does_not_start_its_rule_again(office: Office) -> None:
    office.rules(RULE)
    entry(office)
    office.work()
    entry(office, 2)
    office.work()

    run, suppressed = office.runs()
    (action,) = office.actions(run.id)
    assert causes(office) == [None, str(action.id)]
    assert suppressed.state == "skipped"
    assert suppressed.reason.startswith("echo: ")
    assert office.world.made == {"cover for 41": 1}


@pytest.mark.usefixtures("now_is_then")
def test_an_action_has_one_echo_and_what_comes_after_it_is_somebody_elses(office: Office) -> None:
    office.rules(RULE)
    entry(office)
    office.work()
    entry(office, 2)
    entry(office, 3)

    assert [cause is None for cause in causes(office)] == [True, False, True]


@pytest.mark.usefixtures("now_is_then")
def test_other_days_are_no_echo(office: Office) -> None:
    office.rules(RULE)
    entry(office)
    office.work()
    entry(office, 2, start="2026-12-02")

    assert causes(office) == [None, None]


def test_an_entry_made_long_after_is_no_echo(office: Office) -> None:
    office.rules(RULE)
    entry(office)
    office.work()
    entry(office, 2)

    assert causes(office) == [None, None]


@pytest.mark.usefixtures("now_is_then")
def test_a_rule_that_wants_its_own_echo_ends_at_a_depth(office: Office) -> None:
    office.rules(RULE.replace("    do:", "    allow_echo: true\n    do:"))
    for number in range(8):
        entry(office, number)
        office.work()

    assert [row.depth for row in office.runs()] == [0, 1, 2, 3, 4, 5, 0, 1]
    assert office.runs()[5].state == "skipped"
    assert "depth" in office.runs()[5].reason


@pytest.mark.usefixtures("now_is_then")
def test_a_replayed_echo_is_still_one(office: Office) -> None:
    office.rules(RULE)
    entry(office)
    office.work()
    second = entry(office, 2)
    office.again(second)

    assert [cause is None for cause in causes(office)] == [True, False]
    assert [row.state for row in office.runs()] == ["done", "skipped"]


def test_an_expression_that_fails_is_no_match_and_written_down(office: Office) -> None:
    office.rules(RULE.replace("    do:", "    when: event.payload.nothing.there == 1\n    do:"))
    entry(office)

    (run,) = office.runs()
    assert (run.state, run.due_at) == ("skipped", None)
    assert "nothing" in run.reason
