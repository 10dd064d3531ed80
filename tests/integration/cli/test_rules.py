"""`daybook rules`: what people see of rules before and while they are live."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.ledger.conftest import Office
from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.actions.registry import kinds
from workers.actions.signing import signing_secret
from workers.rulebook import Rulebook
from workers.settings import Settings, load
from workers.vault import Vault

OOO = "cal_organizations_users_ooocontroller_create_organization_user_ooo"
GOOD = f"""
rules:
  - name: block
    on: [BOOKING_CREATED]
    when: event.type == "time-off"
    once_per: ${{{{ event.booking.uid }}}}
    do:
      - id: made
        tool: {OOO}
        with: {{userId: "${{{{ event.organizer.id }}}}", start: "${{{{ event.start }}}}", end: "${{{{ event.end }}}}"}}
      - http: https://hooks.example/in/x
        body: entry ${{{{ run.made.id }}}}
"""
STOP = "    on: [PING]\n    do: [{stop: enough}]\n"


@pytest.fixture
def rules(command: Command) -> Path:
    """The folder of rules, with one file."""
    folder = command.folder / "rules"
    folder.mkdir()
    (folder / "block.yaml").write_text(GOOD)
    return folder


def make_live(command: Command, filled: Filled) -> None:
    """What a worker does when it looks at the folder."""
    settings = load()
    Rulebook(filled.store, command.folder / settings.rules, kinds(settings)).live()


def test_rules_that_are_fine_are_counted(command: Command, rules: Path) -> None:
    done = command.run("rules", "check")
    assert (done.status, done.out, done.err) == (0, "1 rule is fine.\n", "")
    assert command.run("rules", "check", "--json").out == ""


def test_every_fault_is_shown_at_its_place_in_the_file(command: Command, rules: Path) -> None:
    misspelt = STOP.replace("PING", "BOOKING_CREATD")
    hidden = "    when: event.title == '\u202e' && event.tpye == 'x'\n"
    (rules / "bad.yaml").write_text(f"rules:\n  - name: a\n{misspelt}  - name: b\n{hidden}{STOP}")
    done = command.run("rules", "check")
    assert done.status == 1
    lines = done.out.splitlines()
    assert lines[0].startswith('rules/bad.yaml:3:10: there is no trigger "BOOKING_CREATD"')
    assert lines[1:3] == ["      on: [BOOKING_CREATD]", "           ^"]
    assert lines[3].startswith('rules/bad.yaml:6:39: event has no field "tpye"')
    assert "\u202e" not in done.out
    assert lines[-1].startswith("1 rule is fine; ")
    faults = command.run("rules", "check", "--json")
    assert faults.status == 1
    assert faults.lines()[0] == {
        "file": "rules/bad.yaml",
        "line": 3,
        "column": 10,
        "message": 'there is no trigger "BOOKING_CREATD"; did you mean "BOOKING_CREATED"?',
    }


def test_files_and_folders_may_be_named_and_a_name_is_taken_once(command: Command, rules: Path) -> None:
    (command.folder / "one.yaml").write_text(f"rules:\n  - name: one\n{STOP}")
    assert command.run("rules", "check", "one.yaml", "rules").out == "2 rules are fine.\n"
    assert command.run("rules", "check", "rules", "rules/block.yaml").out == "1 rule is fine.\n"
    (command.folder / "two.yaml").write_text(f"rules:\n  - name: one\n{STOP}")
    (fault,) = command.run("rules", "check", "one.yaml", "two.yaml", "--json").lines()
    assert (fault["file"], fault["message"]) == ("two.yaml", 'there is a rule "one" already, in one.yaml')


@pytest.mark.parametrize("words", [["check"], ["check", "nowhere.yaml"], ["test", "nowhere.yaml", "--event", "-"]])
def test_a_file_that_is_not_there_is_named(command: Command, words: list[str]) -> None:
    assert command.run("rules", *words, "--json").kind() == "not_found"


def test_live_rules_are_listed_with_what_became_of_their_runs(
    command: Command, filled: Filled, rules: Path, vault: Vault
) -> None:
    (rules / "dry.yaml").write_text(f"rules:\n  - name: dry\n    dry_run: true\n{STOP}")
    assert "block, dry" in command.run("rules", "list").err
    make_live(command, filled)
    office = Office(filled.store, vault, rules)
    office.book = Rulebook(filled.store, rules, kinds(Settings()))
    office.comes(uid="A", type="time-off")

    block, dry = command.run("rules", "list", "--json").lines()
    assert (block["name"], block["on"], block["state"], block["runs"]) == (
        "block", ["BOOKING_CREATED"], "live", {"planned": 1},
    )  # fmt: skip
    assert (dry["state"], dry["runs"], dry["last_run"]) == ("dry run", {}, None)
    assert len(block["version"]) == 64
    out = command.run("rules", "list").out
    assert "1 planned" in out
    assert block["version"][:8] in out
    assert max(map(len, out.splitlines())) <= 110


def test_a_rule_that_is_kept_because_its_file_broke_is_listed_as_kept_with_the_fault(
    command: Command, filled: Filled, rules: Path
) -> None:
    (rules / "dry.yaml").write_text(f"rules:\n  - name: dry\n    dry_run: true\n{STOP}")
    (rules / "fine.yaml").write_text(f"rules:\n  - name: fine\n{STOP}")
    make_live(command, filled)
    for broken in ("block", "dry"):
        (rules / f"{broken}.yaml").write_text(f"rules:\n  - name: {broken}\n{STOP.replace('PING', 'PNIG')}")
    make_live(command, filled)  # a worker looks, and leaves the rules of those files as they were

    block, dry, fine = command.run("rules", "list", "--json").lines()
    assert (block["name"], block["state"]) == ("block", "kept")
    assert (block["fault"]["file"], block["fault"]["line"]) == ("rules/block.yaml", 3)
    assert dry["state"] == "kept dry run"
    assert (fine["state"], fine["fault"]) == ("live", None)
    listed = command.run("rules", "list")
    assert "kept: its file is broken" in listed.out
    assert 'block is kept as it was when its file was read last: rules/block.yaml:3:10: there is no trigger "PNIG"' in (
        listed.err
    )
    assert "Not live" not in listed.err
    assert max(map(len, listed.out.splitlines())) <= 120

    (rules / "block.yaml").write_text(GOOD)
    assert command.run("rules", "list", "--json").lines()[0]["state"] == "live"


def test_a_rule_that_moved_out_of_a_broken_file_is_not_kept(command: Command, filled: Filled, rules: Path) -> None:
    make_live(command, filled)
    (rules / "block.yaml").write_text(f"rules:\n  - name: other\n{STOP.replace('PING', 'PNIG')}")
    (rules / "moved.yaml").write_text(GOOD)
    assert command.run("rules", "list", "--json").lines()[0]["state"] == "live"


def test_the_schema_is_that_of_the_docs(command: Command) -> None:
    published = Path(__file__).parents[3] / "docs" / "rules.schema.json"
    assert json.loads(command.run("rules", "schema").out) == json.loads(published.read_text("utf-8"))


def test_the_signing_secret_is_shown_and_not_made_by_looking(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.run("rules", "secret", "--json").kind() == "misconfigured"
    assert not (command.folder / "data").exists()
    (command.folder / "data").mkdir()
    secret = signing_secret(load())
    assert command.run("rules", "secret").out == f"{secret}\n"
    assert secret.startswith("whsec_")


def test_a_rule_is_tried_with_a_stored_event_and_makes_nothing(command: Command, filled: Filled, rules: Path) -> None:
    event = filled.event(uid="A", type="time-off")

    (told,) = command.run("rules", "test", "rules/block.yaml", "--event", str(event)[:18], "--json").lines()
    assert (told["matches"], told["acts"], told["once"], told["event"]) == (True, True, "A", str(event))
    assert told["steps"][0]["request"]["with"]["userId"] == 41
    assert told["steps"][1]["request"]["body"] == "entry (known when it runs)"
    out = command.run("rules", "test", "rules/block.yaml", "--event", str(event), "--outputs", 'made={"id": 7}').out
    assert 'when holds: event.type == "time-off" is true' in out
    assert f"1. made: tool {OOO}\n" in out
    assert "entry 7" in out
    assert command.run("runs", "list", "--json").out == ""


def test_an_event_that_does_not_match_says_why(command: Command, filled: Filled, rules: Path) -> None:
    event = str(filled.event(uid="A"))
    done = command.run("rules", "test", "rules/block.yaml", "--event", event)
    assert done.status == 0
    assert 'when does not hold: event.type == "time-off" is false' in done.out
    assert done.out.endswith("It does not match; nothing would be done.\n")


def test_a_key_that_had_its_run_is_told(command: Command, filled: Filled, rules: Path, vault: Vault) -> None:
    office = Office(filled.store, vault, rules)
    office.book = Rulebook(filled.store, rules, kinds(Settings()))
    event = str(office.comes(uid="A", type="time-off"))
    (run,) = office.runs()

    (told,) = command.run("rules", "test", "rules/block.yaml", "--event", event, "--json").lines()
    assert (told["matches"], told["acts"], told["before"]) == (True, False, {"run_id": str(run.id), "state": "planned"})
    assert "had this key" in command.run("rules", "test", "rules/block.yaml", "--event", event).out


def test_an_event_may_come_from_a_file_without_a_database(
    command: Command, rules: Path, monkeypatch: pytest.MonkeyPatch, filled: Filled
) -> None:
    event = str(filled.event(uid="A", type="time-off"))
    shown = command.run("events", "show", event, "--json").out
    (command.folder / "event.json").write_text(shown)
    body: dict[str, Any] = {"triggerEvent": "BOOKING_CREATED", "payload": {"uid": "A", "type": "time-off"}}
    monkeypatch.setenv("DAYBOOK_DATABASE_URL", "sqlite:////nowhere/at/all.db")

    (told,) = command.run("rules", "test", "rules/block.yaml", "--event", "event.json", "--json").lines()
    assert (told["matches"], told["event"]) == (True, event)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(body).encode())))
    words = ["--event", "-", "--connection", "eu", "--json"]
    (told,) = command.run("rules", "test", "rules/block.yaml", *words).lines()
    assert (told["matches"], told["steps"][0]["connection"]) == (True, "eu")
    assert command.run("rules", "test", "rules/block.yaml", "--event", "no.json", "--json").kind() == "not_found"


def test_of_several_rules_one_has_to_be_named(command: Command, rules: Path) -> None:
    (rules / "block.yaml").write_text(f"{GOOD}  - name: other\n{STOP}")
    (command.folder / "event.json").write_text('{"trigger": "PING"}')
    words = ["test", "rules/block.yaml", "--event", "event.json", "--json"]
    assert command.run("rules", *words).kind() == "bad_input"
    assert command.run("rules", *words, "--rule", "none").kind() == "not_found"
    (told,) = command.run("rules", *words, "--rule", "other").lines()
    assert (told["rule"], told["acts"]) == ("other", True)


def test_a_file_with_faults_is_not_tried(command: Command, rules: Path) -> None:
    (rules / "block.yaml").write_text(GOOD.replace("event.type", "event.tpye"))
    done = command.run("rules", "test", "rules/block.yaml", "--event", "x")
    assert done.status == 1
    assert 'did you mean "type"' in done.err


@pytest.mark.parametrize("outputs", ["made", "made={", "=1"])
def test_outputs_that_cannot_be_read_are_refused(command: Command, rules: Path, outputs: str) -> None:
    (command.folder / "event.json").write_text(json.dumps({"trigger": "BOOKING_CREATED"}))
    words = ["--event", "event.json", "--outputs", outputs, "--json"]
    assert command.run("rules", "test", "rules/block.yaml", *words).kind() == "bad_input"


def test_a_backtest_tells_what_the_history_would_have_caused(command: Command, filled: Filled, rules: Path) -> None:
    filled.events(3, type="time-off")
    filled.event(uid="other")
    make_live(command, filled)
    (rules / "block.yaml").write_text(GOOD.replace('"time-off"', '"intro-call"'))

    (told,) = command.run("rules", "backtest", "rules/block.yaml", "--since", "2026-11-01", "--json").lines()
    assert (told["looked_at"], told["runs"], told["matches"]["number"]) == (4, 1, 1)
    assert (told["difference"]["only_new"]["number"], told["difference"]["only_live"]["number"]) == (1, 3)
    assert told["since"] == "2026-11-01T00:00:00.000Z"
    out = command.run("rules", "backtest", "rules", "--since", "2026-11-01").out
    assert out.startswith("block: 1 of 4 events match, 1 run.\n")
    assert f"  1 × tool {OOO}\n" in out
    assert "1 call of Cal.com's API for acme: less than a minute of its budget of 90 a minute" in out
    assert "Against the live rule: 1 event more, 3 fewer." in out
    assert command.run("runs", "list", "--json").out == ""
    assert command.run("rules", "backtest", "rules", "--since", "noon", "--json").kind() == "bad_input"


def test_a_rule_is_switched_to_dry_run_and_back_without_its_file(command: Command, filled: Filled, rules: Path) -> None:
    make_live(command, filled)
    assert command.run("rules", "switch", "block", "--dry-run", "on").status == 0
    (block,) = command.run("rules", "list", "--json").lines()
    assert (block["state"], block["switch"]["set_by"]) == ("dry run", "the command line")
    assert "dry run (switched by the command line)" in command.run("rules", "list").out
    (told,) = command.run("rules", "switch", "block", "--dry-run", "off", "--json").lines()
    assert (told["name"], told["switch"]["dry_run"]) == ("block", False)
    assert command.run("rules", "list", "--json").lines()[0]["state"] == "live"
    assert command.run("rules", "switch", "nothing", "--dry-run", "on").status != 0
