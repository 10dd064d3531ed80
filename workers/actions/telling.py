"""How a step is told to people: reasons in one line, values with their secrets masked and long texts cut. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.calcom.requests import ADDRESS
from workers.catalogue.mask import MASK, mask

LONGEST_REASON = 300
LONGEST_TEXT = 2_000


def told(value: object) -> str:
    """One short printable line, in which nobody's e-mail address is: reasons come to logs and notices."""
    text = ADDRESS.sub("[e-mail]", str(value)[: 3 * LONGEST_REASON])  # cut first: the search is quadratic
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def masked(values: Mapping[str, Any], *hidden: str) -> dict[str, Any]:
    """A copy in which what is under a secret's name, or under one of `hidden` at the top, cannot be read."""
    try:
        copy = mask({str(key): _plain(value) for key, value in values.items()})
    except RecursionError:
        return dict.fromkeys(map(str, values), "(nested too deeply to be shown)")
    return {key: MASK if key in hidden and value is not None else value for key, value in copy.items()}


def _plain(value: Any) -> Any:
    """Mappings and lists as the masking knows them; a very long text cut, with its length said."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}… ({len(value)} characters)"
    return value
