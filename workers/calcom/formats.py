"""The forms Cal.com demands of single values: an e-mail address, a colour, a day. Pure; one function a form.

Each takes a value whose JSON type is right and gives it back as it is sent, or raises ValueError with what is
allowed. The message never repeats the value: it may be personal or a secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,.]+")
HEX_COLOUR = re.compile(r"#?([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
PATH_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
DATA_IMAGE = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=\s]+")

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500

METADATA_SCHEMA = {
    "maxProperties": METADATA_KEYS,
    "propertyNames": {"maxLength": METADATA_KEY_LENGTH},
    "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": METADATA_VALUE_LENGTH},
}

GOOGLE_KEY = ("private_key", "client_email", "client_id")
MICROSOFT_KEY = ("private_key", "tenant_id", "client_id")


def email(value: str) -> str:
    """One e-mail address. Cal.com lower-cases it."""
    if not EMAIL.fullmatch(value):
        raise ValueError("must be one e-mail address, such as ann@example.com")
    return value


def hex_colour(value: str) -> str:
    """A colour in hexadecimal digits."""
    if not HEX_COLOUR.fullmatch(value):
        raise ValueError("must be a hexadecimal colour, such as #292929")
    return value


def path_id(value: str) -> str:
    """An id that is put into a path: never empty, never dots alone, never another segment."""
    if not PATH_ID.fullmatch(value) or not value.strip("."):
        raise ValueError("must be an id as Cal.com gave it: letters, digits and hyphens")
    return value


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}


def time_zone(value: str) -> str:
    """An IANA time zone in its proper spelling. Without zone data here Cal.com's check decides."""
    zones = _zones()
    if not zones:
        return value
    if value.casefold() not in zones:
        raise ValueError("must be an IANA time zone, such as Europe/London")
    return zones[value.casefold()]


def avatar(value: str) -> str:
    """A picture: an https address, or the picture itself."""
    if DATA_IMAGE.fullmatch(value) or (value.startswith("https://") and _host(value)):
        return value
    raise ValueError("must be an https:// address or data:image/...;base64,...")


def web_address(value: str) -> str:
    """An http or https address with a host. Cal.com's hosted service takes https and public hosts only."""
    if not value.startswith(("https://", "http://")) or not _host(value):
        raise ValueError("must be an https:// address (http:// only for a self-hosted Cal.com)")
    return value


def _host(address: str) -> str | None:
    if any(character.isspace() for character in address):
        return None
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def metadata(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Cal.com's metadata object: flat and small. Sending one replaces what was stored."""
    if len(value) > METADATA_KEYS:
        raise ValueError(f"may have at most {METADATA_KEYS} keys")
    for key, item in value.items():
        if not isinstance(key, str) or len(key) > METADATA_KEY_LENGTH:
            raise ValueError(f"may have keys of up to {METADATA_KEY_LENGTH} characters")
        if isinstance(item, str):
            if len(item) > METADATA_VALUE_LENGTH:
                raise ValueError(f"may have text values of up to {METADATA_VALUE_LENGTH} characters")
        elif not isinstance(item, int | float) or (isinstance(item, float) and not math.isfinite(item)):
            raise ValueError("may only hold text, numbers, true and false: no null, no lists, no objects")
    return value


def options(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """One option of a new attribute."""
    for key in ("value", "slug"):
        if not isinstance(value.get(key), str) or not value[key]:
            raise ValueError('must be a list of {"value": "...", "slug": "..."}, both texts and not empty')
    if unknown := value.keys() - {"value", "slug"}:
        raise ValueError(f"may only hold value and slug; Cal.com would drop {len(unknown)} other key(s)")
    return value


def service_account_key(value: object) -> Mapping[str, Any]:
    """One workspace key, Google's or Microsoft's. Keys beyond the named ones pass."""
    for wanted in (GOOGLE_KEY, MICROSOFT_KEY):
        if isinstance(value, Mapping) and all(isinstance(value.get(key), str) and value[key] for key in wanted):
            return value
    raise ValueError(
        f"must be one object with {', '.join(GOOGLE_KEY)} (Google) or {', '.join(MICROSOFT_KEY)} (Microsoft)"
    )


def first_day(value: object) -> str:
    """The start of an out-of-office entry in the one spelling Cal.com takes: `2026-02-02T00:00:00.000Z`.

    A text in any ISO 8601 form, a `date` or a `datetime`. A time with an offset is converted to UTC, one
    without is UTC already, a bare date is the day's first second. Cal.com then discards the time of day: the
    entry starts at 00:00:00.000Z of that UTC day.
    """
    return _instant(value, time(0, 0, 0))


def last_day(value: object) -> str:
    """The end of an out-of-office entry, as `first_day`; a bare date is the day's last second.

    Cal.com discards the time of day: the entry ends at 23:59:59.999Z of that UTC day.
    """
    return _instant(value, time(23, 59, 59))


def _instant(value: object, bare: time) -> str:
    moment = _parse(value)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, bare)
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("must be a time whose year has four digits") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z".rjust(24, "0")


def _parse(value: object) -> date | datetime:
    if isinstance(value, date):  # a datetime is a date
        return value
    if isinstance(value, str):
        text = value.strip()
        for read in (date.fromisoformat, datetime.fromisoformat):
            try:
                return read(text)
            except ValueError:
                continue
    raise ValueError("must be a day or time in ISO 8601, such as 2026-02-02 or 2026-02-02T09:00:00Z")
