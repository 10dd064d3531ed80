"""Cursors: where a page ended, as opaque text. What it holds may change; a client only hands it back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from workers.errors import BadInput

#: tells this form from any later one
_FORM = b"\x01"


def spell(last: UUID) -> str:
    """The cursor after the row with this id."""
    return urlsafe_b64encode(_FORM + last.bytes).rstrip(b"=").decode()


def read(cursor: str) -> UUID:
    """The id that `spell` was given; `BadInput` for what it never gave."""
    try:
        held = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        if held[:1] != _FORM or spell(UUID(bytes=held[1:])) != cursor:
            raise ValueError
    except ValueError:  # of UnicodeEncodeError, binascii.Error and UUID too
        raise BadInput("cursor must be the `next` of the page before, unchanged.") from None
    return UUID(bytes=held[1:])
