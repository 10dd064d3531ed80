"""The architecture, held by import-linter: the contracts are in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from importlinter import cli

ROOT = Path(__file__).parent.parent


def test_imports_follow_the_data_from_ingest_to_workers_and_from_facts_to_entry() -> None:
    assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == cli.EXIT_STATUS_SUCCESS
