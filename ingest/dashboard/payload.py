"""A payload as a page has room for it: whole where it is short, else cut, and it is said. Pure and total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from markupsafe import escape

from ingest.brevity import fit
from ingest.dashboard.look import pretty

#: bytes of a page that JSON may take, and to which it is cut, ever fewer until that fits
_ROOM = 60_000
_CUTS = (40_000, 24_000, 12_000, 6_000, 2_000)


@dataclass(frozen=True, slots=True)
class Held:
    """`text` is JSON for reading; `whole`: nothing of it is missing."""

    text: str
    whole: bool


def held(payload: Any) -> Held:
    """As much of it as a page has room for."""
    try:
        if len(msgspec.json.encode(payload)) <= _ROOM:
            text = pretty(payload)
            if _size(text) <= _ROOM:
                return Held(text, True)
    except (UnicodeEncodeError, RecursionError, OverflowError):
        pass  # no JSON can say it whole
    for room in _CUTS:
        text = pretty(fit(payload, room))
        if _size(text) <= _ROOM:
            break
    return Held(text, False)


def _size(text: str) -> int:
    """Bytes that it takes in a page: each quotation mark takes five."""
    return len(str(escape(text)).encode())
