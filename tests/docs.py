"""What README and docs/ say that the code knows better: settings, commands, rules' schema. `make docs` writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from ingest import cli
from workers.actions.registry import kinds
from workers.rules.schema import schema
from workers.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"
RULES_SCHEMA = ROOT / "docs" / "rules.schema.json"
_MARKS = ("<!-- settings: made by `make docs` -->", "<!-- /settings -->")


def settings_table() -> str:
    """README's table of settings, from the settings themselves."""
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def readme(text: str) -> str:
    """README with its table as it should be."""
    begin, end = _MARKS
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{settings_table()}\n{end}{after}"


def commands() -> str:
    """docs/commands.md: the help of every command, as it is printed."""
    parts = ["# Commands", "", "Made by `make docs` from the commands' own help.", ""]
    todo: list[list[str]] = [[]]
    while todo:
        words = todo.pop(0)
        text = _help(words)
        parts += [f"## daybook {' '.join(words)}".rstrip(), "", "```", text, "```", ""]
        todo[:0] = [[*words, name] for name in _subcommands(text)]
    return "\n".join(parts)


def rules_schema() -> str:
    """docs/rules.schema.json: what editors check a rule file by."""
    return json.dumps(schema(kinds(Settings())), indent=2, ensure_ascii=False) + "\n"


def _help(words: list[str]) -> str:
    environ = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "_TYPER_FORCE_DISABLE_TERMINAL": "1"}
    cli.assemble()
    done = CliRunner().invoke(cli.app, [*words, "--help"], prog_name="daybook", env=environ)
    assert done.exit_code == 0, done.output
    return "\n".join(line.rstrip() for line in done.output.strip().splitlines())


def _subcommands(text: str) -> list[str]:
    _, _, after = text.partition("─ Commands ")
    return re.findall(r"^│ ([a-z][a-z-]*)", after, re.MULTILINE)


if __name__ == "__main__":
    README.write_text(readme(README.read_text("utf-8")), "utf-8")
    COMMANDS.write_text(commands(), "utf-8")
    RULES_SCHEMA.write_text(rules_schema(), "utf-8")
