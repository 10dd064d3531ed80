"""What an export writes where."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ingest import exported
from ingest.cli import exporting
from ingest.exported import Format
from workers.errors import BadInput


class Terminal(io.StringIO):
    """stdout that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("form", list(Format))
def test_an_export_to_a_terminal_commands_nothing(monkeypatch: pytest.MonkeyPatch, form: Format) -> None:
    monkeypatch.setattr(exported, "event", lambda event: event)
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
