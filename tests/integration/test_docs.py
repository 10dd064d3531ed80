from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ingest.mcp.calcom import offers
from tests import docs
from workers.calcom.coerce import coerce
from workers.calcom.tools import find
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


def test_every_call_that_the_pages_show_fits_its_tools_schema() -> None:
    """Examples of `tools/call`, and of rules' and the command line's calls by the arguments they give."""
    shown = [call for page in PAGES for call in _calls(page.read_text("utf-8"))]

    assert shown
    for name, arguments in shown:
        (offer,) = [each for each in offers(("acme", "beta")) if each.name == name]
        Draft202012Validator(dict(offer.input_schema)).validate(arguments)


def _calls(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in re.findall(r"'(\{\"jsonrpc\".*?\}\}\})'", text, re.DOTALL):
        params = json.loads(message)["params"]
        yield params["name"], params["arguments"]
    for name, rest in re.findall(r"daybook tools call (cal_\w+)((?: *\\\n| +--?\w[\w-]* \S+)*)", text):
        pairs = dict(pair.split("=", 1) for pair in re.findall(r"--arg (\S+=\S+)", rest))
        pcid = re.findall(r"--(?:PCID|pcid) (\S+)", rest)
        yield name, {"PCID": pcid[0], "orgId": 1, **coerce(find(name), pairs)}
