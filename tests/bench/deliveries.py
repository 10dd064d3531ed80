"""The deliveries that are sent: signed, distinct, 4-5 KB each, as a BOOKING_CREATED of a team's event type is."""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path

from ingest.signatures import sign

TOKEN = "bench"
SECRET = b"whsec_bench"
PATH = f"/in/{TOKEN}"

_SAMPLE = (Path(__file__).parents[1] / "payloads" / "BOOKING_CREATED.v2026-07-27.body").read_bytes()
_UID = b"4hQ9sVtXwZbK2mNcR7yPeA"
_CREATED_AT = b"2026-11-23T10:04:34.512Z"
_NOTES = b"First visit, please call from reception."
#: what a booker writes when there is more to say; the sample's three copies of it bring a body from 4.0 to 4.4 KB
_MORE_NOTES = (
    _NOTES + b" I come by train and may be ten minutes late; the form is with my doctor, who sends it before we meet."
)
_LETTERS = str.maketrans("0123456789", "4hQ9sVtXwZ")
#: uids are numbered from the moment of import on, so that no two senders of one run make the same delivery
_NUMBERS = count(time.time_ns())


def uid(number: int) -> str:
    """The booking uid of a delivery: as long as a real one, and mostly letters like it. A run of digits that long
    would look like a number too large for 64 bits, and send every body through the slow, careful reading."""
    return f"{number:022d}".translate(_LETTERS)


def numbers(wanted: int) -> list[int]:
    """Numbers never given before."""
    return [next(_NUMBERS) for _ in range(wanted)]


def body(number: int) -> bytes:
    """A delivery's body, told from all others by its booking uid and its createdAt."""
    created_at = b"2026-11-23T10:%02d:%02d.%03dZ" % (number // 60_000 % 60, number // 1000 % 60, number % 1000)
    return _SAMPLE.replace(_CREATED_AT, created_at, 1).replace(_UID, uid(number).encode()).replace(_NOTES, _MORE_NOTES)


def request(number: int) -> bytes:
    """The whole HTTP/1.1 request, with the headers Cal.com sends."""
    content = body(number)
    return (
        b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nx-cal-signature-256: %s\r\n"
        b"x-cal-webhook-version: 2026-07-27\r\naccept: */*\r\naccept-encoding: gzip, deflate\r\nuser-agent: node\r\n"
        b"content-length: %d\r\n\r\n%s"
    ) % (PATH.encode(), sign(content, SECRET), len(content), content)
