"""`daybook backup` and `daybook restore` as commands."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command


def elsewhere(command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From here on commands are for another, empty installation."""
    folder = command.folder / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DAYBOOK_DATA_DIR", str(folder / "data"))
    monkeypatch.delenv("DAYBOOK_DATABASE_URL")
    return folder


def test_a_backup_is_made_in_a_folder_and_restored(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.events(2)
    made = command.run("backup", str(command.folder), "--json").lines()[0]
    path = Path(made["path"])
    assert (path.parent, made["bytes"]) == (command.folder, path.stat().st_size)
    assert command.run("backup", str(path), "--json").kind() == "conflict"
    assert command.run("backup", str(command.folder / "no" / "where"), "--json").kind() == "not_found"
    assert command.run("restore", str(path), "--json").kind() == "conflict"
    elsewhere(command, monkeypatch)
    assert command.run("restore", "nowhere", "--json").kind() == "not_found"

    done = command.run("restore", str(path))

    assert "every one counted again" in done.out
    assert "Next: `daybook doctor`" in done.err
    assert len(command.run("events", "list", "--json").lines()) == 2
    assert command.run("restore", str(path), "--json").kind() == "conflict"


def test_garbage_is_refused_and_leaves_nothing(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command.folder / "bad.tar.gz").write_bytes(b"\x1f\x8bgarbage")
    folder = elsewhere(command, monkeypatch)

    assert command.run("restore", str(command.folder / "bad.tar.gz"), "--json").kind() == "bad_input"
    assert [file.name for file in (folder / "data").iterdir()] == ["up.lock"]


def test_where_daybook_runs_nothing_is_restored(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.event()
    command.run("backup", str(command.folder / "b"))
    folder = elsewhere(command, monkeypatch)
    (folder / "data").mkdir()
    with (folder / "data" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert command.run("restore", str(command.folder / "b"), "--json").kind() == "misconfigured"
