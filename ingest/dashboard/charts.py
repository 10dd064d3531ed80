"""Charts as SVG, made on the server by pygal: shapes with classes, which the pages' stylesheet gives their colours.

pygal puts a stylesheet and a script of its own into what it draws. Neither would be let in by the pages' policy, and
colours that know nothing of light and dark are no use: both are taken out again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from pygal import Line, PluginImportFixer, StackedLine
from pygal.etree import etree

# It hooks itself into every import, for maps that nobody has here, in a way that Python warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, PluginImportFixer)]

_WIDTH, _HEIGHT = 480, 180
#: elements, and classes of them, that are for pygal's own script and style
_DRESS = frozenset({"defs", "desc", "script", "style", "title", "tooltip", "tooltip-overlay"})
#: labels below a chart
_LABELS = 6


def stacked(about: str, labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> Markup:
    """Numbers over time, one series upon the other; `labels` are those of the points, of which a few are shown."""
    return _drawn(StackedLine(**_options(labels), fill=True), about, labels, series)


def lines(about: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Markup:
    """Values over time, each a line, which is broken where there is None."""
    return _drawn(Line(**_options(labels), allow_interruptions=True), about, labels, series)


def _options(labels: Sequence[str]) -> dict[str, Any]:
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "margin": 2,
        "margin_right": 16,  # half of the last label
        "css": (),
        "js": (),
        "no_prefix": True,
        "disable_xml_declaration": True,
        "show_legend": False,
        "show_dots": False,
        "show_minor_x_labels": False,
        "x_labels_major_count": min(_LABELS, len(labels)),
        "truncate_label": -1,
        "max_scale": 5,
        "include_x_axis": True,
        "no_data_text": "",
    }


def _drawn(chart: Any, about: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Markup:
    chart.x_labels = list(labels)
    for name, values in series.items():
        chart.add(name, list(values))
    root = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            dressed = not isinstance(child.tag, str) or child.tag in _DRESS or child.get("class") in _DRESS
            if dressed:
                parent.remove(child)
    for each, name in zip([part for part in root.iter("g") if _is_series(part)], series, strict=False):
        each.set("class", f"series {name}")
    root.attrib.pop("id", None)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", about)
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704 - ElementTree escapes what is in it


def _is_series(part: Any) -> bool:
    return str(part.get("class", "")).startswith("series ")
