"""One field of an untrusted object: its value if it is of the right type and size, else None.

Not the place for cleaning: `bodies.py` has replaced every character that cannot be stored before this is
asked, except for `header`, whose text does not come from a body.
"""

from __future__ import annotations

import re
from typing import Any

#: Characters of an indexed column: 255 take at most 1,020 bytes, well below the 2,704 a PostgreSQL index
#: row may have.
LABEL = 255
#: Characters of an e-mail address: 64 before the @, 255 after it.
ADDRESS = 320
#: Characters of free text (title, notes).
PROSE = 10_000

_ADDRESS = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+")
#: Numbers that a database's integer takes.
_INT64 = range(-(2**63), 2**63)
_NOTHING: dict[str, Any] = {}


def label(value: object, limit: int = LABEL) -> str | None:
    """Text that people read: trimmed, cut at `limit` characters. None for anything but a non-blank string."""
    if type(value) is not str:
        return None
    return value.strip()[:limit] or None


def identifier(value: object, limit: int = LABEL) -> str | None:
    """Text that identifies something: trimmed, but refused when longer than `limit`.

    Cutting it was the alternative; two things would then pass for one.
    """
    if type(value) is not str:
        return None
    text = value.strip()
    return text if text and len(text) <= limit else None


def address(value: object) -> str | None:
    """An e-mail address as Cal.com spells it, whatever its shape: bookings by phone have odd ones."""
    return identifier(value, ADDRESS)


def looks_like_an_address(value: object) -> bool:
    """Whether an answer of unknown meaning is an e-mail address."""
    return type(value) is str and len(value) <= ADDRESS and _ADDRESS.fullmatch(value.strip()) is not None


def number(value: object) -> int | None:
    """A whole number of at most 64 bits. Not `true`, not `7.0`."""
    return value if type(value) is int and value in _INT64 else None


def flag(value: object) -> bool | None:
    """`true` or `false`; None for anything else."""
    return value if type(value) is bool else None


def mapping(value: object) -> dict[str, Any]:
    """The object itself, or an empty one, so that a look-up goes on. Never to be written to."""
    return value if type(value) is dict else _NOTHING


def header(value: str | None) -> str | None:
    """A request header's text as a label: printable ASCII only, for any bytes may have been sent."""
    if value is None:
        return None
    return label("".join(c for c in value[: 4 * LABEL] if " " <= c <= "~"))
