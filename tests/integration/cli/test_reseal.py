"""`daybook keys reseal`, and what the doctor says of old keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.settings import Settings
from workers.vault import add_key, open_vault


@pytest.fixture
def settings(command: Command) -> Settings:
    return Settings(data_dir=command.folder / "data")


@pytest.fixture
def sealed(filled: Filled, settings: Settings) -> Path:
    """A database sealed with the data directory's key; that key's file."""
    Filled(filled.store, open_vault(settings)).webhook()
    return settings.data_dir / "secret.key"


def secrets_of(command: Command) -> tuple[str, str]:
    """What the doctor says of them."""
    told = command.run("doctor", "--local", "--json").lines()
    return next((one["state"], one["detail"]) for one in told if one["check"] == "secrets")


def test_a_new_key_takes_the_place_of_the_old_one(command: Command, sealed: Path, settings: Settings) -> None:
    old = sealed.read_text()
    add_key(settings)
    assert secrets_of(command)[0] == "warn"
    assert "3 are sealed with an old key" in secrets_of(command)[1]

    done = command.run("keys", "reseal", "--json").lines()[0]

    assert done["resealed"] == {"credentials": 1, "tokens": 1, "secrets": 1}
    assert done["keys"] == 2
    assert "one is still there" in secrets_of(command)[1]
    assert command.run("keys", "reseal", "--drop-old", "--json").lines()[0]["dropped"] == 1
    assert old not in sealed.read_text()
    assert secrets_of(command)[0] == "ok"


def test_all_of_it_is_one_command_for_people_in_a_hurry(command: Command, sealed: Path) -> None:
    done = command.run("keys", "reseal", "--new-key", "--drop-old")

    assert "Sealed anew: 1 credentials, 1 tokens, 1 secrets." in done.out
    assert len(sealed.read_text().split()) == 1


def test_keys_of_the_setting_are_not_made_here(command: Command, sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Fernet.generate_key().decode()
    monkeypatch.setenv("DAYBOOK_SECRET_KEY", f"{new},{sealed.read_text()}")

    assert command.run("keys", "reseal", "--new-key", "--json").kind() == "bad_input"
    assert sum(command.run("keys", "reseal", "--json").lines()[0]["resealed"].values()) == 3
    monkeypatch.setenv("DAYBOOK_SECRET_KEY", new)
    assert secrets_of(command)[0] == "ok"


def test_what_no_key_opens_fails_and_drops_nothing(command: Command, sealed: Path, settings: Settings) -> None:
    sealed.unlink()
    open_vault(settings)
    add_key(settings)

    assert command.run("keys", "reseal", "--json").lines()[0]["unreadable"] == 3
    assert command.run("keys", "reseal", "--drop-old", "--json").kind() == "conflict"
