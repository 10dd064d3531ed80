"""What a row says, whichever database keeps it: one digest for equal values, however they are spelt. Pure.

Digests of rows are added up, so that the digest of a table does not depend on the order in which it was read: what
comes first among texts is each database's own idea.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any
from uuid import UUID

import msgspec

from workers.store.tables import Instant

#: bytes of a digest
_SIZE = 32
_MODULUS = 1 << (8 * _SIZE)
#: bytes of a document above which it is not remembered
_LONG = 2048


class Digest:
    """The digest of the rows that were added, in any order, and how many there were."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, values: Sequence[Any]) -> None:
        """One more row: its values as SQLAlchemy gives them, JSON as `msgspec.Raw` of its text."""
        parts: list[bytes] = []
        for value in values:
            kind, spell = _SPELLINGS.get(type(value)) or _SPELLINGS[bytes]
            said = spell(value)
            parts += (kind, b"%d:" % len(said), said)  # so that no value can run into the next
        self.rows += 1
        hashed = hashlib.blake2b(b"".join(parts), digest_size=_SIZE)
        self._sum = (self._sum + int.from_bytes(hashed.digest())) % _MODULUS

    def hex(self) -> str:
        """64 hexadecimal digits; all 0 for no rows."""
        return f"{self._sum:0{2 * _SIZE}x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # it changes with every row


@lru_cache(maxsize=256)  # the instants of a row are often one
def _instant(value: datetime) -> bytes:
    return Instant.spell(value).encode()  # to the millisecond: SQLite keeps no more


def _raw(value: msgspec.Raw) -> bytes:
    text = bytes(value)
    return _document(text) if len(text) > _LONG else _known(text)


def _document(text: bytes) -> bytes:
    """JSON without what a database may change of it: order of keys, blanks, and how a number is written."""
    return _ENCODER.encode(_DECODER.decode(text.decode())).encode()


#: the same people are in many events
_known = lru_cache(maxsize=1024)(_document)


def _number(text: str) -> str:
    """A number, exactly: its digits without zeros at the end, and a power of ten. No text of a row begins with NUL."""
    sign, digits, exponent = Decimal(text).as_tuple()
    said = "".join(map(str, digits)).lstrip("0")
    kept = said.rstrip("0")
    if not kept:
        return "\0" + "0"
    return f"\0{'-' if sign else ''}{kept}e{int(exponent) + len(said) - len(kept)}"


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number)
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))

#: for each type that a row's values have: a letter, and the value's bytes
_SPELLINGS: dict[type, tuple[bytes, Callable[[Any], bytes]]] = {
    NoneType: (b"n", lambda _: b""),
    str: (b"t", str.encode),
    bool: (b"b", lambda value: b"1" if value else b"0"),
    int: (b"i", lambda value: b"%d" % value),
    float: (b"f", lambda value: repr(value).encode()),
    UUID: (b"u", lambda value: value.bytes),
    datetime: (b"d", _instant),
    msgspec.Raw: (b"j", _raw),
    bytes: (b"x", bytes),
}
