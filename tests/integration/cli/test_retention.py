"""`daybook retention`, and what commands say where a body is forgotten."""

from __future__ import annotations

import pytest

from tests.contract.store.filled import START, Filled
from tests.integration.cli.command import Command

AGES = "retention: {bodies: 1d, kinds: {form: 2d}}\n"


@pytest.fixture
def filled_long_ago(filled: Filled) -> Filled:
    filled.event(uid="long-ago", at=START.replace(year=2025))
    filled.event(trigger="FORM_SUBMITTED", uid=None, at=START.replace(year=2025))
    return filled


def test_what_is_past_is_counted_and_then_forgotten(command: Command, filled_long_ago: Filled) -> None:
    (command.folder / "daybook.yaml").write_text(AGES)

    plan = command.run("retention", "plan", "--json").lines()[0]
    assert plan["keeps"] == {
        "events": "for ever", "bodies": "1d", "quarantined": "as events", "audit": "for ever", "events: form": "2d",
    }  # fmt: skip
    assert plan["past"] == {"form": 1, "bodies": 2}
    assert "form 1" in command.run("retention", "plan").out
    assert command.run("retention", "run", "--json").kind() == "bad_input"

    done = command.run("retention", "run", "--yes", "--json").lines()[0]
    assert (done["deleted"]["events"], done["deleted"]["bodies"], done["ended"]) == (1, 2, True)
    assert command.run("retention", "run").out == "Deleted: nothing.\n"


def test_a_forgotten_body_is_said_to_be_and_cannot_be_replayed(command: Command, filled_long_ago: Filled) -> None:
    (command.folder / "daybook.yaml").write_text("retention: {bodies: 1d}\n")
    command.run("retention", "run", "--yes")
    event = str(command.run("events", "list", "--booking", "long-ago", "--json").lines()[0]["id"])

    assert command.run("events", "show", event, "--json").lines()[0]["payload"] == {}
    assert "past retention" in command.run("events", "show", event).err
    assert command.run("deliveries", "show", event, "--json").lines()[0]["body"] == "forgotten"
    assert "past retention" in command.run("deliveries", "show", event).err
    assert command.run("deliveries", "show", event, "--body", "--json").kind() == "not_found"
    assert command.run("deliveries", "replay", event, "--json").kind() == "conflict"
    assert command.run("deliveries", "replay", "--all", "--yes", "--json").lines()[0]["deliveries"] == 0


def test_a_wrong_section_is_told(command: Command, filled: Filled) -> None:
    filled.webhook()
    (command.folder / "daybook.yaml").write_text("retention: {bodys: 1d}\n")

    assert "did you mean bodies" in command.run("retention", "plan").err
