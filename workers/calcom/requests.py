"""A request and a reply, whichever way they go, and what reading any answer needs. No I/O.

How arguments become a request, and what an answer means, is a dialect's: `rest` or `mcp`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from workers.calcom.rate import Rate
from workers.calcom.tool import Tool

try:
    USER_AGENT = f"daybook/{version('daybook')}"
except PackageNotFoundError:  # a checkout that was not installed
    USER_AGENT = "daybook"

#: What looks like an e-mail address: messages end up in logs, and people's addresses may not.
ADDRESS = re.compile(r"[^\s@\"'<>(),:;]+@[^\s@\"'<>(),:;]*")
LONGEST_MESSAGE = 300
#: Shorter pieces of a secret are not scrubbed: they would blacken every word.
SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire. Its repr shows no header, no query and no body."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    #: texts that no message about this request may hold
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def bearer(self) -> str | None:
        """The bearer token that goes with it."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def bearing(self, token: str) -> Request:
        """The same with that bearer token, which no message will show."""
        headers = {**self.headers, "Authorization": f"Bearer {token}"}
        return replace(self, headers=headers, secrets=(token, *self.secrets))


@dataclass(frozen=True, slots=True)
class Reply:
    """Cal.com's answer, whole: `json` keeps fields nobody knows yet."""

    json: dict[str, Any] = field(repr=False)
    status: int = 200
    rate: Rate | None = None
    request_id: str | None = None
    #: a DELETE whose first answer was lost and whose second says the thing is gone: done, with no data
    repeated: bool = False

    @property
    def data(self) -> Any:
        """What was asked for: an object, a list, or None."""
        return self.json.get("data")

    @property
    def pagination(self) -> Any:
        """How many there are; only the list of managed organizations says so, else None."""
        return self.json.get("pagination")


def secrets_in(tool: Tool, arguments: Mapping[str, Any]) -> list[str]:
    """Every text inside a secret argument, and the lines of those with several (private keys)."""
    found: list[str] = []
    waiting = [arguments[param.name] for param in tool.params if param.secret and param.name in arguments]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found += [value, *(value.splitlines() if "\n" in value else [])]
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


def parse(body: bytes) -> Any:
    """The JSON in the body; None if it is none. Halves of surrogate pairs become question marks."""
    try:
        document = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
        if b"\\u" in body:
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return document


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise ValueError("no number can hold that")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def words(value: Any) -> str:
    """What an answer says in a field that should be a text or a list of them."""
    if isinstance(value, list):
        return "; ".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def clean(text: str, secrets: Collection[str], longest: int = LONGEST_MESSAGE) -> str:
    """One short printable line without the secrets and without anyone's address."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[hidden]")
    text = ADDRESS.sub("[e-mail]", text[: 3 * LONGEST_MESSAGE])  # cut first: the search is quadratic
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def hide(document: dict[str, Any], secret: str) -> None:
    """Takes a secret out of every text and key of JSON that was just read, in place, however deep it is nested."""
    todo: list[Any] = [document] if len(secret) >= SHORTEST_SECRET else []
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            for key in [key for key in one if secret in key]:
                one[key.replace(secret, "[hidden]")] = one.pop(key)
        for place, value in list(one.items() if isinstance(one, dict) else enumerate(one)):
            if isinstance(value, str) and secret in value:
                one[place] = value.replace(secret, "[hidden]")
            elif isinstance(value, dict | list):
                todo.append(value)


def request_id_in(headers: Mapping[str, str]) -> str | None:
    """What the server calls the request, by its X-Request-Id."""
    given = next((value for name, value in headers.items() if name.casefold() == "x-request-id"), "")
    return given if re.fullmatch(r"[\w.:/+=@-]{1,128}", given, re.ASCII) else None
