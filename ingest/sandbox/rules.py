"""The validators that Cal.com's inputs use, each as a rule. Facts only; `validation.py` applies them."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from ingest.sandbox.validation import Field, Rule

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_HEX_COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_AVATAR = re.compile(r"https://\S+|data:image/[a-z+.-]+;base64,\S+")
_OOO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z", re.ASCII)
_ZONES = {zone.lower(): zone for zone in available_timezones()}
_LOCALES = (
    *("en", "fr", "it", "ru", "es", "de", "pt", "ro", "nl", "pt-BR", "ko", "ja", "pl", "ar", "iw"),
    *("zh-CN", "zh-TW", "cs", "sr", "sv", "vi", "bn"),
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MOST_METADATA, _LONGEST_KEY, _LONGEST_VALUE = 50, 40, 500


def is_number(value: Any) -> bool:
    """A JSON number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_email(value: Any) -> bool:
    """One e-mail address."""
    return isinstance(value, str) and _EMAIL.fullmatch(value) is not None


def zone_name(value: str) -> str:
    """The IANA name as tzdata writes it, whatever the case of `value`."""
    return _ZONES.get(value.lower(), value)


def one_of(*values: object) -> Rule:
    """An enum."""
    listed = ", ".join(map(str, values))
    return Rule("isEnum", f"$p must be one of the following values: {listed}", lambda v: v in values)


def at_least(least: int) -> Rule:
    """A lower bound."""
    return Rule("min", f"$p must not be less than {least}", lambda v: is_number(v) and v >= least)


def matching(pattern: re.Pattern[str], constraint: str, message: str) -> Rule:
    """A text of one form."""
    return Rule(constraint, message, lambda v: isinstance(v, str) and pattern.fullmatch(v) is not None)


def _is_metadata(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_METADATA
        and all(len(key) <= _LONGEST_KEY and _is_metadatum(item) for key, item in value.items())
    )


def _is_metadatum(value: Any) -> bool:
    return len(value) <= _LONGEST_VALUE if isinstance(value, str) else isinstance(value, int | float)


def _is_account_key(value: Any) -> bool:
    """Google's key has a `client_email`, Microsoft's a `tenant_id`; an array, though documented, is refused."""
    if not isinstance(value, dict) or not ("client_email" in value or "tenant_id" in value):
        return False
    third = "client_email" if "client_email" in value else "tenant_id"
    return all(isinstance(value.get(k), str) and value[k] for k in ("private_key", third, "client_id"))


STRING = Rule("isString", "$p must be a string", lambda v: isinstance(v, str))
NOT_EMPTY = Rule("isNotEmpty", "$p should not be empty", lambda v: v not in ("", None))
NUMBER = Rule("isNumber", "$p must be a number conforming to the specified constraints", is_number)
INTEGER = Rule("isInt", "$p must be an integer number", lambda v: isinstance(v, int) and is_number(v))
BOOLEAN = Rule("isBoolean", "$p must be a boolean value", lambda v: isinstance(v, bool))
ARRAY = Rule("isArray", "$p must be an array", lambda v: isinstance(v, list))
EMAIL = Rule("isEmail", "$p must be an email", is_email)
COLOUR = matching(_HEX_COLOUR, "isHexColor", "$p must be a hexadecimal color")
TIME_ZONE = Rule("timeZoneValidator", "Invalid timezone", lambda v: isinstance(v, str) and v.lower() in _ZONES)
AVATAR = matching(_AVATAR, "avatarValidator", "$p must be an https URL or a base64 image")
METADATA = Rule(
    "validateMetadata",
    "$p must be an object with at most 50 keys of up to 40 characters and plain values",
    _is_metadata,
)
ACCOUNT_KEY = Rule(
    "googleOrMicrosoftKey",
    "$p must be a Google or Microsoft service account key",
    _is_account_key,
)
OOO_DATE = matching(_OOO_DATE, "validateOutOfOfficeDates", "Invalid Date.")
LOCALE = one_of(*_LOCALES)
WEEKDAY = one_of(*_DAYS)


def every(rule: Rule) -> Rule:
    """A rule for each item of a list."""
    return Rule(
        rule.constraint,
        rule.message.replace("$p", "each value in $p"),
        lambda v: isinstance(v, list) and all(rule.holds(item) for item in v),
    )


TEXT = Field((STRING,))
REQUIRED_TEXT = Field((STRING, NOT_EMPTY), required=True)
FLAG = Field((BOOLEAN,))
