"""What the demo tells of the settings that it does not follow."""

from __future__ import annotations

from pathlib import Path

from ingest.cli.demo import rules_passed_over
from workers.settings import Settings


def test_who_names_a_folder_of_rules_is_told_that_the_demo_does_not_read_it() -> None:
    told = rules_passed_over(Settings(rules=Path("mine")))
    assert told is not None
    assert "those in mine, which DAYBOOK_RULES names, are not read here" in told


def test_nothing_is_told_where_none_was_named() -> None:
    assert rules_passed_over(Settings()) is None
