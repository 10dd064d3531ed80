from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path

import pytest

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.copy_over import rows_in
from workers.store.engine import open_store
from workers.store.migrate import migrate
from workers.vault import Vault


def in_data_dir(command: Command, vault: Vault) -> None:
    """A history in the data directory's own database."""
    (command.folder / "data").mkdir()
    with contextlib.closing(open_store(f"sqlite:///{command.folder}/data/daybook.db")) as store:
        migrate(store)
        Filled(store, vault).events(2)


@pytest.fixture
def empty_postgres(monkeypatch: pytest.MonkeyPatch, postgres_database: str, command: Command) -> str:
    """The database that DAYBOOK_DATABASE_URL names."""
    monkeypatch.setenv("DAYBOOK_DATABASE_URL", postgres_database)
    return postgres_database


def test_the_two_words_copy_the_data_directorys_database_into_the_one_of_the_settings(
    command: Command, vault: Vault, empty_postgres: str
) -> None:
    in_data_dir(command, vault)

    done = command.run("migrate", "--from", "sqlite", "--to", "postgresql", "--json")

    (said,) = done.lines()
    assert done.status == 0
    assert (said["tables"]["events"]["rows"], said["tables"]["receipts"]["rows"]) == (2, 2)
    assert len(said["tables"]["events"]["digest"]) == 64
    with contextlib.closing(open_store(empty_postgres)) as target:
        assert rows_in(target) == 2 * said["rows"]
    assert [event["title"] for event in command.run("events", "list", "--json").lines()] == ["Intro call"] * 2
    again = command.run("migrate", "--from", "sqlite", "--to", "postgresql", "--json")
    assert again.kind() == "conflict"


def test_a_person_is_told_that_it_is_all_there_and_what_comes_next(
    command: Command, filled: Filled, tmp_path: Path
) -> None:
    filled.event()

    done = command.run("migrate", "--from", "sqlite", "--to", f"sqlite:///{tmp_path}/other.db")

    assert done.status == 0
    assert "counts and digests of all" in done.out
    assert "DAYBOOK_SECRET_KEY" in done.out


def test_while_daybook_up_runs_nothing_is_copied(command: Command, vault: Vault, empty_postgres: str) -> None:
    in_data_dir(command, vault)
    with (command.folder / "data" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        done = command.run("migrate", "--from", "sqlite", "--to", "postgresql")

    assert done.status == 1
    assert "another `daybook up` runs" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "sqlite"), "needs both --from and --to"),
        (("--from", "sqlite", "--to", "postgresql"), "set it to postgresql://"),
        (("--from", "sqlite", "--to", "sqlite"), "are one database"),
        (("--from", "oracle://user:hunter2@host/x", "--to", "sqlite"), "must start with sqlite:// or postgresql://"),
        (("--from", "sqlite:///nowhere.db", "--to", "sqlite"), "nowhere.db is not there"),
        (("--from", "sqlite", "--to", "postgresql://user:hunter2@127.0.0.1:1/x"), "did not answer"),
    ],
)
def test_what_cannot_be_copied_is_told_with_the_remedy_and_without_the_password(
    command: Command, words: tuple[str, ...], said: str
) -> None:
    done = command.run("migrate", *words)

    assert done.status == 1
    assert said in done.err
    assert "hunter2" not in done.out + done.err
