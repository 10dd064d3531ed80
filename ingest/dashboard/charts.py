"""Charts as SVG, made on the server by pygal: shapes with classes, which the pages' stylesheet gives their colours.

pygal puts a stylesheet and a script of its own into what it draws. Neither would be let in by the pages' policy, and
colours that know nothing of light and dark are no use: both are taken out again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from markupsafe import Markup
from pygal import Line, PluginImportFixer, StackedLine
from pygal.etree import etree

# It hooks itself into every import, for maps that nobody has here, in a way that Python warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, PluginImportFixer)]

#: about the width of a card, so that letters are drawn in their own size
_WIDTH, _HEIGHT = 520, 180
#: elements, and classes of them, that are for pygal's own script and style
_DRESS = frozenset({"defs", "desc", "script", "style", "title", "tooltip", "tooltip-overlay"})
#: labels below a chart, and the least that the axis of a number reaches to: there is no half delivery
_LABELS, _LEAST = 6, 4


def stacked(about: str, labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> Markup:
    """Numbers over time, one series upon the other; `labels` are those of the points, of which a few are shown."""
    most = max((sum(point) for point in zip(*series.values(), strict=True)), default=0)
    return _drawn(StackedLine(**_options(labels), fill=True, range=(0, max(_LEAST, most))), about, labels, series)


def lines(about: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Markup:
    """Values over time, each a line, which is broken where there is None; dots where a value stands alone."""
    dots = any(_alone(values) for values in series.values())
    options = {**_options(labels), "show_dots": dots, "dots_size": 2.5}
    return _drawn(Line(**options, allow_interruptions=True), about, labels, series)


def _alone(values: Sequence[float | None]) -> bool:
    """Whether a value has none before it and none after it, so that no line shows it."""
    padded = [None, *values, None]
    return any(
        value is not None and before is None and after is None
        for before, value, after in zip(padded, padded[1:], padded[2:], strict=False)
    )


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
    parts = [part for part in root.iter("g") if _is_series(part)]  # lines, then dots, each in the order of the series
    for each, name in zip(parts, cycle(series), strict=False):
        each.set("class", f"series {name}")
    root.attrib.pop("id", None)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-label", about)
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704 - ElementTree escapes what is in it


def _is_series(part: Any) -> bool:
    return str(part.get("class", "")).startswith("series ")
