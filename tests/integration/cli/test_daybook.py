"""What every command has in common: settings that are wrong, folders that are not Daybook's, arguments, encodings."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from ingest.cli import machine_checks
from ingest.cli.verdicts import Verdict, ok
from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command, main

LOOKING = [
    ["events", "list"],
    ["events", "show", "01a20b63"],
    ["events", "tail", "--stop-after", "1"],
    ["events", "stats"],
    ["events", "export"],
    ["bookings", "show", "uid"],
    ["deliveries", "list"],
    ["deliveries", "show", "01a20b63"],
    ["deliveries", "replay", "--all", "--yes"],
    ["connections", "list"],
    ["connections", "test"],
    ["webhooks", "list"],
    ["webhooks", "plan"],
    ["keys", "list"],
    ["keys", "revoke", "mine"],
    ["trigger", "BOOKING_CREATED"],
]


@pytest.fixture
def bare(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`daybook` in a folder of its own, with no setting made."""
    folder = command.folder / "bare"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("DAYBOOK_DATA_DIR", "DAYBOOK_DATABASE_URL"):
        monkeypatch.delenv(name)
    return command


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_a_command_that_only_looks_makes_nothing_where_no_daybook_is(bare: Command, words: list[str]) -> None:
    done = bare.run(*words)

    assert done.status == 1
    assert "there is no Daybook here" in done.err
    assert "DAYBOOK_DATA_DIR" in done.err
    assert "--config" in done.err
    assert list(Path().iterdir()) == []


