"""`daybook deliveries`, with a broker and without one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.conftest import Valkey
from tests.contract.ledger.conftest import Office
from tests.contract.store.filled import START, Filled, body
from tests.integration.cli.command import Command
from workers import queue
from workers.catalogue.mask import MASK
from workers.persist import persist
from workers.vault import Vault

MINUTE = timedelta(minutes=1)


@pytest.fixture
def four(filled: Filled) -> list[UUID]:
    """Two persisted, one badly signed, one of another webhook without a signature; oldest first."""
    return [
        *filled.events(2),
        filled.keep(b"mismatch", at=START + 2 * MINUTE, verdict="mismatch"),
        filled.keep(body(uid="q"), at=START + 3 * MINUTE, webhook="eu", pcid="eu", verdict="unsigned"),
    ]


def states(command: Command) -> dict[str, str]:
    return {row["id"]: row["state"] for row in command.run("deliveries", "list", "--json").lines()}


def test_deliveries_are_listed_newest_first(command: Command, four: list[UUID]) -> None:
    rows = command.run("deliveries", "list").out.splitlines()
    assert [row.split()[-1] for row in rows[1:]] == [str(one) for one in reversed(four)]
    assert rows[1].split()[2:5] == ["eu", "unsigned", "quarantined"]
    told = command.run("deliveries", "list", "--json", "--limit", "1").lines()
    assert set(told[0]) == {
        "id", "webhook", "received_at", "verdict", "state", "bytes", "sha256", "seen", "event_id"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--state", "persisted"], 2),
        (["--verdict", "mismatch"], 1),
        (["--webhook", "eu"], 1),
        (["--since", "2026-11-01T09:02Z"], 2),
        (["--until", "2026-11-01T09:02Z"], 2),
    ],
)
def test_each_filter_narrows_the_list(command: Command, four: list[UUID], words: list[str], number: int) -> None:
    assert len(four) == 4
    assert len(command.run("deliveries", "list", "--json", *words).lines()) == number


def test_a_long_list_is_read_in_pages(command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.cli.deliveries._PAGE", 2)
    ids = [str(filled.keep(b"%d" % index, at=START + index * MINUTE)) for index in range(5)]
    assert list(states(command)) == ids[::-1]
    assert len(command.run("deliveries", "list", "--json", "--limit", "3").lines()) == 3


def test_one_delivery_is_shown_with_its_headers_but_not_its_credentials(command: Command, filled: Filled) -> None:
    mine = filled.keep(b"x", headers=(("x-cal-signature-256", "ab\x1b[0m"), ("authorization", "Basic c2VjcmV0")))
    out = command.run("deliveries", "show", str(mine)).out
    assert "x-cal-signature-256" in out
    assert MASK in out
    assert "c2VjcmV0" not in out
    assert "\x1b" not in out
    told = command.run("deliveries", "show", str(mine), "--json").lines()[0]
    assert told["headers"][1] == ["authorization", MASK]
    assert command.run("deliveries", "show", str(UUID(int=1)), "--json").kind() == "not_found"
    assert command.run("deliveries", "show", "x", "--json").kind() == "bad_input"


def test_the_body_is_written_byte_for_byte(command: Command, filled: Filled) -> None:
    mine = filled.keep(b"\x00\xff\r\n{}")
    words = [sys.executable, "-P", "-m", "ingest", "deliveries", "show", "--body", str(mine)]
    done = subprocess.run(words, cwd=command.folder, env=dict(os.environ), capture_output=True, check=True)
    assert done.stdout == b"\x00\xff\r\n{}"


def test_a_released_delivery_is_rung_for(
    command: Command, filled: Filled, four: list[UUID], broker_server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYBOOK_BROKER_URL", broker_server.url)
    done = command.run("deliveries", "release", str(four[3]), "--json")
    assert done.lines() == [{"verb": "release", "deliveries": 1, "dry_run": False, "rung": True}]
    assert states(command)[str(four[3])] == "received"
    broker = queue.open_broker(broker_server.url)
    assert queue.depth(broker) == 1
    broker.close()
    assert persist(filled.store, [four[3]]).events == 1
    assert len(command.run("events", "list", "--booking", "q", "--json").lines()) == 1


def test_a_broker_that_is_away_is_said_and_is_no_failure(command: Command, four: list[UUID]) -> None:
    done = command.run("deliveries", "replay", str(four[0]))
    assert (done.status, done.out) == (0, "Replayed 1 delivery.\n")
    assert "broker is away" in done.err
    assert states(command)[str(four[0])] == "received"


def test_ctrl_c_is_no_answer(command: Command, four: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def readline(self, *_: object) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    assert command.run("deliveries", "discard", "--all").status == 130
    assert states(command)[str(four[2])] == "quarantined"


def test_a_delivery_may_be_named_by_the_beginning_of_its_id(command: Command, four: list[UUID]) -> None:
    assert command.run("deliveries", "discard", str(four[2])[:18]).status == 0
    assert states(command)[str(four[2])] == "discarded"


def test_a_discarded_delivery_needs_no_broker(command: Command, four: list[UUID]) -> None:
    done = command.run("deliveries", "discard", str(four[2]))
    assert (done.out, done.err) == ("Discarded 1 delivery.\n", "")
    assert states(command)[str(four[2])] == "discarded"


def test_what_is_in_another_state_is_left_alone_and_named(command: Command, four: list[UUID]) -> None:
    done = command.run("deliveries", "release", str(four[0]), str(four[2]), "--json")
    assert done.lines() == [{"verb": "release", "deliveries": 1, "dry_run": False, "rung": False}]
    assert done.kind() == "conflict"
    assert f"{four[0]} is persisted" in done.err
    assert states(command)[str(four[2])] == "received"
    assert command.run("deliveries", "replay", str(UUID(int=1)), "--json").kind() == "not_found"


def test_a_replay_by_filter_counts_first_and_asks(
    command: Command, four: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(question: str, **_: object) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr("typer.confirm", answer)
    tried = command.run("deliveries", "replay", "--webhook", "org", "--dry-run")
    assert (tried.out, asked) == ("Would replay 2 deliveries.\n", [])
    assert states(command)[str(four[0])] == "persisted"
    done = command.run("deliveries", "replay", "--webhook", "org")
    assert (done.out, asked) == ("Replayed 2 deliveries.\n", ["This will replay 2 deliveries. Go on?"])
    assert [states(command)[str(one)] for one in four] == ["received", "received", "quarantined", "quarantined"]


def test_a_replay_takes_triggers_and_release_does_not(command: Command, filled: Filled) -> None:
    paid = filled.event(trigger="BOOKING_PAID")
    filled.event(trigger="BOOKING_CREATED")
    filled.event(trigger="PING")
    listed = command.run("deliveries", "list", "--trigger", "booking_paid", "--json").lines()
    assert [one["id"] for one in listed] == [str(paid)]
    tried = command.run("deliveries", "replay", "--trigger", "PING", "--trigger", "BOOKING_PAID", "--dry-run")
    assert tried.out == "Would replay 2 deliveries.\n"
    assert "--trigger" in command.run("deliveries", "replay", "--json").err
    assert command.run("deliveries", "release", "--trigger", "PING").status == 2
    assert command.run("deliveries", "replay", "--trigger", " ", "--json").kind() == "bad_input"


def test_ctrl_c_ends_a_replay_in_good_order_and_says_how_to_go_on(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = filled.events(5)
    monkeypatch.setattr("ingest.cli.moving._BATCH", 2)

    def ring(*_: object) -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    monkeypatch.setattr("workers.replay.ring", ring)
    done = command.run("deliveries", "replay", "--all", "--yes")

    assert (done.status, done.out) == (130, "Stopped: replayed 2 of 5 deliveries.\n")
    assert "--until 2026-11-01T09:03:00.001Z" in done.err
    assert [states(command)[str(one)] for one in ids] == ["persisted"] * 3 + ["received"] * 2
    again = command.run(
        "deliveries", "replay", "--yes", "--until", "2026-11-01T09:03:00.001Z", "--rate", "5000", "--json"
    )
    assert (again.status, again.lines()[0]["deliveries"], again.lines()[0]["stopped"]) == (130, 2, True)


def test_a_replay_is_paced_and_the_end_of_it_is_not_waited_past_ctrl_c(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.events(3)
    waited: list[float] = []

    def wait(_event: object, seconds: float | None = None) -> bool:
        if seconds is not None:  # else it is a thread that begins
            waited.append(seconds)
        return False

    monkeypatch.setattr("threading.Event.wait", wait)
    assert command.run("deliveries", "replay", "--all", "--yes", "--rate", "0.01").status == 0
    assert [round(seconds, -2) for seconds in waited] == [100, 200, 300]


@pytest.fixture
def office(command: Command, filled: Filled, vault: Vault, tmp_path: Path) -> Office:
    folder = tmp_path / "rules"
    folder.mkdir()
    made = Office(filled.store, vault, folder)
    made.rules("rules: [{name: one, on: [BOOKING_CREATED], do: [{make: a thing}]}]")
    made.comes(uid="A")
    made.work()
    return made


def persisted_again(office: Office, delivery: UUID) -> None:
    persist(office.store, [delivery], office.book.live())
    office.work()


def test_a_replay_repeats_no_effect(command: Command, office: Office) -> None:
    (run,) = office.runs()
    assert command.run("deliveries", "replay", str(run.event_id)).status == 0
    persisted_again(office, run.event_id)

    assert office.world.made == {"a thing": 1}


def test_effects_happen_again_only_where_that_was_asked_for_in_words(
    command: Command, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = office.runs()
    tried = command.run("deliveries", "replay", "--all", "--again", "--dry-run")
    assert tried.out == "Would replay 1 delivery.\nWith --again what 1 run did may happen again: one 1.\n"
    for typed in ("y\n", "yes\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        done = command.run("deliveries", "replay", "--all", "--again", "--yes")
        assert (done.status, done.out.strip()) == (1, "")
        assert "a second time" in done.err
    assert command.run("deliveries", "replay", "--all", "--again", "--yes", "--json").kind() == "bad_input"
    assert states(command)[str(run.event_id)] == "persisted"

    monkeypatch.setattr("sys.stdin", io.StringIO("again\n"))
    assert command.run("deliveries", "replay", "--all", "--again", "--yes").status == 0
    persisted_again(office, run.event_id)
    assert office.world.made == {"a thing": 2}


def test_a_script_says_in_an_option_of_its_own_that_effects_may_happen_again(command: Command, office: Office) -> None:
    (run,) = office.runs()
    words = ["deliveries", "replay", str(run.event_id), "--again", "--yes-again", "--json"]
    assert command.run(*words).lines() == [
        {"verb": "replay", "deliveries": 1, "dry_run": False, "rung": False, "runs_again": {"one": 1}, "freed": 1}
    ]
    persisted_again(office, run.event_id)
    assert office.world.made == {"a thing": 2}
    assert command.run("deliveries", "replay", str(run.event_id), "--yes-again", "--json").kind() == "bad_input"


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_a_no_changes_nothing_and_says_so(
    command: Command, four: list[UUID], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    done = command.run("deliveries", "discard", "--all")
    assert done.status == 1
    assert done.err.endswith("Nothing was changed.\n")
    assert states(command)[str(four[2])] == "quarantined"


def test_a_script_has_to_say_yes(command: Command, four: list[UUID]) -> None:
    assert command.run("deliveries", "release", "--all", "--json").kind() == "bad_input"
    assert states(command)[str(four[2])] == "quarantined"
    done = command.run("deliveries", "release", "--all", "--json", "--yes")
    assert done.lines() == [{"verb": "release", "deliveries": 2, "dry_run": False, "rung": False}]


@pytest.mark.parametrize(
    "words",
    [
        ["replay"],
        ["replay", "--yes"],
        ["release", str(UUID(int=1)), "--all"],
        ["discard", str(UUID(int=1)), "--webhook", "org"],
        ["replay", "--since", "noon"],
        ["replay", "--webhook", ""],
        ["replay", "nonsense"],
        ["list", "--state", "lost"],
        ["list", "--verdict", "good"],
    ],
)
def test_what_is_unclear_is_refused(command: Command, words: list[str]) -> None:
    assert command.run("deliveries", *words, "--json").kind() == "bad_input"
