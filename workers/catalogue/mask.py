"""A payload as it may be shown: passwords, join and recording tokens, and download links are replaced.

Pure and total; for whoever shows a payload. The store keeps it whole, for rules may need what is masked here.
"""

from __future__ import annotations

import re
from typing import Any

MASK = "(hidden)"

# Keys are compared without case, `_` and `-`.
_SECRET_KEYS = frozenset({"connectandjoinurl", "downloadlink", "downloadlinks", "apikey", "otp"})
_SECRET_ENDINGS = ("password", "passcode", "secret", "token")
_SEPARATORS = str.maketrans("", "", "_-")
# A query parameter that lets its bearer in, inside any text: join links in a location, links in a calendar
# file.
_SECRET_PARAMETER = re.compile(
    r"([?&;](?:[\w.-]*(?:token|passw(?:or)?d|passcode|signature|secret|credential)|pwd|otp|sig|key|tk)=)[^&\s\"'<>#]+",
    re.IGNORECASE,
)
_CALENDAR_FOLD = re.compile(r"\r?\n[ \t]")


def mask(payload: dict[str, Any]) -> dict[str, Any]:
    """A copy of `payload` in which every secret is `MASK`; `payload` itself is left alone.

    null, true, false and "" under a secret's key stay: they say that there is none. The stack is a list, so
    no depth of nesting can exhaust Python's.
    """
    copy: dict[str, Any] = {}
    todo: list[tuple[Any, Any]] = [(payload, copy)]
    while todo:
        source, target = todo.pop()
        if type(source) is dict:
            for key, value in source.items():
                target[key] = MASK if _is_secret(key) and _says_something(value) else _begin(value, todo)
        else:
            target.extend(_begin(value, todo) for value in source)
    return copy


def _begin(value: Any, todo: list[tuple[Any, Any]]) -> Any:
    """The value's copy; for a container an empty one, put on the list to be filled."""
    if type(value) is str:
        return _mask_text(value)
    if type(value) is dict or type(value) is list:
        target: Any = type(value)()
        todo.append((value, target))
        return target
    return value


def _is_secret(key: str) -> bool:
    plain = key.translate(_SEPARATORS).casefold()
    return plain in _SECRET_KEYS or plain.endswith(_SECRET_ENDINGS)


def _says_something(value: Any) -> bool:
    return type(value) is not bool and value not in (None, "")


def _mask_text(text: str) -> str:
    if "=" not in text:
        return text
    if "BEGIN:VCALENDAR" in text:  # its lines are folded at 75 bytes, in the middle of a link
        text = _CALENDAR_FOLD.sub("", text)
    return _SECRET_PARAMETER.sub(rf"\g<1>{MASK}", text)
