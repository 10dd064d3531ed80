from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests import docs
from workers.rules.document import Document

PAGES = [docs.README, *sorted((docs.ROOT / "docs").glob("*.md")), docs.ROOT / "CONTRIBUTING.md"]


def test_the_readmes_table_of_settings_is_the_settings() -> None:
    assert docs.readme(docs.README.read_text("utf-8")) == docs.README.read_text("utf-8"), "run `make docs`"


def test_the_page_of_commands_is_the_commands_own_help() -> None:
    assert docs.commands() == docs.COMMANDS.read_text("utf-8"), "run `make docs`"


def test_the_schema_of_rule_files_is_that_of_the_kinds_of_steps() -> None:
    assert docs.rules_schema() == docs.RULES_SCHEMA.read_text("utf-8"), "run `make docs`"


def test_every_ready_made_rule_fits_the_schema_that_editors_check_it_by() -> None:
    validator = Draft202012Validator(json.loads(docs.RULES_SCHEMA.read_text("utf-8")))
    found = {path: Document(path.read_text("utf-8")).root for path in (docs.ROOT / "docs" / "rules").rglob("*.yaml")}

    assert len(found) > 5
    assert [error.message for root in found.values() if root for error in validator.iter_errors(root.plain())] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_command_that_the_pages_show_exists() -> None:
    known = {line.removeprefix("## daybook ") for line in docs.COMMANDS.read_text("utf-8").splitlines()}
    shown = set()
    for page in PAGES:
        text = page.read_text("utf-8")
        shown |= {" ".join(words).strip() for words in re.findall(r"daybook ([a-z]+)(?: ([a-z]+))?", text)}

    nouns = {name.split()[0] for name in known if " " in name}
    wrong = {words for words in shown if words.split()[0] in nouns and words not in known and " " in words}
    assert wrong == set()
