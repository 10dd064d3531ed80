"""How the API says that something went wrong: RFC 9457 problems. It decides nothing but status and words."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ingest import requests
from ingest.live.feed import Crowded
from ingest.session import NotAllowed, SignInNeeded
from workers.errors import BadInput, Conflict, DaybookError, NotFound, StoreUnavailable

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
#: each error that an answer may be, with its status and title; what is not here is a bug, and 500
KNOWN: dict[type[DaybookError], tuple[int, str]] = {
    BadInput: (400, "An argument is wrong"),
    SignInNeeded: (401, "A key is needed"),
    NotAllowed: (403, "The key's role does not cover this"),
    NotFound: (404, "There is nothing by that name"),
    Conflict: (409, "The state of things does not allow this"),
    StoreUnavailable: (503, "The database did not answer"),
    Crowded: (503, "Too many listen"),
}
#: the titles of each of those statuses
TITLES = {
    status: " / ".join(title for other, title in KNOWN.values() if other == status)
    for status in sorted({status for status, _ in KNOWN.values()})
}
#: seconds after which a client may ask again while the database is away, or too many listen
_RETRY_AFTER = 5


def answer(error: Exception) -> Response:
    """The problem that an exception is. One that is not ours is logged; the answer holds only its request id."""
    if isinstance(error, HTTPException):
        return _of_http(error)
    for kind, (status, title) in KNOWN.items():
        if isinstance(error, kind):
            return problem(status, error.kind, title, error.message, headers=_headers(status))
    request_id = requests.current()
    log.error("api.failed", request_id=request_id, exc_info=error)
    detail = f"Something in Daybook went wrong; the log line with request_id {request_id} says what."
    return problem(500, "internal", "Internal error", detail, request_id=request_id)


def problem(
    status: int, kind: str, title: str, detail: str, *, headers: dict[str, str] | None = None, **more: str
) -> Response:
    """One problem; `kind` is the stable word for scripts, the last part of `type`."""
    body: dict[str, Any] = {
        "type": f"urn:daybook:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def _of_http(error: HTTPException) -> Response:
    phrase = HTTPStatus(error.status_code).phrase
    detail = {
        404: "The API has no such address; /api/v1/openapi.json lists those there are.",
        405: "This address does not take that method; the Allow header says which it takes.",
    }.get(error.status_code, phrase)
    kind = phrase.lower().replace(" ", "_")
    return problem(error.status_code, kind, phrase, detail, headers=dict(error.headers or {}))


def _headers(status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status == 503:
        return {"Retry-After": str(_RETRY_AFTER)}
    return {}