def test_a_database_file_that_is_not_there_is_named(bare: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBOOK_DATABASE_URL", "sqlite:///elsewhere.db")

    done = bare.run("events", "list", "--json")

    assert done.kind() == "not_found"
    assert "elsewhere.db, which DAYBOOK_DATABASE_URL names" in done.err
    assert list(Path().iterdir()) == []


def test_a_new_database_gets_its_tables_from_who_makes_something(bare: Command) -> None:
    Path("data").mkdir()
    Path("data/daybook.db").touch()

    assert "daybook migrate" in bare.run("events", "list").err
    assert bare.run("keys", "create", "mine", "--role", "viewer").status == 0
    assert bare.run("events", "list").out == "No events.\n"


def test_looking_makes_no_key_and_nothing_is_sealed_without_one(command: Command, filled: Filled) -> None:
    assert command.run("webhooks", "list").status == 0
    filled.webhook()

    done = command.run("webhooks", "list", "--json")

    assert done.kind() == "misconfigured"
    assert "DAYBOOK_SECRET_KEY" in done.err
    adopted = command.run("webhooks", "adopt", "new", "--connection", "acme", "--secret", "s", "--json")
    assert adopted.kind() == "misconfigured"
    assert not (command.folder / "data").exists()


def test_the_configuration_may_be_named_on_the_command_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBOOK_CONFIG", "not this one")
    (command.folder / "mine.yaml").write_text("public_url: https://daybook.acme.com\n")

    done = command.run("--config", "mine.yaml", "doctor", "--local", "--json")

    assert "https://daybook.acme.com" in done.out
    assert "no-such.yaml" in command.run("--config", "no-such.yaml", "events", "list").err


def test_the_version_is_told(command: Command) -> None:
    done = command.run("--version")

    assert (done.status, done.out) == (0, f"daybook {metadata.version('daybook')}\n")


WRONG = {
    "DAYBOOK_PORT": "70000",
    "DAYBOOK_HOST": "a..b",
    "DAYBOOK_PUBLIC_URL": "https://me:secret@daybook.acme.com",
    "DAYBOOK_DATABASE_URL": "postgresql://u:hunter2@localhost:port/name",
    "DAYBOOK_BROKER_URL": "redis://:hun#ter2@localhost",
    "DAYBOOK_DATA_DIR": "file",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("words", [["events", "list"], ["migrate"], ["doctor"]], ids=" ".join)
def test_a_wrong_setting_is_named_by_every_command(
    bare: Command, monkeypatch: pytest.MonkeyPatch, name: str, words: list[str]
) -> None:
    Path("file").touch()
    monkeypatch.setenv(name, WRONG[name])

    done = bare.run(*words)

    assert done.status == 1
    assert name in done.out + done.err
    assert "bug" not in done.out + done.err
    assert "hunter2" not in done.out + done.err


def verdicts(command: Command) -> dict[str, str]:
    return {one["check"]: one["state"] for one in command.run("doctor", "--local", "--json").lines()}


def test_the_doctor_tells_of_a_broker_whose_url_only_its_client_can_refuse(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("redis://localhost?colour=blue", "amqp://localhost?colour=blue"):
        monkeypatch.setenv("DAYBOOK_BROKER_URL", url)
        found = verdicts(command)
        assert found["broker"] == "fail"
        assert found["database"] == "ok"


def test_the_doctor_tells_a_database_that_is_new_from_one_that_cannot_be(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, state in (("sqlite:///new.db", "warn"), ("sqlite:////proc/daybook/new.db", "fail")):
        monkeypatch.setenv("DAYBOOK_DATABASE_URL", url)
        assert verdicts(command)["database"] == state


def test_the_doctor_outlives_a_look_that_fails(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def falls_ill(*_: object) -> Iterator[Verdict]:
        yield ok("disk", "room")
        raise ZeroDivisionError

    monkeypatch.setattr(machine_checks, "machine", falls_ill)

    assert verdicts(command) == {"settings": "ok", "disk": "ok", "this machine": "fail"}


@pytest.mark.parametrize(
    "words",
    [
        ["connections", "remove", "\udcff"],
        ["trigger", "BOOKING_CREATED", "--url", "http://localhost", "--secret", "\udcff"],
        ["events", "list", "--text", "\udcff"],
        ["keys", "revoke", "\udcff"],
        ["webhooks", "rotate", "\udcff"],
    ],
)
def test_an_argument_that_is_no_text_is_refused(command: Command, words: list[str]) -> None:
    done = command.run(*words, "--json")

    assert done.kind() == "bad_input"
    assert "\\\\udcff" in done.err


def test_a_folder_that_cannot_be_made_is_named(bare: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBOOK_DATA_DIR", "/proc/daybook")

    done = bare.run("keys", "create", "mine", "--role", "viewer", "--json")

    assert done.kind() == "system"
    assert "/proc/daybook" in done.err
    assert "DAYBOOK_DATA_DIR" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["connections", "add", "acme", "--org-id", "2147483648", "--api-key", "k"],
        ["connections", "add", "acme", "--org-id", "9" * 5_000, "--api-key", "k"],
        ["trigger", "BOOKING_CREATED", "--wait", "nan"],
        ["events", "list", "--limit", "9" * 5_000],
    ],
)
def test_a_number_that_is_too_large_or_none_is_refused(command: Command, words: list[str]) -> None:
    assert command.run(*words, "--json").kind() == "usage"


@pytest.mark.parametrize("words", [["events", "list"], ["deliveries", "list"]], ids=" ".join)
def test_a_limit_may_be_huge(command: Command, filled: Filled, words: list[str]) -> None:
    filled.event()

    assert len(command.run(*words, "--limit", "9" * 30, "--json").lines()) == 1
    assert len(command.run(*words, "--limit", "9" * 30).out.splitlines()) == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_is_not_utf8_ends_no_command(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    mine = filled.event(title="Zoë 会議")

    def said(*words: str) -> bytes:
        told = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["daybook", *words])
            patch.setattr(sys, "stdout", io.TextIOWrapper(told, encoding, write_through=True))
            assert main() == 0
            return told.getvalue()

    assert b"\\u4f1a" in said("events", "list")
    assert b"\\u25cf" in said("bookings", "show", "uid-0")
    (event,) = map(json.loads, said("events", "list", "--json").splitlines())
    assert (event["id"], event["title"]) == (str(mine), "Zoë 会議")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_stream_that_is_closed_ends_no_command(command: Command, filled: Filled, closed: str) -> None:
    filled.event()
    line = f"exec {shlex.quote(sys.executable)} -P -m ingest events list --json {closed}"

    assert subprocess.run(["/bin/sh", "-c", line], cwd=command.folder, check=False).returncode == 0
