"""The API's answers about runs, and what an operator does where one came to a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.contract.ledger.conftest import Office, refused
from tests.contract.ledger.doubt import TWO, in_doubt
from tests.integration.api.conftest import Asked, conforms
from workers.store.keys import Role
from workers.vault import Vault


@pytest.fixture
def office(asked: Asked, vault: Vault, tmp_path: Path) -> Office:
    folder = tmp_path / "rules"
    folder.mkdir()
    made = Office(asked.filled.store, vault, folder)
    made.rules(TWO)
    return made


def test_runs_are_listed_newest_first_and_by_what_is_asked(asked: Asked, office: Office) -> None:
    first = office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    office.comes(uid="B")

    told = asked.get("/runs").json()
    conforms(told, "RunPage")
    assert [(run["key"], run["state"]) for run in told["data"]] == [("B", "planned"), ("A", "dead")]
    wanted: tuple[tuple[dict[str, Any], int], ...] = (
        ({"state": "dead"}, 1),
        ({"state": ["dead", "planned"]}, 2),
        ({"rule": "one"}, 2),
        ({"rule": "two"}, 0),
        ({"event": str(first)}, 1),
        ({"booking": "B"}, 1),
        ({"booking": "C"}, 0),
        ({"connection": "acme"}, 2),
        ({"connection": "eu"}, 0),
        ({"since": "1h"}, 2),
        ({"until": "1h"}, 0),
    )
    for params, number in wanted:
        assert len(asked.get("/runs", **params).json()["data"]) == number, params


def test_a_page_of_runs_ends_with_the_cursor_of_the_next(asked: Asked, office: Office) -> None:
    for uid in "ABCDE":
        office.comes(uid=uid)
    seen: list[str] = []
    more: dict[str, Any] = {}
    while True:
        told = asked.get("/runs", limit=2, **more).json()
        seen += [run["key"] for run in told["data"]]
        if told["next"] is None:
            break
        more = {"cursor": told["next"]}
    assert seen == ["E", "D", "C", "B", "A"]


@pytest.mark.parametrize(
    "params", [{"state": "lost"}, {"event": "x"}, {"cursor": "x"}, {"limit": 0}, {"since": "one day"}, {"rules": "a"}]
)
def test_a_filter_or_cursor_of_runs_that_is_wrong_is_a_problem(asked: Asked, params: dict[str, Any]) -> None:
    answer = asked.get("/runs", **params)
    assert answer.status_code == 400
    conforms(answer.json(), "Problem")


def test_a_run_is_told_with_its_event_its_version_and_what_each_step_did(asked: Asked, office: Office) -> None:
    event = office.comes(uid="A")
    office.work()
    run = asked.get("/runs").json()["data"][0]

    told = asked.get(f"/runs/{run['id']}").json()
    conforms(told, "RunWithActions")
    assert (told["state"], told["event"]["id"], told["version"]["live"]) == ("done", str(event), True)
    assert [(one["step"], one["state"], one["attempts"]) for one in told["actions"]] == [
        ("first", "done", 1),
        ("second", "done", 1),
    ]
    assert told["actions"][0]["request"] == {"make": "thing of A"}
    assert "s3cret" not in str(told)


def test_a_run_that_is_not_there_is_a_problem_404(asked: Asked) -> None:
    for path in ("/runs/x", f"/runs/{UUID(int=7)}"):
        assert asked.get(path).status_code == 404


def test_a_dead_run_is_tried_again_at_once(asked: Asked, office: Office) -> None:
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    run = office.runs()[0].id

    told = asked.post(f"/runs/{run}/retry")
    assert told.status_code == 200
    conforms(told.json(), "RunWithActions")
    assert told.json()["state"] == "failed"
    assert asked.bell.to_act == 1
    office.work()
    assert asked.get(f"/runs/{run}").json()["state"] == "done"
    again = asked.post(f"/runs/{run}/retry")
    assert again.status_code == 409
    conforms(again.json(), "Problem")


def test_a_run_is_tried_again_though_the_broker_is_away(asked: Asked, office: Office) -> None:
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    asked.bell.away = True
    assert asked.post(f"/runs/{office.runs()[0].id}/retry").status_code == 200


def test_a_run_in_doubt_is_not_tried_again_before_somebody_says_how_its_step_ended(
    asked: Asked, office: Office
) -> None:
    run = in_doubt(office)
    answer = asked.post(f"/runs/{run}/retry")
    assert answer.status_code == 409
    assert "resolve?done=true" in answer.json()["detail"]
    assert asked.post(f"/runs/{run}/resolve").status_code == 400
    assert asked.post(f"/runs/{run}/resolve", done="perhaps").status_code == 400
    assert asked.post(f"/runs/{run}/resolve", done="true", step="second").status_code == 409
    assert asked.get(f"/runs/{run}").json()["state"] == "dead"


@pytest.mark.parametrize(("done", "made"), [("true", 1), ("false", 2)])
def test_a_run_goes_on_once_somebody_says_how_its_step_ended(
    asked: Asked, office: Office, done: str, made: int
) -> None:
    run = in_doubt(office)
    told = asked.post(f"/runs/{run}/resolve", done=done, step="first")
    assert told.status_code == 200
    conforms(told.json(), "RunWithActions")
    office.work()
    assert office.world.made["thing of A"] == made
    assert asked.get(f"/runs/{run}").json()["state"] == "done"
    assert asked.post(f"/runs/{run}/resolve", done="true").status_code == 409


def test_a_run_in_doubt_is_looked_for_once_more(asked: Asked, office: Office) -> None:
    run = in_doubt(office)
    office.world.probes = None
    assert asked.post(f"/runs/{run}/retry", look="true").status_code == 200
    office.work()
    assert office.world.made["thing of A"] == 1
    assert asked.get(f"/runs/{run}").json()["state"] == "done"


def test_nothing_more_of_a_cancelled_run_is_done(asked: Asked, office: Office) -> None:
    office.comes(uid="A")
    run = office.runs()[0].id
    assert asked.post(f"/runs/{run}/cancel", role=Role.VIEWER).status_code == 403
    told = asked.post(f"/runs/{run}/cancel").json()
    assert (told["state"], told["reason"]) == ("skipped", "a person cancelled it")
    office.work()
    assert not office.world.made
    assert asked.post(f"/runs/{run}/cancel").status_code == 409
