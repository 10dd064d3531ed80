"""The bar of a long command."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ingest.cli import output, progress

THINGS = [*range(5)]


def shown(monkeypatch: pytest.MonkeyPatch, *, patience: float, terminal: bool) -> tuple[str, int]:
    """What stderr says during an export, and how often it was counted."""
    said = io.StringIO()
    monkeypatch.setattr(output, "stderr", Console(file=said, force_terminal=terminal, width=80))
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    counted: list[int] = []

    def count() -> int:
        counted.append(1)
        return len(THINGS)

    assert list(progress.watched(THINGS, count)) == THINGS
    return said.getvalue(), len(counted)


def test_what_takes_long_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said, counted = shown(monkeypatch, patience=-1, terminal=True)
    assert "/5" in said
    assert counted == 1


def test_a_short_one_does_not_and_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, patience=3_600, terminal=True) == ("", 0)


def test_a_pipe_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, patience=-1, terminal=False) == ("", 0)
