"""The shapes of Cal.com's answers: success, refusal, crash. Pure; `pipeline.py` sends them.

Cal.com names errors in three vocabularies: Nest's class names, upper-case words from the database layer (which
carry no details), and `TRPCError`. Some exceptions are not enveloped at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_NEST = {
    400: ("BadRequestException", "Bad Request"),
    401: ("UnauthorizedException", "Unauthorized"),
    403: ("ForbiddenException", "Forbidden"),
    404: ("NotFoundException", "Not Found"),
    409: ("ConflictException", "Conflict"),
}
_DATABASE = {400: "BAD_REQUEST", 404: "NOT_FOUND", 409: "CONFLICT", 500: "INTERNAL_SERVER_ERROR"}
THROTTLED = "CustomThrottlerGuard - Too many requests. Please try again later."


class Refusal(Exception):
    """An answer in the error envelope, with `headers` of its own."""

    def __init__(self, status: int, code: str, message: str, details: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers: dict[str, str] = {}


class Crash(Exception):
    """An exception Cal.com does not envelop: Nest's bare 500."""


def nest(status: int, message: str) -> Refusal:
    """A refusal by one of Nest's exceptions, whose details repeat it."""
    code, error = _NEST[status]
    return Refusal(status, code, message, {"message": message, "error": error, "statusCode": status})


def database(status: int, message: str) -> Refusal:
    """A refusal that comes from the database layer."""
    return Refusal(status, _DATABASE[status], message)


def invalid(errors: list[dict[str, Any]]) -> Refusal:
    """A refusal by the validator. As at Cal.com, each error's `target` echoes the whole body, secrets included."""
    return Refusal(400, _NEST[400][0], "Bad Request Exception", {"errors": errors})


def throttled(headers: dict[str, str] | None = None) -> Refusal:
    """The rate limit's refusal, whose details are a plain text."""
    refusal = Refusal(429, "ThrottlerException", THROTTLED, THROTTLED)
    refusal.headers.update(headers or {})
    return refusal


def success(data: object, **more: object) -> dict[str, object]:
    """The success envelope; only the list of managed organizations adds `pagination`."""
    return {"status": "success", "data": data, **more}


def failure(refusal: Refusal, path: str, now: datetime) -> dict[str, object]:
    """The error envelope."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.details is not None:
        error["details"] = refusal.details
    return {"status": "error", "timestamp": iso(now), "path": path, "error": error}


def bare_failure() -> dict[str, object]:
    """What is left of a crash."""
    return {"statusCode": 500, "message": "Internal server error"}


def iso(instant: datetime) -> str:
    """As JavaScript's `toISOString`: UTC, three digits of fraction, `Z`."""
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"
