"""`daybook runs`: what people see of runs, and what they decide."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from tests.conftest import Valkey
from tests.contract.ledger.conftest import Office, refused
from tests.contract.ledger.doubt import TWO, in_doubt
from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers import queue
from workers.store import claims
from workers.vault import Vault


@pytest.fixture
def office(command: Command, filled: Filled, vault: Vault, tmp_path: Path) -> Office:
    folder = tmp_path / "rules"
    folder.mkdir()
    made = Office(filled.store, vault, folder)
    made.rules(TWO)
    return made


def test_runs_are_listed_newest_first_and_by_what_is_asked(command: Command, office: Office) -> None:
    first = office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    office.comes(uid="B")

    told = command.run("runs", "list", "--json").lines()
    assert [(run["rule"], run["key"], run["state"]) for run in told] == [("one", "B", "planned"), ("one", "A", "dead")]
    assert told[1]["reason"] == "step first: it is not allowed"
    for words, number in (
        (["--state", "dead"], 1),
        (["--state", "dead", "--state", "planned"], 2),
        (["--rule", "one"], 2),
        (["--rule", "two"], 0),
        (["--event", str(first)], 1),
        (["--connection", "eu"], 0),
        (["--since", "1h"], 2),
        (["--until", "1h"], 0),
        (["-n", "1"], 1),
    ):
        assert len(command.run("runs", "list", "--json", *words).lines()) == number, words
    head, *rows = command.run("runs", "list").out.splitlines()
    assert head.split()[-2:] == ["id", "reason"]
    assert [row.split()[2:5] for row in rows] == [["one", "do", "planned"], ["one", "do", "dead"]]


def test_a_long_list_is_read_in_pages(command: Command, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.cli.runs._PAGE", 2)
    for number in range(5):
        office.comes(uid=f"U{number}")
    keys = [run["key"] for run in command.run("runs", "list", "--json").lines()]
    assert keys == ["U4", "U3", "U2", "U1", "U0"]


def test_a_run_is_shown_with_its_event_its_version_and_what_each_step_did(command: Command, office: Office) -> None:
    event = office.comes(uid="A", title="Intro \x1b[31mcall")
    office.work()
    run_id = str(office.runs()[0].id)

    (told,) = command.run("runs", "show", run_id[:18], "--json").lines()
    assert (told["id"], told["state"], told["event"]["id"]) == (run_id, "done", str(event))
    assert (told["version"]["live"], told["version"]["file"]) == (True, str(office.folder / "rules.yaml"))
    first, second = told["actions"]
    assert (first["step"], first["request"], first["answer"]["id"]) == (
        "first",
        {"make": "thing of A"},
        "id of thing of A",
    )
    assert (second["state"], second["attempts"]) == ("done", 1)
    out = command.run("runs", "show", run_id).out
    assert "1. first: make thing of A" in out
    assert "the live one" in out
    assert "\x1b" not in out


def test_a_dead_run_is_tried_again_and_rung_for(
    command: Command, office: Office, broker_server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYBOOK_BROKER_URL", broker_server.url)
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    run_id = str(office.runs()[0].id)
    assert f"daybook runs retry {run_id}" in command.run("runs", "show", run_id).err

    (told,) = command.run("runs", "retry", run_id, "--json").lines()

    assert (told["before"], told["state"], told["rung"]) == ("dead", "failed", True)
    broker = queue.open_broker(broker_server.url)
    assert queue.depth(broker, queue.ACT) == 1
    broker.close()
    office.work()
    assert office.world.made == {"thing of A": 1, "another": 1}


def test_where_nobody_knows_whether_a_step_was_done_a_person_has_to_say(command: Command, office: Office) -> None:
    run_id = in_doubt(office)

    done = command.run("runs", "retry", run_id)

    assert done.status == 1
    for word in ("nobody knows", "step first", "thing of A", "--done", "--not-done", "there is no way to look for it"):
        assert word in done.err
    assert command.run("runs", "retry", run_id, "--json").kind() == "conflict"
    assert office.runs()[0].state == "dead"


@pytest.mark.parametrize(("word", "made"), [("--done", 1), ("--not-done", 2)])
def test_what_the_person_says_decides_whether_it_is_done_again(
    command: Command, office: Office, word: str, made: int
) -> None:
    run_id = in_doubt(office)

    said = command.run("runs", "retry", run_id, word)

    assert (said.status, said.out) == (0, f"Run {run_id} of one was dead and is tried again.\n")
    assert "broker is away" in said.err
    office.work()
    assert office.world.made == {"thing of A": made, "another": 1}
    (run,) = office.runs()
    assert run.state == "done"
    assert (office.actions(run.id)[0].reason == "a person says that it was done") is (word == "--done")


def test_it_may_be_looked_for_once_more_instead(command: Command, office: Office) -> None:
    run_id = in_doubt(office)
    office.world.probes = None

    assert command.run("runs", "retry", run_id, "--look").status == 0
    office.work()
    assert office.world.made == {"thing of A": 1, "another": 1}
    assert command.run("runs", "retry", run_id, "--look", "--done", "--json").kind() == "bad_input"


def test_nobody_is_asked_about_a_step_whose_end_is_known(command: Command, office: Office) -> None:
    office.comes(uid="A")
    office.world.script = [refused]
    office.work()
    run_id = str(office.runs()[0].id)

    assert command.run("runs", "retry", run_id, "--done", "--json").kind() == "conflict"
    assert office.runs()[0].state == "dead"


def test_a_cancelled_run_does_nothing_more(command: Command, office: Office) -> None:
    office.comes(uid="A")
    run_id = str(office.runs()[0].id)

    assert command.run("runs", "cancel", run_id).out == f"Run {run_id} of one was planned and is cancelled.\n"
    office.work()
    assert office.world.made == {}
    assert office.runs()[0].reason == "a person cancelled it"
    assert command.run("runs", "cancel", run_id, "--json").kind() == "conflict"
    assert command.run("runs", "retry", run_id, "--json").kind() == "conflict"


def test_a_run_in_a_workers_hand_is_left_alone_and_the_others_are_done(command: Command, office: Office) -> None:
    office.comes(uid="A")
    with office.store.write() as connection:
        (held,) = claims.claim(connection, holders=["me"], now=office.clock(), seconds=60)
    office.comes(uid="B")
    other = str(office.runs()[1].id)

    done = command.run("runs", "cancel", str(held.id), other, "--json")

    assert done.kind() == "conflict"
    assert str(held.id) in done.err
    assert [(run["id"], run["state"]) for run in done.lines()] == [(other, "skipped")]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["list", "--state", "lost"], "bad_input"),
        (["list", "--rule", ""], "bad_input"),
        (["list", "--event", "x"], "bad_input"),
        (["show", "x"], "bad_input"),
        (["show", str(UUID(int=1))], "not_found"),
        (["retry", str(UUID(int=1))], "not_found"),
        (["cancel", "0000"], "not_found"),
    ],
)
def test_what_is_not_there_or_unclear_is_refused(command: Command, office: Office, words: list[str], kind: str) -> None:
    assert command.run("runs", *words, "--json").kind() == kind


def test_a_bookings_timeline_has_its_runs_and_what_they_did(command: Command, office: Office) -> None:
    office.comes(uid="A")
    office.work()

    (told,) = command.run("bookings", "show", "A", "--json").lines()
    (run,) = told["events"][0]["runs"]
    assert (run["rule"], [action["step"] for action in run["actions"]]) == ("one", ["first", "second"])
    out = command.run("bookings", "show", "A").out
    assert "rule      one, done" in out
    assert "action    first: make thing of A, done" in out
    assert 'answer    {"id": "id of thing of A"' in out
