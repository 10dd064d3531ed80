"""What an export is written in: its forms, and the cells of CSV. Which rows there are is asked elsewhere.

Names, titles and notes come from whoever books, so no cell is one that a spreadsheet would take for a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec


class Format(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"  #: one JSON object a line, of an event with its payload
    CSV = "csv"  #: one line a row under a line of names, without payloads, for spreadsheets


#: where a formula would begin: the last four in full width, which some spreadsheets take for the same
_FORMULA = re.compile(r"(^|[;\t\r\n])( *)(?=[=+\-@＝＋－＠])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_OF_EVENT = (
    "id", "trigger", "kind", "connection", "webhook", "webhook_version", "delivery_id", "received_at",
    "occurred_at", "caused_by", "title", "status", "type", "start", "end",
)  # fmt: skip


def ndjson(values: Iterable[Any]) -> Iterator[bytes]:
    """Each value as a line of JSON."""
    encoder = msgspec.json.Encoder()
    for value in values:
        yield encoder.encode(value) + b"\n"


def table(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Lines of CSV in UTF-8, the first with the names of the cells; nothing where there is no row."""
    named = False
    for row in rows:
        if not named:
            yield _line(list(row))
            named = True
        yield _line(cells(row))


def cells(row: Mapping[str, Any]) -> list[str]:
    """The cells of a row as text, harmless to a spreadsheet."""
    return [harmless("" if value is None else str(value)) for value in row.values()]


def _line(texts: Sequence[str]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerow(texts)
    return file.getvalue().encode()


def event(told: dict[str, Any]) -> dict[str, Any]:
    """The cells of an event, without its payload; several people are joined by `; `."""
    booking, event_type, organizer = told["booking"] or {}, told["event_type"] or {}, told["organizer"] or {}
    return {
        **{name: told[name] for name in _OF_EVENT},
        "booking_uid": booking.get("uid"),
        "booking_id": booking.get("id"),
        "lineage": booking.get("lineage"),
        "seat": booking.get("seat"),
        "series": booking.get("series"),
        "event_type_id": event_type.get("id"),
        "event_type_slug": event_type.get("slug"),
        "organizer_name": organizer.get("name"),
        "organizer_email": organizer.get("email"),
        "attendee_names": _people(told["attendees"], "name"),
        "attendee_emails": _people(told["attendees"], "email"),
        "notes": told["notes"],
    }


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: whoever books may choose a name such as `=HYPERLINK(…)`.

    A spreadsheet that splits cells at `;` or at tabs does not heed the quotes around a cell, so what follows one of
    these, or a line break, counts as a beginning too. Control characters are replaced.
    """
    text = _FORMULA.sub(r"\1\2'", _CONTROL.sub("\ufffd", text))
    return f"'{text}" if text.startswith(("\t", "\r", "\n")) else text


def _people(people: Sequence[dict[str, Any]], field: str) -> str:
    return "; ".join(str(each[field]) for each in people if each[field])
