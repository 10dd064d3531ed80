"""One HTTP exchange with Cal.com: arguments to a request, an answer to a reply or the right error. No I/O.

Cal.com's success is `{"status": "success", "data": ...}`, its error `{"status": "error", "error": {"code",
"message", "details"}}` with a request id in `X-Request-Id`. Some errors come otherwise: bare `{"statusCode":
500, ...}`, a page of HTML from the edge, nothing at all. Everything is decided by the HTTP status, since
`error.code` mixes three vocabularies. `error.details` echoes the whole request, secrets included: of it only
the names of parameters are ever read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

from workers.calcom.connection import Connection
from workers.calcom.rate import Rate, rates, wait
from workers.calcom.tool import Param, Place, Tool
from workers.errors import (
    AlreadyExists,
    CalcomError,
    CalcomUnavailable,
    Forbidden,
    Missing,
    RateLimited,
    Rejected,
    Unauthorized,
)

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


def build(tool: Tool, connection: Connection, arguments: Mapping[str, Any]) -> Request:
    """The request for arguments that `arguments.check` gave back.

    Lists in a query are repeated keys (`emails`) or one comma-joined value (`teamIds`, `assignedOptionIds`):
    Cal.com wants each its own way. POST and PATCH always have a JSON body, be it `{}`.
    """
    path = tool.path
    query: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    for param in tool.params:
        if param.name not in arguments:
            continue
        value = arguments[param.name]
        match param.place:
            case Place.PATH:
                path = path.replace(f"{{{param.name}}}", quote(str(value), safe=""))
            case Place.QUERY:
                query += _pairs(param, value)
            case Place.BODY:
                body[param.name] = value
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **connection.credential.headers()}
    sends = tool.method in ("POST", "PATCH")
    if sends:
        headers["Content-Type"] = "application/json"
    return Request(
        method=tool.method,
        url=connection.base_url + path,
        headers=headers,
        query=tuple(query),
        body=json.dumps(body, allow_nan=False, separators=(",", ":")).encode() if sends else b"",
        secrets=(*connection.credential.secrets(), *_secrets(tool, arguments)),
    )


def _pairs(param: Param, value: Any) -> list[tuple[str, str]]:
    items = [str(item) for item in value] if param.many else [str(value)]
    return [(param.name, ",".join(items))] if param.comma else [(param.name, item) for item in items]


def _secrets(tool: Tool, arguments: Mapping[str, Any]) -> list[str]:
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


def decipher(
    tool: Tool, status: int, headers: Mapping[str, str], body: bytes, *, secrets: Collection[str] = ()
) -> Reply:
    """The reply in an answer, or the CalcomError it means. Total: any status, headers and bytes will do."""
    document = _parse(body)
    request_id = _request_id(headers)
    if 200 <= status < 300 and not _is_error(document):
        return _reply(tool, status, headers, body, document, request_id)
    raise _error(tool, status, headers, body, document, request_id, secrets)


def _is_error(document: Any) -> bool:
    """Whether the body of a success is an error after all.

    Its `status` alone does not say so: Cal.com's description allows "error" there in every reply, and what
    brings data was done.
    """
    if not isinstance(document, dict) or document.get("status") != "error":
        return False
    return "error" in document or document.get("data") is None


def _reply(
    tool: Tool,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    document: Any,
    request_id: str | None,
) -> Reply:
    if not body.strip() and (status == 204 or tool.method == "DELETE"):
        document = {}
    if not isinstance(document, dict):
        what = "not Cal.com's JSON" if body.strip() else "empty, not Cal.com's JSON"
        done = "" if tool.reads else " It may have been done or not: look first."
        raise CalcomUnavailable(
            f"{tool.name}: the answer ({status}) is {what}; check the base URL, and what stands between here "
            f"and Cal.com.{done}",
            status=status,
            request_id=request_id,
        )
    if tool.reads and not tool.lists and "data" in document and document["data"] is None:
        raise Missing(  # Cal.com answers 200 with null for an attribute it does not have
            f"{tool.name}: Cal.com has no such thing; it may have been deleted there.",
            status=status,
            request_id=request_id,
        )
    return Reply(document, status, next(iter(rates(headers)), None), request_id)


def _error(
    tool: Tool,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    document: Any,
    request_id: str | None,
    secrets: Collection[str],
) -> CalcomError:
    code, said, refused = _read(tool, document)
    said = _clean(said, secrets)
    code = _clean(code, secrets)[:60] or None if code else None
    foreign = document is None and bool(body.strip())
    head = f"{tool.name}: Cal.com answered {status}" + (f' "{said}"' if said else "")
    head += " (not as JSON: something in between may have answered)" if foreign else ""
    if status == 429:
        after = wait(headers)
        return RateLimited(
            f"{head}: its rate limit is reached. All calls of this connection wait {after:.0f} s.",
            after=after,
            request_id=request_id,
        )
    wrong_url = foreign or said.startswith(f"Cannot {tool.method} /")
    kind: type[CalcomError]
    if status == 401:
        kind, remedy = Unauthorized, Unauthorized.__doc__ or ""
    elif status == 403:
        kind = Forbidden
        remedy = (
            f"Either the credential is too weak (this needs the role {tool.min_role} and the plan {tool.plan}; "
            "a change takes up to 5 minutes), or the thing is not there: Cal.com says 403 for both."
        )
    elif 300 <= status < 400:
        kind, remedy = Rejected, "It points elsewhere: the base URL is probably wrong. Nothing was followed."
    elif status == 404 and wrong_url:
        kind, remedy = Rejected, "It has no such path: the base URL is probably wrong, it should end in /v2."
    elif status == 404:
        kind, remedy = Missing, "There is no such thing; it may have been deleted there."
    elif status == 409:
        kind, remedy = AlreadyExists, "Such a thing is there already; read it instead of making it again."
    elif status in (408, 425) or not 200 <= status < 500:
        kind, remedy = CalcomUnavailable, "It may have been done or not: look first, or try later."
    else:
        kind = Rejected
        named = f" It names {', '.join(refused)}." if refused else ""
        remedy = f"The same request would be refused again.{named}"
    return kind(f"{head}. {remedy}", status=status, code=code, request_id=request_id)


def _parse(body: bytes) -> Any:
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


def _read(tool: Tool, document: Any) -> tuple[str | None, str, tuple[str, ...]]:
    """`error.code`, the sentence, and which parameters the details complain about; each may be empty.

    The sentence is `error.message`, else a bare `message`, else a problem's `detail` or `title`.
    """
    if not isinstance(document, dict):
        return None, "", ()
    error = document.get("error")
    if not isinstance(error, dict):
        said = [document.get(key) for key in ("message", "detail", "title", "error")]
        return None, next((_words(text) for text in said if _words(text)), ""), ()
    code = error.get("code")
    details = error.get("details")
    complaints = details.get("errors") if isinstance(details, dict) else None
    names = {
        complaint.get("property")
        for complaint in (complaints if isinstance(complaints, list) else [])
        if isinstance(complaint, dict) and isinstance(complaint.get("property"), str)
    }
    refused = tuple(param.name for param in tool.params if param.name in names)
    return code if isinstance(code, str) else None, _words(error.get("message")), refused


def _words(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def _clean(text: str, secrets: Collection[str]) -> str:
    """One short printable line without the secrets and without anyone's address."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[hidden]")
    text = ADDRESS.sub("[e-mail]", text[: 3 * LONGEST_MESSAGE])  # cut first: the search is quadratic
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


def _request_id(headers: Mapping[str, str]) -> str | None:
    given = next((value for name, value in headers.items() if name.casefold() == "x-request-id"), "")
    return given if re.fullmatch(r"[\w.:/+=@-]{1,128}", given, re.ASCII) else None
