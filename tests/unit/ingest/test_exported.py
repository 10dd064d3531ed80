"""The forms of an export, and that no cell of CSV is a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from ingest import exported

BEGINNINGS = re.compile(r"(?:^|[;\t\r\n]) *[=+\-@＝＋－＠]")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "＝1", "\t=1", "\r=1", " =1", "Jon; =1", "Jon;@a", "a\n=1"])
@pytest.mark.parametrize("after", ["", "; =2"])
def test_a_formula_becomes_text(text: str, after: str) -> None:
    told = exported.harmless(text + after)
    assert not BEGINNINGS.search(told)
    assert told.replace("'", "") == text + after


def test_a_break_that_a_cell_begins_with_is_no_beginning() -> None:
    assert exported.harmless("\tAda") == "'\tAda"


def test_other_text_stays() -> None:
    for text in ("", "Ada", "1=1", "a@b.example", "'", "Ada; Jon", "two\nlines"):
        assert exported.harmless(text) == text


def test_a_spreadsheet_gets_no_escape_sequence() -> None:
    assert exported.harmless("\x1b[2Jgone\x9b\x00") == "\ufffd[2Jgone\ufffd\ufffd"


def test_a_table_has_a_line_of_names_and_then_its_rows_each_cell_as_text() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "notes": None, "seen": 2},
        {"id": "b", "notes": 'two\nlines, "so"', "seen": -1},
    ]
    written = b"".join(exported.table(rows)).decode()
    assert list(csv.reader(io.StringIO(written, newline=""))) == [
        ["id", "notes", "seen"],
        ["a", "", "2"],
        ["b", 'two\nlines, "so"', "'-1"],
    ]
    assert b"".join(exported.table([])) == b""


def test_json_is_one_value_a_line() -> None:
    values = [{"notes": "two\nlines"}, {"notes": None}]
    assert [json.loads(line) for line in b"".join(exported.ndjson(values)).splitlines()] == values
