"""What commands print is fit for where it goes."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cli import output


class Stream(io.TextIOWrapper):
    """stdout as a terminal or a pipe, in an encoding."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans(), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_json_says_the_same_wherever_it_goes(text: str, terminal: bool, encoding: str) -> None:
    said = output.json_text({"title": text}, Stream(encoding, terminal=terminal))

    assert json.loads(said.encode(encoding)) == {"title": text}
    assert "\n" not in said


@pytest.mark.parametrize("char", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028"])
def test_a_terminal_gets_no_character_that_it_would_obey(char: str) -> None:
    assert char not in output.json_text({"title": char}, Stream(terminal=True))


def test_a_pipe_gets_text_as_it_is() -> None:
    assert output.json_text({"title": "Zoë \u202e"}, Stream()) == '{"title":"Zoë \u202e"}'


def test_what_an_encoding_lacks_is_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream("ascii")
    monkeypatch.setattr("sys.stdout", stream)

    output.never_stumble()
    output.say("● Zoë")
    stream.flush()

    assert stream.buffer.getvalue() == b"\\u25cf Zo\\xeb\n"  # type: ignore[attr-defined]


def test_a_table_in_a_pipe_is_aligned_by_what_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["name", "id"], [("会議", 1), ("Ada", None)], empty="None.")

    assert capsys.readouterr().out == "name  id\n会議  1\nAda   –\n"


def test_an_empty_table_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["name"], [], empty="There is none.")

    assert capsys.readouterr().out == "There is none.\n"
