"""Commands on a filled database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.store.filled import Filled
from tests.integration.cli.command import Command
from workers.store.engine import open_store
from workers.vault import Vault


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, sqlite_database: str
) -> Command:
    """`daybook` in a folder of its own."""
    return Command(monkeypatch, capsys, tmp_path, sqlite_database)


@pytest.fixture
def filled(sqlite_database: str, vault: Vault) -> Iterator[Filled]:
    """The same database, to be filled."""
    with contextlib.closing(open_store(sqlite_database)) as store:
        yield Filled(store, vault)
