from __future__ import annotations

import threading

import pytest

from tests.conftest import PATIENCE
from tests.contract.ledger.conftest import Office
from workers.rulebook import Live, Rulebook
from workers.store import rules

RULE = """
rules:
  - name: one
    on: [BOOKING_CREATED]
    do: [{make: a thing}]
"""
OTHER = RULE.replace("one", "two")


def restarted(office: Office) -> Rulebook:
    return Rulebook(office.store, office.folder, office.kinds)


def test_a_file_that_changes_is_read_again_and_both_versions_are_kept(office: Office) -> None:
    office.rules(RULE)
    first = office.book.live().versions["one"]
    office.rules(RULE.replace("a thing", "another"))
    second = office.book.live().versions["one"]

    assert first != second
    with office.store.read() as connection:
        assert [(each.id, each.live) for each in rules.versions(connection, "one")] == [(second, True), (first, False)]
        assert office.book.rule(connection, first).digest != office.book.rule(connection, second).digest


def test_a_version_is_given_to_whoever_has_the_database_while_the_folder_waits_for_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker asks for it in the transaction that takes a run; on SQLite nobody else writes until that is over."""
    office.rules(RULE)
    first = office.book.live().versions["one"]
    (office.folder / "rules.yaml").write_text(RULE.replace("a thing", "another"))
    about_to_write = threading.Event()
    keep = Rulebook._read

    def told(book: Rulebook) -> Live:
        about_to_write.set()
        return keep(book)

    monkeypatch.setattr(Rulebook, "_read", told)
    reading = threading.Thread(target=office.book.live)
    with office.store.write() as connection:
        reading.start()
        assert about_to_write.wait(PATIENCE)
        rule = office.book.rule(connection, first)
        assert rule.name == "one"
        assert reading.is_alive() or not office.store.sqlite
    reading.join(PATIENCE)

    assert office.book.live().versions["one"] != first


def test_a_rule_put_back_as_it_was_is_the_version_that_it_was(office: Office) -> None:
    office.rules(RULE)
    first = office.book.live().versions["one"]
    office.rules(RULE.replace("a thing", "another"))
    office.rules("# with a comment\n" + RULE)

    assert office.book.live().versions["one"] == first


def test_a_rule_that_is_no_longer_there_causes_no_more_runs(office: Office) -> None:
    office.rules(RULE)
    (office.folder / "rules.yaml").unlink()

    assert office.book.live().rules.rules == {}
    office.comes()
    assert office.runs() == []
    with office.store.read() as connection:
        assert rules.live(connection) == []


def test_the_rules_of_a_file_that_breaks_stay_as_they_were_and_its_fault_is_told(office: Office) -> None:
    office.rules(RULE)
    office.rules(OTHER, "other.yaml")
    first = office.book.live().versions["one"]
    (office.folder / "rules.yaml").write_text(RULE.replace("make", "mak"))
    (office.folder / "other.yaml").write_text(OTHER.replace("a thing", "another"))

    live = office.book.live()
    assert live.versions["one"] == first
    assert "mak" in live.faults[0].message
    office.comes()
    office.work()
    assert office.world.made == {"a thing": 1, "another": 1}


def test_they_stay_so_over_a_restart(office: Office) -> None:
    office.rules(RULE)
    office.book.live()
    (office.folder / "rules.yaml").write_text("rules: [")

    live = restarted(office).live()
    assert list(live.rules.rules) == ["one"]
    assert live.faults


def test_a_folder_that_is_not_there_holds_no_rules(office: Office) -> None:
    office.folder.rmdir()

    assert office.book.live().rules.rules == {}


def test_who_has_no_folder_takes_the_rules_that_sql_says_are_live_and_retires_none(office: Office) -> None:
    office.rules(RULE)
    version = office.book.live().versions["one"]
    elsewhere = Rulebook(office.store, office.folder / "nowhere", office.kinds)

    kept = elsewhere.kept()
    assert kept.versions == {"one": version}
    assert [*kept.rules.rules] == ["one"]
    with office.store.read() as connection:
        assert [each.name for each in rules.live(connection)] == ["one"]
    office.rules("rules: []")
    office.book.live()
    assert elsewhere.kept().versions == {}
