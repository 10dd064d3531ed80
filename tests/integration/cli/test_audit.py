"""`daybook audit`."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.store import audit
from workers.store.audit import Outcome, Who
from workers.store.keys import Role


def test_entries_are_chosen_by_how_they_ended_and_the_door_they_came_by(command: Command, filled: Filled) -> None:
    now = datetime.now(UTC)
    with filled.store.write() as sql:
        for door, outcome in (("api", Outcome.DONE), ("mcp", Outcome.DONE), ("mcp", Outcome.REFUSED)):
            who = Who("ada", Role.ADMIN, None)
            entry = audit.begin(sql, who, door=door, what="x", connection=None, arguments=None, now=now)
            audit.end(sql, entry, outcome, detail=None, now=now)
    chosen = command.run("audit", "list", "--door", "mcp", "--outcome", "refused", "--json").lines()
    assert [(entry["door"], entry["outcome"]) for entry in chosen] == [("mcp", "refused")]
    assert len(command.run("audit", "list", "--door", "mcp", "--json").lines()) == 2
    assert command.run("audit", "list", "--outcome", "well", "--json").kind() == "bad_input"
