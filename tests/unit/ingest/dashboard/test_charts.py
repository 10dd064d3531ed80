"""Charts hold shapes and nothing that a page's policy would have to stop."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from ingest.dashboard import charts

LABELS = [f"{hour:02}:00" for hour in range(24)]


def _classes(drawn: Markup) -> list[str]:
    return [part.get("class", "") for part in ElementTree.fromstring(drawn).iter() if part.get("class")]


def test_each_series_is_a_shape_with_its_name_as_its_class() -> None:
    drawn = charts.stacked("what came", LABELS, {"signed": range(24), "mismatch": [1] * 24})
    assert "series signed" in _classes(drawn)
    assert "series mismatch" in _classes(drawn)
    assert drawn.count("<path") > 2


@pytest.mark.parametrize("values", [[], [0.0] * 24, [None] * 24, [None, 3.0, None, *[1e9] * 21]])
def test_there_is_a_chart_of_anything(values: list[float | None]) -> None:
    drawn = charts.lines("how long", LABELS[: len(values)], {"p50": values})
    assert drawn.startswith("<svg ")


def test_a_value_that_stands_alone_is_a_dot_in_the_colour_of_its_series() -> None:
    alone = charts.lines("how long", LABELS[:4], {"p50": [None, 3.0, None, None], "p99": [None] * 4})
    assert alone.count("<circle") == 1
    assert _classes(alone).count("series p50") == _classes(alone).count("series p99")
    assert "<circle" not in charts.lines("how long", LABELS[:4], {"p50": [None, 3.0, 4.0, None]})


def test_an_axis_of_deliveries_has_no_halves() -> None:
    drawn = charts.stacked("what came", LABELS, {"signed": [0] * 23 + [1]})
    marks = [part.text or "" for part in ElementTree.fromstring(drawn).iter() if part.tag.endswith("text")]
    assert {"0", "1", "4"} <= set(marks)
    assert not [mark for mark in marks if "." in mark]


def test_no_script_no_style_and_no_address_is_left_in_it_and_names_are_escaped() -> None:
    drawn = charts.lines('<script>"&', ["<b>", "\u202e"], {"p50": [1.0, 2.0]})
    for banned in ("<script", "<style", "style=", "href", "kozea", "<b>", "pygal"):
        assert banned not in drawn
    assert ElementTree.fromstring(drawn).get("aria-label") == '<script>"&'
