"""What a row says, whichever database keeps it: one digest for equal values, however they are spelt. Pure.

Digests of rows are added up, so that the digest of a table does not depend on the order in which it was read: what
comes first among texts is each database's own idea.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from workers.store.tables import Instant

#: bytes of a digest
_SIZE = 32
_MODULUS = 1 << (8 * _SIZE)


class Digest:
    """The digest of the rows that were added, in any order, and how many there were."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, values: Sequence[Any]) -> None:
        """One more row: its values as SQLAlchemy gives them, JSON as `msgspec.Raw` of its text."""
        hashed = hashlib.blake2b(digest_size=_SIZE)
        for value in values:
            kind, said = _said(value)
            hashed.update(b"%b%d:" % (kind, len(said)))  # so that no value can run into the next
            hashed.update(said)
        self.rows += 1
        self._sum = (self._sum + int.from_bytes(hashed.digest())) % _MODULUS

    def hex(self) -> str:
        """64 hexadecimal digits; all 0 for no rows."""
        return f"{self._sum:0{2 * _SIZE}x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # it changes with every row


def _said(value: Any) -> tuple[bytes, bytes]:
    """A letter for the kind of value, and its bytes."""
    if value is None:
        return b"n", b""
    if isinstance(value, str):
        return b"t", value.encode()
    if isinstance(value, bool):
        return b"b", b"1" if value else b"0"
    if isinstance(value, int):
        return b"i", b"%d" % value
    if isinstance(value, float):
        return b"f", repr(value).encode()
    if isinstance(value, UUID):
        return b"u", value.bytes
    if isinstance(value, datetime):  # to the millisecond: SQLite keeps no more
        return b"d", Instant.spell(value).encode()
    if isinstance(value, msgspec.Raw):
        return b"j", _document(bytes(value))
    return b"x", bytes(value)


def _document(text: bytes) -> bytes:
    """JSON without what a database may change of it: order of keys, blanks, and how a number is written."""
    read = json.loads(text, parse_float=_number, parse_int=_number)
    return json.dumps(read, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _number(text: str) -> str:
    """A number, exactly: its digits without zeros at the end, and a power of ten. No text of a row begins with NUL."""
    sign, digits, exponent = Decimal(text).as_tuple()
    said = "".join(map(str, digits)).lstrip("0")
    kept = said.rstrip("0")
    if not kept:
        return "\0" + "0"
    return f"\0{'-' if sign else ''}{kept}e{int(exponent) + len(said) - len(kept)}"
