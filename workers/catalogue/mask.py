"""A payload as it may be shown: passwords, join and recording tokens, and download links are replaced.

Pure and total; for whoever shows a payload. The store keeps it whole, for rules may need what is masked here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

MASK = "(hidden)"

# Keys are compared without case, `_` and `-`.
_SECRET_KEYS = frozenset(
    {
        "connectandjoinurl", "downloadlink", "downloadlinks", "downloadurl", "recordinglink", "recordingurl",
        "transcriptlink", "transcripturl", "transcriptionlink", "transcriptionurl", "starturl", "zak", "otp", "pin",
        "accesscode", "passphrase", "pwd", "passwd", "authorization", "serviceaccountkey",
    }
)  # fmt: skip
_SECRET_ENDINGS = ("password", "passcode", "secret", "token", "apikey", "accesskey", "privatekey", "secretkey")
_SEPARATORS = str.maketrans("", "", "_-")
#: characters of a key whose verdict is kept: bodies may have keys of megabytes
_LONGEST_KEPT = 100
# A query parameter that lets its bearer in, inside any text: join links in a location, links in a calendar
# file.
_SECRET_PARAMETER = re.compile(
    r"([?&;#](?:[\w.-]*(?:token|passw(?:or)?d|passcode|signature|secret|credential|(?:api|access|room)_?key)"
    r"|pwd|otp|sig|key|tk|zak|jwt|pin|mtid)=)[^&\s\"'<>#]+",
    re.IGNORECASE,
)
# The passcode of a Teams meeting; elsewhere `p` is a page.
_TEAMS = re.compile(
    r"(\bteams\.(?:microsoft|live)\.com/meet/[^\s?\"'<>]*\?(?:[^\s\"'<>#]*&)?p=)[^&\s\"'<>#]+", re.IGNORECASE
)
# A signed token says by itself what it is, whatever stands before it.
_SIGNED = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_API_KEY = re.compile(r"(?<![A-Za-z0-9])cal_(?:live_|test_)?[0-9a-f]{32,64}(?![0-9a-f])")
_USER_IN_URL = re.compile(r"(https?://)[^/\s@:\"'<>]{1,200}:[^/\s@\"'<>]{1,200}@", re.IGNORECASE)
# What an invitation says of its meeting; a calendar file writes its line breaks as `\n`, and `\,`.
_SAID = re.compile(
    r"((?:\b|(?<=\\n))(?:pass(?:word|code|wort)|one[- ]time code|pin)(?: code)? ?[:=] ?)"
    r"(?!\(hidden\))[^\s\\,;<>\"'()]+",
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
        return mask_text(value)
    if type(value) is dict or type(value) is list:
        target: Any = type(value)()
        todo.append((value, target))
        return target
    return value


def _is_secret(key: str) -> bool:
    return _judged(key) if len(key) <= _LONGEST_KEPT else _judged.__wrapped__(key)


@lru_cache(maxsize=4096)  # one body has the keys of the next
def _judged(key: str) -> bool:
    plain = key.translate(_SEPARATORS).casefold()
    return plain in _SECRET_KEYS or plain.endswith(_SECRET_ENDINGS)


def _says_something(value: Any) -> bool:
    return type(value) is not bool and value not in (None, "")


def mask_text(text: str) -> str:
    """`text` without the secrets that tell by themselves what they are, whatever key it stood under."""
    if "BEGIN:VCALENDAR" in text:  # its lines are folded at 75 bytes, in the middle of a link
        text = _CALENDAR_FOLD.sub("", text)
    if "eyJ" in text:
        text = _SIGNED.sub(MASK, text)
    if "cal_" in text:
        text = _API_KEY.sub(MASK, text)
    if "=" in text:
        text = _SECRET_PARAMETER.sub(rf"\g<1>{MASK}", text)
        text = _TEAMS.sub(rf"\g<1>{MASK}", text)
    if "@" in text:
        text = _USER_IN_URL.sub(rf"\g<1>{MASK}@", text)
    return _SAID.sub(rf"\g<1>{MASK}", text) if ":" in text or "=" in text else text
