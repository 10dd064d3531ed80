"""A delivery's body as a JSON object that can be stored. Total over any bytes; not the meaning of its keys.

"Can be stored" is what PostgreSQL's jsonb and every JSON reader accept: no U+0000 and no lone surrogate in
any string (each becomes U+FFFD), numbers within 64 bits or a finite double, at most `DEPTH` levels.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

#: Levels of nesting that are kept; Cal.com's own bodies have six. A deeper container becomes `TOO_DEEP`: a
#: booker who may choose a response's shape must not be able to hide a booking by making its body
#: unreadable.
DEPTH = 64
TOO_DEEP = "(nested too deeply; the delivery has it whole)"

_DECODER = msgspec.json.Decoder()
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)
_ALL_DIGITS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_NINETEEN_DIGITS = b"0" * 19  # the shortest number that may not fit 64 bits
# A string, whole or cut off by the end of the text, or a bracket. The possessive `*+` keeps it linear.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def decode(body: bytes, *, whole: bool = True) -> dict[str, Any] | None:
    """The body's JSON object, storable; None if the body is not a JSON object. Never raises.

    Where `whole` is False only its texts are sure to be storable: who picks single fields has no use for the rest,
    and looking for it costs a twelfth of writing an event.

    A byte-order mark, another Unicode encoding, wrong UTF-8, lone surrogates, NaN and numbers without
    measure are no reason to lose an event: what msgspec refuses, Python's own decoder gets a second look
    at.
    """
    try:
        document = _DECODER.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        document = _decode_leniently(body)
        return _storable(document, 1) if type(document) is dict else None
    if type(document) is not dict:
        return None
    return _storable(document, 1) if b"\\u0000" in body or (whole and _is_suspicious(body)) else document


def _is_suspicious(body: bytes) -> bool:
    """Whether something in it may need replacing; looking at the bytes is far cheaper than at every value."""
    return body.count(b"{") + body.count(b"[") > DEPTH or _NINETEEN_DIGITS in body.translate(_ALL_DIGITS_ZERO)


def _decode_leniently(body: bytes) -> Any:
    text = body.decode(json.detect_encoding(body), "replace")
    try:
        try:
            return _loads(text)
        except RecursionError:
            return _loads(_cut_at_depth(text))
    except (ValueError, RecursionError):
        return None


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_parse_int, parse_constant=lambda _: None)


def _parse_int(digits: str) -> int | float:
    # int() refuses more than 4,300 digits; float() takes any number of them
    return int(digits) if len(digits) <= 20 else float(digits)


def _cut_at_depth(text: str) -> str:
    """The text with every container below `DEPTH` replaced, for texts nested too deeply for any decoder."""
    kept: list[str] = []
    depth = 0
    copied_to = 0
    for token in _TOKEN.finditer(text):
        sign = token.group()
        if sign in ("{", "["):
            depth += 1
            if depth == DEPTH + 1:
                kept.append(text[copied_to : token.start()])
                kept.append(json.dumps(TOO_DEEP))
        elif sign in ("}", "]"):
            if depth == DEPTH + 1:
                copied_to = token.end()
            depth -= 1
    if depth <= DEPTH:
        kept.append(text[copied_to:])
    return "".join(kept)


def _storable(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return _UNSTORABLE.sub("\ufffd", value)
    if kind is dict:
        if depth > DEPTH:
            return TOO_DEEP
        return {_storable(k, depth): _storable(v, depth + 1) for k, v in value.items()}
    if kind is list:
        return [_storable(v, depth + 1) for v in value] if depth <= DEPTH else TOO_DEEP
    if kind is int and value not in _INT64:
        # Cal.com's numbers are JavaScript's, doubles: a longer integer is one of those, written out.
        try:
            return float(value)
        except OverflowError:
            return None
    if kind is float and not math.isfinite(value):
        return None  # as JSON.stringify writes them
    return value
