"""`daybook keys`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.store import keys, sessions
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


def signed_in_by(filled: Filled, url: str) -> bytes | None:
    """The hash of the key in whose name a link signs in."""
    head, _, token = url.partition("/sign-in?link=")
    assert head == "http://127.0.0.1:8787"
    with filled.store.write() as sql:
        return sessions.use_link(sql, token, now=datetime.now(UTC))


def test_a_link_signs_in_once_in_the_name_of_a_live_key(command: Command, filled: Filled) -> None:
    made = command.run("keys", "create", "ada", "--role", "viewer", "--json").lines()[0]
    by_name, by_id = command.run("keys", "link", "ada"), command.run("keys", "link", made["id"], "--json").lines()[0]
    assert by_name.out.count("\n") == 1  # for a script, however narrow the terminal is
    assert "once" in by_name.err
    assert signed_in_by(filled, by_name.out.strip()) == keys.digest(made["key"])
    assert signed_in_by(filled, by_name.out.strip()) is None
    assert signed_in_by(filled, by_id["url"]) == keys.digest(made["key"])
    assert by_id["expires_at"] > made["created_at"]


def test_a_link_may_be_for_the_key_in_the_settings(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.run("keys", "link", "DAYBOOK_ADMIN_KEY", "--json").kind() == "not_found"
    monkeypatch.setenv("DAYBOOK_ADMIN_KEY", "a key of twenty characters or more")
    linked = command.run("keys", "link", "DAYBOOK_ADMIN_KEY")
    assert signed_in_by(filled, linked.out.strip()) == keys.digest("a key of twenty characters or more")


def test_a_link_leads_to_the_public_address_where_there_is_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run("keys", "create", "ada", "--role", "viewer")
    monkeypatch.setenv("DAYBOOK_PUBLIC_URL", "https://daybook.acme.example")
    assert command.run("keys", "link", "ada").out.startswith("https://daybook.acme.example/sign-in?link=")


def test_there_is_no_link_for_a_key_that_is_revoked_or_never_was(command: Command) -> None:
    command.run("keys", "create", "ada", "--role", "viewer")
    command.run("keys", "revoke", "ada")
    for name in ("ada", "bob"):
        assert command.run("keys", "link", name, "--json").kind() == "not_found"
