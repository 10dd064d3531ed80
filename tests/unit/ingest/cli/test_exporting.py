"""What an export writes where, and the bar of a long one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ingest.cli import exporting, output, telling
from ingest.cli.exporting import Format
from workers.errors import BadInput

EVENTS = [{"id": str(index)} for index in range(5)]


def shown(monkeypatch: pytest.MonkeyPatch, *, patience: float, terminal: bool) -> tuple[str, int]:
    """What stderr says during an export, and how often it was counted."""
    said = io.StringIO()
    monkeypatch.setattr(output, "stderr", Console(file=said, force_terminal=terminal, width=80))
    monkeypatch.setattr(exporting, "_PATIENCE", patience)
    counted: list[int] = []

    def count() -> int:
        counted.append(1)
        return len(EVENTS)

    assert list(exporting.watched(EVENTS, count)) == EVENTS
    return said.getvalue(), len(counted)


def test_a_long_export_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said, counted = shown(monkeypatch, patience=-1, terminal=True)
    assert "/5" in said
    assert counted == 1


def test_a_short_one_does_not_and_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, patience=3_600, terminal=True) == ("", 0)


def test_a_pipe_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, patience=-1, terminal=False) == ("", 0)


class Terminal(io.StringIO):
    """stdout that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", list(Format))
def test_an_export_to_a_terminal_commands_nothing(monkeypatch: pytest.MonkeyPatch, form: Format) -> None:
    monkeypatch.setattr(telling, "flat", lambda event: event)
    screen = Terminal()

    assert exporting.write([{"title": "\x1b[2Jgone\x9b\u202e"}], form, screen) == 1
    assert "gone" in screen.getvalue()
    assert not {"\x1b", "\x9b", "\u202e"} & set(screen.getvalue())


def test_a_file_appears_when_it_is_whole_and_is_left_alone_when_it_is_not(tmp_path: Path) -> None:
    target = tmp_path / "events.csv"
    with exporting.opened(str(target)) as file:
        file.write("whole")
        assert not target.exists()
    with pytest.raises(ZeroDivisionError), exporting.opened(str(target)) as file:
        file.write("half" * (1 // 0))
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file or directory"), exporting.opened(str(tmp_path / "no" / "file")):
        pass
