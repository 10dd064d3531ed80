"""The rules that the guide shows can be read as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workers.actions.registry import kinds
from workers.rules.load import read_folder, read_text
from workers.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = [
    (path.name, block)
    for path in (DOCS / "rules.md", DOCS / "steps.md", DOCS / "alerts.md", DOCS.parent / "README.md")
    for block in re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
    if "webhooks:" not in block  # those are settings
]


@pytest.mark.parametrize(("name", "block"), SHOWN)
def test_what_the_guide_shows_is_right(name: str, block: str) -> None:
    text = block
    if "rules:" not in block:  # steps alone
        steps = "".join(f"      {line}\n" for line in block.splitlines())
        text = f"rules:\n  - name: shown\n    on: BOOKING_CREATED\n    do:\n{steps}"

    rules, faults = read_text(text, name, kinds(Settings()))

    assert faults == []
    assert rules


def test_every_example_is_right_and_in_the_guide() -> None:
    rules, faults = read_folder(DOCS / "rules" / "examples", kinds(Settings()))

    assert faults == []
    assert len(rules.rules) >= 7
    guide = (DOCS / "rules.md").read_text()
    for path in (DOCS / "rules" / "examples").iterdir():
        assert f"](rules/examples/{path.name})" in guide


def test_the_guide_names_every_kind_of_step() -> None:
    guide = (DOCS / "steps.md").read_text()

    assert [kind for kind in kinds(Settings()) if f"| `{kind}` |" not in guide] == []
