"""The architecture, held by import-linter: the contracts are in pyproject.toml."""

from __future__ import annotations

import logging.config
from pathlib import Path

import pytest
from importlinter import cli

ROOT = Path(__file__).parent.parent


def test_imports_follow_the_data_from_ingest_to_workers_and_from_facts_to_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.config, "dictConfig", lambda _: None)  # else it silences every logger there is by then

    assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == cli.EXIT_STATUS_SUCCESS
