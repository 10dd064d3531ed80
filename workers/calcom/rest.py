"""One HTTP exchange with Cal.com's API v2: arguments to a request, an answer to a reply or the right error. No I/O.

Cal.com's success is `{"status": "success", "data": ...}`, its error `{"status": "error", "error": {"code",
"message", "details"}}` with a request id in `X-Request-Id`. Some errors come otherwise: bare `{"statusCode":
500, ...}`, a page of HTML from the edge, nothing at all. Everything is decided by the HTTP status, since
`error.code` mixes three vocabularies. `error.details` echoes the whole request, secrets included: of it only
the names of parameters are ever read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workers.calcom.connection import Connection
from workers.calcom.rate import rates, wait
from workers.calcom.requests import USER_AGENT, Reply, Request, clean, parse, request_id_in, secrets_in, words
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

#: a list asked for without `take` and `skip` is one page of it
WHOLE_LISTS: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What an error of Cal.com's says: its code, its sentence, the parameters it complains about. All may be empty."""

    code: str | None = None
    sentence: str = ""
    refused: tuple[str, ...] = ()


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
    if tool.version:
        headers["cal-api-version"] = tool.version
    sends = tool.method in ("POST", "PATCH")
    if sends:
        headers["Content-Type"] = "application/json"
    return Request(
        method=tool.method,
        url=connection.base_url + path,
        headers=headers,
        query=tuple(query),
        body=json.dumps(body, allow_nan=False, separators=(",", ":")).encode() if sends else b"",
        secrets=(*connection.credential.secrets(), *secrets_in(tool, arguments)),
    )


def _pairs(param: Param, value: Any) -> list[tuple[str, str]]:
    items = [str(item) for item in value] if param.many else [str(value)]
    return [(param.name, ",".join(items))] if param.comma else [(param.name, item) for item in items]


def decipher(
    tool: Tool, status: int, headers: Mapping[str, str], body: bytes, *, secrets: Collection[str] = ()
) -> Reply:
    """The reply in an answer, or the CalcomError it means. Total: any status, headers and bytes will do."""
    document = parse(body)
    request_id = request_id_in(headers)
    if 200 <= status < 300 and not is_error(document):
        return _reply(tool, status, headers, body, document, request_id)
    foreign = document is None and bool(body.strip())
    said = read(tool, document, secrets)
    raise refusal(tool, status, said, after=wait(headers), foreign=foreign, request_id=request_id)


def is_error(document: Any) -> bool:
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


def refusal(
    tool: Tool, status: int, said: Said, *, after: float, foreign: bool = False, request_id: str | None = None
) -> CalcomError:
    """What a status that is none of success means. `foreign`: the answer is not Cal.com's; `after`: of a 429."""
    head = f"{tool.name}: Cal.com answered {status}" + (f' "{said.sentence}"' if said.sentence else "")
    head += " (not as JSON: something in between may have answered)" if foreign else ""
    if status == 429:
        return RateLimited(
            f"{head}: its rate limit is reached. All calls of this connection wait {after:.0f} s.",
            after=after,
            request_id=request_id,
        )
    wrong_url = foreign or said.sentence.startswith(f"Cannot {tool.method} /")
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
        named = f" It names {', '.join(said.refused)}." if said.refused else ""
        remedy = f"The same request would be refused again.{named}"
    return kind(f"{head}. {remedy}", status=status, code=said.code, request_id=request_id)


def read(tool: Tool, document: Any, secrets: Collection[str]) -> Said:
    """What the body of an error says. The sentence is `error.message`, else a bare `message`, else a problem's
    `detail` or `title`.
    """
    if not isinstance(document, dict):
        return Said()
    error = document.get("error")
    if not isinstance(error, dict):
        said = [document.get(key) for key in ("message", "detail", "title", "error")]
        return Said(sentence=clean(next((words(text) for text in said if words(text)), ""), secrets))
    code = error.get("code")
    details = error.get("details")
    complaints = details.get("errors") if isinstance(details, dict) else None
    names = {
        complaint.get("property")
        for complaint in (complaints if isinstance(complaints, list) else [])
        if isinstance(complaint, dict) and isinstance(complaint.get("property"), str)
    }
    return Said(
        code=(clean(code, secrets)[:60] or None) if isinstance(code, str) else None,
        sentence=clean(words(error.get("message")), secrets),
        refused=tuple(param.name for param in tool.params if param.name in names),
    )
