"""`daybook keys`."""

from __future__ import annotations

import pytest

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.store import keys
from workers.store.keys import Role


def test_a_key_is_shown_once_and_works(command: Command, filled: Filled) -> None:
    made = command.run("keys", "create", "dashboards", "--role", "viewer", "--json").lines()[0]
    with filled.store.read() as connection:
        found = keys.find(connection, made["key"])
    assert found is not None
    assert (found.name, found.role) == ("dashboards", Role.VIEWER)
    listed = command.run("keys", "list", "--json")
    assert made["key"] not in listed.out
    assert listed.lines() == [{name: made[name] for name in ("id", "name", "role", "created_at", "revoked_at")}]


def test_for_people_the_key_alone_is_on_stdout(command: Command, filled: Filled) -> None:
    done = command.run("keys", "create", "mine", "--role", "admin")
    with filled.store.read() as connection:
        assert keys.find(connection, done.out.strip()) is not None
    assert "one time it is shown" in done.err
    assert command.run("keys", "list").out.splitlines()[1].startswith("mine  admin")


def test_a_revoked_key_is_worthless_and_its_name_free(command: Command, filled: Filled) -> None:
    text = command.run("keys", "create", "mine", "--role", "viewer").out.strip()
    assert command.run("keys", "create", "mine", "--role", "viewer", "--json").kind() == "conflict"
    assert command.run("keys", "revoke", "mine", "--json").lines()[0]["revoked_at"] is not None
    with filled.store.read() as connection:
        assert keys.find(connection, text) is None
    assert command.run("keys", "revoke", "mine", "--json").kind() == "not_found"
    again = command.run("keys", "create", "mine", "--role", "operator", "--json").lines()[0]
    assert "worthless" in command.run("keys", "revoke", again["id"]).out


@pytest.mark.parametrize(
    "words",
    [["create", "", "--role", "viewer"], ["create", "a\x1bb", "--role", "viewer"], ["create", "a", "--role", "owner"]],
)
def test_what_is_wrong_is_refused(command: Command, words: list[str]) -> None:
    assert command.run("keys", *words, "--json").kind() == "bad_input"
