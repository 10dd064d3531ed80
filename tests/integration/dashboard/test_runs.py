"""The pages of runs: the list with its filters, one with its steps, and what an operator does where one stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.contract.ledger.conftest import Office, World, lost_before, refused
from tests.integration.dashboard.conftest import Looked, words
from workers.actions.kind import Unknowable
from workers.store.keys import Role
from workers.store.ledger import ActionState
from workers.store.runs import RunState

PAIR = """
rules:
  - name: pair
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    do:
      - id: first
        make: thing of ${{ event.booking.uid }}
      - id: second
        make: after ${{ run.first.id }}
  - name: waiting
    on: [BOOKING_REQUESTED]
    once_per: ${{ event.booking.uid }}
    do:
      - wait: 1h
"""


@pytest.fixture
def office(looked_on_each: Looked, tmp_path: Path) -> Office:
    """A worker beside the pages, on each database."""
    folder = tmp_path / "of-the-worker"
    folder.mkdir()
    made = Office(looked_on_each.filled.store, looked_on_each.source.vault, folder)
    made.filled = looked_on_each.filled
    made.rules(PAIR)
    return made


def unknowable(_world: World, _thing: str) -> Unknowable:
    return Unknowable("nothing can be asked there")


def stopped(office: Office, uid: str = "A") -> UUID:
    """A run of which nobody knows whether its first step was done."""
    office.world.script, office.world.probes = [lost_before], unknowable
    office.comes(uid=uid)
    office.work()
    office.clock.forward(hours=2)
    office.work()
    (run,) = office.runs()
    assert run.state == RunState.DEAD
    return UUID(str(run.id))


def test_runs_are_listed_newest_first_with_what_they_are_about(looked_on_each: Looked, office: Office) -> None:
    office.comes(uid="A", title="The first")
    office.comes(uid="B", title="<b>The second</b>", trigger="BOOKING_REQUESTED")
    office.work()
    answer = looked_on_each.get("/runs")
    said = words(answer)
    assert said.index("<b>The second</b>") < said.index("The first")
    assert "<b>The" not in answer.text
    assert "done 1" in said  # in the tabs
    assert "step step1 waits" in said


def test_a_state_a_rule_a_booking_a_connection_and_a_time_choose_runs(looked_on_each: Looked, office: Office) -> None:
    office.comes(uid="A", title="Of pair")
    office.comes(uid="B", title="Of waiting", trigger="BOOKING_REQUESTED")
    office.work()
    some: list[dict[str, Any]] = [
        {"state": "done"},
        {"rule": "pair"},
        {"booking": "A"},
        {"booking": "A", "connection": "acme"},
    ]
    for chosen in some:
        said = words(looked_on_each.get("/runs", **chosen))
        assert "Of pair" in said
        assert "Of waiting" not in said
    nothing: list[dict[str, Any]] = [{"state": "dead"}, {"until": "2020-01-01"}, {"connection": "nobody"}]
    for none in nothing:
        assert "No runs fit this." in words(looked_on_each.get("/runs", **none))
    assert "Of pair" in words(looked_on_each.get("/runs", since="2d", rule=""))


def test_garbage_in_a_filter_is_said_on_the_page(looked_on_each: Looked) -> None:
    garbage: list[dict[str, Any]] = [
        {"state": "x"},
        {"since": "whenever"},
        {"cursor": "x"},
        {"event": "x"},
        {"limit": "0"},
    ]
    for wrong in garbage:
        answer = looked_on_each.get("/runs", **wrong)
        assert answer.status_code == 400
        assert next(iter(wrong)) in words(answer)
    assert looked_on_each.get("/runs", rule="\0", booking="\0\N{GRINNING FACE}").status_code == 200


def test_older_runs_are_on_the_next_page(looked_on_each: Looked, office: Office) -> None:
    for uid in "ABC":
        office.comes(uid=uid, title=f"Call {uid}")
    office.work()
    first = looked_on_each.get("/runs", limit="2")
    assert "Call C" in words(first)
    assert "Call A" not in words(first)
    (href,) = [part.split('"')[0] for part in first.text.split('rel="next" href="')[1:]]
    second = words(looked_on_each.get(href.replace("&amp;", "&")))
    assert "Call A" in second
    assert "Newest" in second


def test_a_run_is_shown_with_what_each_step_was_told_and_gave(looked_on_each: Looked, office: Office) -> None:
    office.comes(uid="A", title="Intro")
    office.work()
    (run,) = office.runs()
    answer = looked_on_each.get(f"/runs/{run.id}")
    said = words(answer)
    assert "All is done: 2 steps." in said
    assert "first make thing of A done" in said
    assert '"id": "id of thing of A"' in said
    assert "s3cret" not in said
    assert f'href="/events/{run.event_id}"' in answer.text
    assert f'href="/rules/pair?version={run.version_id}"' in answer.text


def test_a_run_that_waits_says_when_it_goes_on(looked_on_each: Looked, office: Office) -> None:
    office.comes(uid="B", trigger="BOOKING_REQUESTED")
    office.work()
    (run,) = office.runs()
    said = words(looked_on_each.get(f"/runs/{run.id}"))
    assert "It waits and goes on by itself" in said
    assert f"Comes next step 1, {run.due_at:%Y-%m-%d %H:%M:%S}" in said


def test_an_answer_that_is_huge_is_cut(looked_on_each: Looked, office: Office) -> None:
    office.comes(uid="A" + "x" * 300_000, title="Intro")
    office.work()
    (run,) = office.runs()
    assert len(looked_on_each.get(f"/runs/{run.id}").content) < 100_000
    assert len(looked_on_each.get("/runs").content) < 100_000


def test_a_dead_run_is_tried_again(looked_on_each: Looked, office: Office) -> None:
    looked = looked_on_each
    office.world.script = [refused]
    office.comes(uid="A")
    office.work()
    (run,) = office.runs()
    assert "it is not allowed" in words(looked.get(f"/runs/{run.id}"))
    assert "Try again" not in words(looked.get(f"/runs/{run.id}"))  # a viewer
    assert "Try again now" in words(looked.get(f"/runs/{run.id}", role=Role.OPERATOR))
    sent = looked.post(f"/runs/{run.id}/retry")
    assert (sent.status_code, sent.headers["location"]) == (303, f"/runs/{run.id}")
    assert looked.bell.to_act == 1
    office.work()
    assert office.runs()[0].state == RunState.DONE
    assert looked.post(f"/runs/{run.id}/retry").status_code == 409


def test_an_unfinished_run_is_cancelled(looked_on_each: Looked, office: Office) -> None:
    office.comes(uid="B", trigger="BOOKING_REQUESTED")
    office.work()
    (run,) = office.runs()
    assert "Cancel" in words(looked_on_each.get(f"/runs/{run.id}", role=Role.OPERATOR))
    assert looked_on_each.post(f"/runs/{run.id}/cancel").status_code == 303
    assert office.runs()[0].state == RunState.SKIPPED
    assert looked_on_each.post(f"/runs/{run.id}/cancel").status_code == 409


def test_of_a_step_whose_end_is_unknown_a_person_says_that_it_was_done(looked_on_each: Looked, office: Office) -> None:
    run_id = stopped(office)
    said = words(looked_on_each.get(f"/runs/{run_id}", role=Role.OPERATOR))
    assert "Was step first done?" in said
    assert "It was not done" in said
    assert "Try again now" not in said
    assert "It was done" not in words(looked_on_each.get(f"/runs/{run_id}"))  # a viewer
    assert looked_on_each.post(f"/runs/{run_id}/retry").status_code == 409
    assert looked_on_each.post(f"/runs/{run_id}/resolve", done="true", step="second").status_code == 409
    assert looked_on_each.post(f"/runs/{run_id}/resolve", done="perhaps").status_code == 400
    assert looked_on_each.post(f"/runs/{run_id}/resolve", done="true", step="first").status_code == 303
    office.work()
    first = office.actions(run_id)[0]
    assert (first.state, first.reason) == (ActionState.DONE, "a person says that it was done")
    assert "thing of A" not in office.world.made


def test_or_that_it_was_not_done_and_then_it_is_done_again(looked_on_each: Looked, office: Office) -> None:
    run_id = stopped(office)
    office.world.probes = None
    assert looked_on_each.post(f"/runs/{run_id}/resolve", done="false", step="first").status_code == 303
    office.work()
    assert office.world.made["thing of A"] == 1


def test_or_has_it_looked_for_once_more(looked_on_each: Looked, office: Office) -> None:
    run_id = stopped(office)
    office.world.probes = None
    assert looked_on_each.post(f"/runs/{run_id}/retry", look="true").status_code == 303
    office.work()
    assert office.runs()[0].state == RunState.DONE
    assert office.world.made["thing of A"] == 1
