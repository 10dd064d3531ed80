from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import docs

PAGES = [docs.README, *sorted((docs.ROOT / "docs").glob("*.md")), docs.ROOT / "CONTRIBUTING.md"]


def test_the_readmes_table_of_settings_is_the_settings() -> None:
    assert docs.readme(docs.README.read_text("utf-8")) == docs.README.read_text("utf-8"), "run `make docs`"


def test_the_page_of_commands_is_the_commands_own_help() -> None:
    assert docs.commands() == docs.COMMANDS.read_text("utf-8"), "run `make docs`"


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
